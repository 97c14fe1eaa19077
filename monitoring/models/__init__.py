"""Rows of the watch."""

from monitoring.models.drift import CheckKind, DriftCheck, FeatureLimit
from monitoring.models.profiles import FoldState, Span, StoredProfile
from monitoring.models.readings import StoredReading

__all__ = [
    "CheckKind",
    "DriftCheck",
    "FeatureLimit",
    "FoldState",
    "Span",
    "StoredProfile",
    "StoredReading",
]
