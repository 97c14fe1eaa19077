"""Adopting models of other tools: seen in MLflow, requested as a row, checked, judged and registered."""

from scoring.services.adoption.request import cancel_adoption, request_adoption
from scoring.services.adoption.run import adopt_and_log, run_adoption
from scoring.services.adoption.survey import survey_foreign

__all__ = ["adopt_and_log", "cancel_adoption", "request_adoption", "run_adoption", "survey_foreign"]
