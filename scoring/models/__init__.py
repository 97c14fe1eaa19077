"""Rows of the core."""

from scoring.models.features import Feature, FeatureSet
from scoring.models.keys import ApiKey
from scoring.models.leads import Lead
from scoring.models.outcomes import Outcome
from scoring.models.predictions import Prediction
from scoring.models.releases import GradeBand, Regrade, Release
from scoring.models.rescoring import RescoreRun
from scoring.models.search import LeadSearch
from scoring.models.training import (
    ImportRowError,
    ImportRun,
    MaturityWindow,
    ReadinessSnapshot,
    TrainingPolicy,
    TrainingRun,
)
from scoring.models.versions import MODEL_NAME, ModelVersion
from scoring.models.views import SavedView

__all__ = [
    "MODEL_NAME",
    "ApiKey",
    "Feature",
    "FeatureSet",
    "GradeBand",
    "ImportRowError",
    "ImportRun",
    "Lead",
    "LeadSearch",
    "MaturityWindow",
    "ModelVersion",
    "Outcome",
    "Prediction",
    "ReadinessSnapshot",
    "Regrade",
    "Release",
    "RescoreRun",
    "SavedView",
    "TrainingPolicy",
    "TrainingRun",
]
