"""Pages of monitoring: one module for each aggregate."""

from monitoring.admin import alerts, channels, rules

__all__ = ["alerts", "channels", "rules"]
