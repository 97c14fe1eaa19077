"""What a metric will be worth at a number of leads: the width of its interval, before any model is made."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import expit, logit, ndtri

PLANNED_AUC = 0.75
"""Where no version was judged yet: a usual model of leads."""
TEST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Worth:
    """The interval that a ROC-AUC of `auc` would have on the test leads that so many leads leave."""

    auc: float
    low: float
    high: float
    test_leads: int
    test_conversions: int

    @property
    def width(self) -> float:
        """High minus low."""
        return self.high - self.low

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {
            "auc": self.auc,
            "low": self.low,
            "high": self.high,
            "width": self.width,
            "test_leads": self.test_leads,
            "test_conversions": self.test_conversions,
        }


def auc_worth(
    auc: float, leads: int, conversions: int, *, share: float = TEST_SHARE, confidence: float = 0.95
) -> Worth | None:
    """The interval to expect when a fifth of `leads`, with its part of `conversions`, tests the model; None when
    that leaves fewer than two leads of an outcome.

    Standard error by Hanley & McNeil (1982), Radiology 143:29-36, for exponential scores; the interval is taken on
    the logit scale, as the measured one is, so it stays inside 0 to 1.
    """
    if not 0.5 <= auc < 1.0:
        raise ValueError(f"expected an AUC of at least .5 and below 1, got {auc!r}")
    hits = round(conversions * share)
    others = round((leads - conversions) * share)
    if min(hits, others) < 2:
        return None
    error = hanley_mcneil(auc, hits, others)
    half = float(ndtri(0.5 + confidence / 2)) * error / (auc * (1.0 - auc))
    return Worth(auc, float(expit(logit(auc) - half)), float(expit(logit(auc) + half)), hits + others, hits)


def hanley_mcneil(auc: float, positives: int, negatives: int) -> float:
    """The standard error of an AUC from `positives` and `negatives` rows.

    >>> round(hanley_mcneil(0.893, 51, 58), 4)
    0.0325
    """
    q1, q2 = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc)
    spread = auc * (1.0 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc)
    return math.sqrt(spread / (positives * negatives))
