"""Rows of the watch."""

from monitoring.models.profiles import FoldState, Span, StoredProfile
from monitoring.models.readings import StoredReading

__all__ = ["FoldState", "Span", "StoredProfile", "StoredReading"]
