"""Rows of the watch."""

from monitoring.models.alerts import Alert, AlertEvent, AlertRule
from monitoring.models.channels import Delivery, NotificationChannel
from monitoring.models.drift import CheckKind, DriftCheck, FeatureLimit
from monitoring.models.operations import OperationsCheck, PredictionTotal, RequestTally, RequestTotal
from monitoring.models.performance import Exposure, PerformanceCheck
from monitoring.models.profiles import FoldState, Span, StoredProfile
from monitoring.models.readings import StoredReading
from monitoring.models.reports import Report, ReportDelivery, ReportKind, ReportState, Stakeholder, week_words

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertRule",
    "CheckKind",
    "Delivery",
    "DriftCheck",
    "Exposure",
    "FeatureLimit",
    "FoldState",
    "NotificationChannel",
    "OperationsCheck",
    "PerformanceCheck",
    "PredictionTotal",
    "Report",
    "ReportDelivery",
    "ReportKind",
    "ReportState",
    "RequestTally",
    "RequestTotal",
    "Span",
    "Stakeholder",
    "StoredProfile",
    "StoredReading",
    "week_words",
]
