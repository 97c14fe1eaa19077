"""Watches what serves: profiles, drift, performance, alerts, retraining, reports."""
