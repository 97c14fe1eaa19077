"""Rows of the watch."""

from monitoring.models.readings import StoredReading

__all__ = ["StoredReading"]
