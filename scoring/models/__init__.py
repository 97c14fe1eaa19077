"""Rows of the core."""

from scoring.models.features import Feature, FeatureSet
from scoring.models.imports import DRAFT, ImportRowError, ImportRun, ImportStep
from scoring.models.keys import ApiKey
from scoring.models.leads import Lead
from scoring.models.outcomes import Outcome
from scoring.models.predictions import Prediction
from scoring.models.releases import GradeBand, Regrade, Release
from scoring.models.training import MaturityWindow, ReadinessSnapshot, TrainingPolicy, TrainingRun
from scoring.models.versions import MODEL_NAME, ModelVersion

__all__ = [
    "DRAFT",
    "MODEL_NAME",
    "ApiKey",
    "Feature",
    "FeatureSet",
    "GradeBand",
    "ImportRowError",
    "ImportRun",
    "ImportStep",
    "Lead",
    "MaturityWindow",
    "ModelVersion",
    "Outcome",
    "Prediction",
    "ReadinessSnapshot",
    "Regrade",
    "Release",
    "TrainingPolicy",
    "TrainingRun",
]
