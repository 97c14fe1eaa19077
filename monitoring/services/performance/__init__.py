"""How versions do: checked at a moment, on ripe leads, and estimated on those that wait."""

from monitoring.services.performance.check import check, check_daily
from monitoring.services.performance.compare import Compared, compare

__all__ = ["Compared", "check", "check_daily", "compare"]
