"""Plumbing shared by every app: work rows, queueing, ids, idempotency, errors. Knows no app."""
