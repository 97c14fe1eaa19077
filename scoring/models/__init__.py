"""Rows of the core."""

from scoring.models.adoption import AdoptionRun, ForeignVersion
from scoring.models.duplicates import IdentityScan, LeadIdentity, LeadMerge, MergePolicy, MergeProposal
from scoring.models.features import Feature, FeatureSet
from scoring.models.history import LeadEvent, ScoreOverride
from scoring.models.imports import DRAFT, ImportRowError, ImportRun, ImportStep
from scoring.models.keys import ApiKey
from scoring.models.leads import Lead
from scoring.models.outcomes import Outcome
from scoring.models.predictions import Prediction
from scoring.models.releases import GradeBand, GradeTally, Regrade, Release
from scoring.models.rescoring import RescoreRun
from scoring.models.search import LeadSearch
from scoring.models.training import MaturityWindow, ReadinessSnapshot, TrainingPolicy, TrainingRun
from scoring.models.versions import MODEL_NAME, ModelVersion
from scoring.models.views import SavedView

__all__ = [
    "DRAFT",
    "MODEL_NAME",
    "AdoptionRun",
    "ApiKey",
    "Feature",
    "FeatureSet",
    "ForeignVersion",
    "GradeBand",
    "GradeTally",
    "IdentityScan",
    "ImportRowError",
    "ImportRun",
    "ImportStep",
    "Lead",
    "LeadEvent",
    "LeadIdentity",
    "LeadMerge",
    "LeadSearch",
    "MaturityWindow",
    "MergePolicy",
    "MergeProposal",
    "ModelVersion",
    "Outcome",
    "Prediction",
    "ReadinessSnapshot",
    "Regrade",
    "Release",
    "RescoreRun",
    "SavedView",
    "ScoreOverride",
    "TrainingPolicy",
    "TrainingRun",
]
