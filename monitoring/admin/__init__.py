"""Pages of monitoring: one module for each aggregate."""

from monitoring.admin import (
    alerts,
    channels,
    drift,
    limits,
    operations,
    performance,
    reports,
    rules,
    stakeholders,
)

__all__ = [
    "alerts",
    "channels",
    "drift",
    "limits",
    "operations",
    "performance",
    "reports",
    "rules",
    "stakeholders",
]
