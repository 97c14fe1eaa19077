"""Rows of the watch."""

from monitoring.models.operations import OperationsCheck, PredictionTotal, RequestTally, RequestTotal
from monitoring.models.readings import StoredReading

__all__ = ["OperationsCheck", "PredictionTotal", "RequestTally", "RequestTotal", "StoredReading"]
