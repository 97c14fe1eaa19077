"""How well the best possible predictor can rank: ROC-AUC against drawn outcomes, and its expectation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadscoring.simulation.draws import Flags, Floats


def ranking_auc(outcome: Flags, score: Floats) -> float:
    """Share of (converted, not converted) pairs ranked rightly, ties half; NaN for one class."""
    positives = int(outcome.sum())
    negatives = outcome.size - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2.0
    ranks = middle[place]
    return float((ranks[outcome].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def expected_auc(probability: Floats) -> float:
    """AUC of the true probabilities over endless redraws of the outcomes of these leads.

    Ratio of expectations over pairs i != j: sum of p_i (1 - p_j) where p_i > p_j, ties half, over the
    sum of p_i (1 - p_j). NaN for fewer than two leads.
    """
    if probability.size < 2:
        return float("nan")
    values, counts = np.unique(probability, return_counts=True)
    wins = values * counts
    losses = (1.0 - values) * counts
    below = np.cumsum(losses) - losses
    ties = wins * losses - counts * values * (1.0 - values)
    own = float((counts * values * (1.0 - values)).sum())
    return float(((wins * below).sum() + 0.5 * ties.sum()) / (wins.sum() * losses.sum() - own))


def best_auc_by(
    name: str, period: NDArray[Any], outcome: Flags, probability: Floats, counts: Flags
) -> pd.DataFrame:
    """Per period (a word per lead): leads, conversions, base_rate (mean probability), bayes_auc, expected_bayes_auc.

    counts: which leads do. A period without a conversion, or without another outcome, has a NaN for bayes_auc.
    """
    frame = pd.DataFrame(
        {name: period[counts], "outcome": outcome[counts], "probability": probability[counts]}
    )
    rows = []
    for when, part in frame.groupby(name, sort=True):
        y, p = part["outcome"].to_numpy(bool), part["probability"].to_numpy(np.float64)
        rows.append(
            {
                name: str(when),
                "leads": len(part),
                "conversions": int(y.sum()),
                "base_rate": float(p.mean()),
                "bayes_auc": ranking_auc(y, p),
                "expected_bayes_auc": expected_auc(p),
            }
        )
    columns = [name, "leads", "conversions", "base_rate", "bayes_auc", "expected_bayes_auc"]
    return pd.DataFrame(rows, columns=columns)
