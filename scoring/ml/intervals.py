"""Intervals used across the house: proportions, means, AUC, bootstrap. One import for the callers."""

from __future__ import annotations

from scoring.ml.bootstrap import bootstrap_estimate
from scoring.ml.delong import PairedAuc, delong_auc, delong_covariance, delong_paired
from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.means import mean, welch
from scoring.ml.proportions import clopper_pearson, newcombe, wilson, wilson_bounds

__all__ = [
    "Estimate",
    "NotEnoughData",
    "PairedAuc",
    "bootstrap_estimate",
    "clopper_pearson",
    "delong_auc",
    "delong_covariance",
    "delong_paired",
    "mean",
    "newcombe",
    "welch",
    "wilson",
    "wilson_bounds",
]
