"""Rows of the watch."""

from monitoring.models.performance import Exposure, PerformanceCheck
from monitoring.models.readings import StoredReading

__all__ = ["Exposure", "PerformanceCheck", "StoredReading"]
