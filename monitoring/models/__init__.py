"""Rows of the watch."""

from monitoring.models.alerts import Alert, AlertEvent, AlertRule
from monitoring.models.channels import Delivery, NotificationChannel
from monitoring.models.readings import StoredReading

__all__ = ["Alert", "AlertEvent", "AlertRule", "Delivery", "NotificationChannel", "StoredReading"]
