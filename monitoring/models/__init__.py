"""Rows of the watch."""

from monitoring.models.operations import OperationsCheck, RequestTally, RequestTotal
from monitoring.models.readings import StoredReading

__all__ = ["OperationsCheck", "RequestTally", "RequestTotal", "StoredReading"]
