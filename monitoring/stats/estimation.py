"""How well a model does before the outcomes are known, from its own probabilities.

Confidence-based performance estimation: if a lead converts with the probability the model gives it, every metric has an
expectation over the outcomes that may come, and a spread. It holds while only the mix of leads changes and the
probabilities are right for leads like these; it cannot see a changed law. The interval is for the metric that will be
measured once the outcomes are there, so it carries the chance of these outcomes and nothing else.
Source of the idea: the NannyML documentation, "Confidence-based Performance Estimation"; the expected AUC is that of
van Klaveren et al. (2016), Statistics in Medicine 35:4136-4152.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtri

from scoring.ml.concordance import promised_ranking
from scoring.ml.estimates import Estimate, NotEnoughData

Floats = NDArray[np.float64]

LEAST_EXPECTED = 10.0
"""Fewer expected conversions, or expected other leads, and no AUC or recall is told."""
METHOD = "before outcomes"


def estimated_auc(p: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """The ROC-AUC that leads with these probabilities (shape n) will show, interval on the logit scale.

    Raises:
        NotEnoughData: fewer than 10 conversions or 10 other leads are expected, or all probabilities are equal.
    """
    values = _checked(p)
    _enough(values)
    auc, spread = promised_ranking(values)
    if spread <= 0:
        raise NotEnoughData("leads with one probability cannot be ranked")
    half = _z(confidence) * spread / (auc * (1.0 - auc))
    middle = float(logit(auc))
    return Estimate(auc, float(expit(middle - half)), float(expit(middle + half)), len(values), METHOD)


def estimated_rate(p: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """The share that will convert; the count is a sum of unequal coins, its interval that of a normal with the same
    mean, variance and a correction of half a lead, kept between 0 and 1."""
    values = _checked(p)
    n = len(values)
    half = _z(confidence) * math.sqrt(float((values * (1 - values)).sum())) + 0.5
    mean = float(values.sum())
    return Estimate(mean / n, max(mean - half, 0.0) / n, min(mean + half, float(n)) / n, n, METHOD)


def estimated_precision(p: ArrayLike, chosen: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """The share of the chosen leads (bool, shape n) that will convert: what a grade promises.

    Raises:
        NotEnoughData: no lead is chosen.
    """
    values, mask = _checked(p), _mask(chosen, p)
    if not mask.any():
        raise NotEnoughData("no lead is chosen, so there is no precision")
    return estimated_rate(values[mask], confidence=confidence)


def estimated_recall(p: ArrayLike, chosen: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """The share of all conversions that the chosen leads (bool, shape n) will hold; interval on the logit scale.

    Raises:
        NotEnoughData: fewer than 10 conversions are expected.
    """
    values, mask = _checked(p), _mask(chosen, p)
    _enough(values, others=False)
    total = float(values.sum())
    share = float(values[mask].sum()) / total
    if not 0.0 < share < 1.0:
        return Estimate(share, share, share, len(values), METHOD)
    influence = (mask - share) / total
    spread = math.sqrt(float((influence**2 * values * (1 - values)).sum()))
    half = _z(confidence) * spread / (share * (1 - share))
    middle = float(logit(share))
    return Estimate(share, float(expit(middle - half)), float(expit(middle + half)), len(values), METHOD)


def estimated_brier(p: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """The mean squared distance of the probabilities from the outcomes to come."""
    values = _checked(p)
    n = len(values)
    noise = values * (1 - values)
    spread = math.sqrt(float((noise * (1 - 2 * values) ** 2).sum())) / n
    mean, half = float(noise.mean()), _z(confidence) * spread
    return Estimate(mean, max(mean - half, 0.0), min(mean + half, 1.0), n, METHOD)


@dataclass(frozen=True, slots=True)
class Promise:
    """All of it for one window; None where the leads do not carry the metric, and then `left_out` says why."""

    rate: Estimate
    brier: Estimate
    auc: Estimate | None
    left_out: str = ""


def estimate_performance(p: ArrayLike, *, confidence: float = 0.95) -> Promise:
    """Every metric that needs probabilities only.

    Raises:
        ValueError: there is no lead, or a probability lies outside 0 to 1.
    """
    rate = estimated_rate(p, confidence=confidence)
    brier = estimated_brier(p, confidence=confidence)
    try:
        return Promise(rate, brier, estimated_auc(p, confidence=confidence))
    except NotEnoughData as reason:
        return Promise(rate, brier, None, str(reason))


def _checked(p: ArrayLike) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"expected one column of at least one probability, got shape {values.shape}")
    if not bool(((values >= 0) & (values <= 1)).all()):
        raise ValueError("expected probabilities between 0 and 1")
    return values


def _mask(chosen: ArrayLike, p: ArrayLike) -> NDArray[np.bool_]:
    mask = np.asarray(chosen)
    if mask.dtype != np.bool_ or mask.shape != np.shape(p):
        raise ValueError(
            f"expected a yes or no for each of {np.shape(p)} leads, got {mask.dtype} {mask.shape}"
        )
    return mask


def _enough(values: Floats, *, others: bool = True) -> None:
    conversions = float(values.sum())
    rest = len(values) - conversions
    if conversions < LEAST_EXPECTED:
        raise NotEnoughData(
            f"{conversions:.1f} conversions are expected; at least {LEAST_EXPECTED:.0f} are needed"
        )
    if others and rest < LEAST_EXPECTED:
        raise NotEnoughData(f"{rest:.1f} other leads are expected; at least {LEAST_EXPECTED:.0f} are needed")


def _z(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    return float(ndtri(0.5 + confidence / 2))
