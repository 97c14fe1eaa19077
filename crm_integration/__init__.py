"""Carries leads and scores between a CRM and the core."""
