"""Intervals used across the house: proportions, means, AUC, bootstrap. One import for the callers."""

from __future__ import annotations

from scoring.ml.delong import PairedAuc, delong_auc, delong_paired
from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.proportions import clopper_pearson, newcombe, wilson, wilson_bounds

__all__ = [
    "Estimate",
    "NotEnoughData",
    "PairedAuc",
    "clopper_pearson",
    "delong_auc",
    "delong_paired",
    "newcombe",
    "wilson",
    "wilson_bounds",
]
