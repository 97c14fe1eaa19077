"""How versions do: checked at a moment, on ripe leads, and estimated on those that wait."""

from monitoring.services.performance.check import check, check_daily

__all__ = ["check", "check_daily"]
