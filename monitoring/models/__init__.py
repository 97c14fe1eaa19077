"""Rows of the watch."""

from monitoring.models.readings import StoredReading
from monitoring.models.reports import (
    Report,
    ReportDelivery,
    ReportKind,
    ReportState,
    Stakeholder,
    week_words,
)

__all__ = [
    "Report",
    "ReportDelivery",
    "ReportKind",
    "ReportState",
    "Stakeholder",
    "StoredReading",
    "week_words",
]
