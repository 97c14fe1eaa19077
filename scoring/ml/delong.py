"""ROC-AUC with its sampling variance, alone and paired, by DeLong's placement values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri, stdtrit

from scoring.ml.estimates import Estimate, NotEnoughData

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Below this many rows in the rarer class DeLong's variance is itself too uncertain: measured coverage falls
#: to 90 % (logit, t), where the score interval stays at 94 to 97 %.
SMALLEST_CLASS = 30


@dataclass(frozen=True, slots=True)
class PairedAuc:
    """Two AUCs on the same rows: DeLong variances, covariance, a - b with interval, two-sided p-value."""

    auc_a: float
    auc_b: float
    var_a: float
    var_b: float
    cov: float
    difference: Estimate
    p_value: float


def delong_auc(y: NDArray[np.bool_], p: NDArray[np.float64], *, confidence: float = 0.95) -> Estimate:
    """Return the ROC-AUC of scores ``p`` (shape n, any unit) for outcomes ``y`` (shape n) with its interval.

    The variance is DeLong's; the interval is symmetric on the logit scale, so it stays inside (0, 1), and
    uses Student's t with Satterthwaite's degrees of freedom, because few conversions make the variance
    itself uncertain. Where the variance cannot be seen (perfect ranking, or one row in a class)
    Newcombe's score interval stands in. Ties count one half; constant scores give exactly .5, without
    spread.

    Raises ``NotEnoughData`` when a class is absent and ``ValueError`` on unequal lengths or a score that is
    not finite. Sources: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44:837-845; Sun & Xu (2014),
    IEEE SPL 21:1389-1393 (ranks); Brunner & Munzel (2000), Biometrical Journal 42:17-25 (degrees of
    freedom); Newcombe (2006), Statistics in Medicine 25:559-573, method 5.
    """
    y, (scores,) = _checked(y, p)
    return _interval(_placements(y, scores), y, confidence, constant=_is_constant(scores))


def delong_paired(
    y: NDArray[np.bool_], a: NDArray[np.float64], b: NDArray[np.float64], *, confidence: float = 0.95
) -> PairedAuc:
    """Compare the ROC-AUC of two scores on the same rows; ``difference`` is a - b.

    Variances, covariance and p-value are DeLong's (normal). The interval takes Student's t with
    Satterthwaite's degrees of freedom instead: with 5 conversions the normal one covers 84 %. Where no
    variance is seen although the rankings differ (a perfect ranking against a constant one), the two single
    intervals are combined by squared distances (Zou & Donner 2008, Statistics in Medicine 27:1693-1702) and
    the p-value is read off that interval.

    Raises ``NotEnoughData`` when a class has fewer than 2 rows, ``ValueError`` as ``delong_auc`` does.
    """
    y, (first, second) = _checked(y, a, b)
    m, n = int(y.sum()), int((~y).sum())
    if min(m, n) < 2:
        raise NotEnoughData(
            "comparing two AUCs needs at least 2 converted and 2 other rows, "
            f"got {m} converted and {n} others"
        )
    place_a, place_b = _placements(y, first), _placements(y, second)
    covariance = np.cov(place_a[0], place_b[0]) / m + np.cov(place_a[1], place_b[1]) / n
    var_a, var_b, cov = float(covariance[0, 0]), float(covariance[1, 1]), float(covariance[0, 1])
    auc_a, auc_b = float(place_a[0].mean()), float(place_b[0].mean())
    value = auc_a - auc_b
    parts = [
        float((of_a - of_b).var(ddof=1)) / len(of_a) for of_a, of_b in zip(place_a, place_b, strict=True)
    ]
    standard_error = math.sqrt(sum(parts))
    z = float(ndtri(0.5 + confidence / 2))
    from scipy.stats import rankdata

    if np.array_equal(rankdata(first), rankdata(second)):
        estimate, p_value = Estimate(0.0, 0.0, 0.0, m + n, "same ranking"), 1.0
    elif standard_error > 1e-9:
        freedom = sum(parts) ** 2 / (parts[0] ** 2 / (m - 1) + parts[1] ** 2 / (n - 1))
        half = float(stdtrit(freedom, 0.5 + confidence / 2)) * standard_error
        estimate = _difference(value, value - half, value + half, m + n, "DeLong, paired, t")
        p_value = math.erfc(abs(value) / standard_error / math.sqrt(2.0))
    else:
        one = _interval(place_a, y, confidence, constant=_is_constant(first))
        two = _interval(place_b, y, confidence, constant=_is_constant(second))
        down = math.hypot(one.value - one.low, two.high - two.value)
        up = math.hypot(one.high - one.value, two.value - two.low)
        estimate = _difference(value, value - down, value + up, m + n, "two AUC intervals combined")
        reach = down if value > 0 else up
        p_value = 1.0 if abs(value) < 1e-12 else math.erfc(abs(value) * z / reach / math.sqrt(2.0))
    return PairedAuc(auc_a, auc_b, var_a, var_b, cov, estimate, p_value)


def delong_covariance(y: NDArray[np.bool_], scores: NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Return the ROC-AUCs of k scores on the same rows (shape k) and their covariance (k x k).

    ``scores`` has shape k x n. Raises ``NotEnoughData`` when a class has fewer than 2 rows, ``ValueError`` as
    ``delong_auc`` does. Source: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44:837-845.
    """
    y, checked = _checked(y, *scores)
    m, n = int(y.sum()), int((~y).sum())
    if min(m, n) < 2:
        raise NotEnoughData(f"a variance needs 2 rows of each class, got {m} converted and {n} others")
    placed = [_placements(y, score) for score in checked]
    above, below = np.array([one[0] for one in placed]), np.array([one[1] for one in placed])
    covariance = np.atleast_2d(np.cov(above)) / m + np.atleast_2d(np.cov(below)) / n
    return above.mean(axis=1), np.asarray(covariance)


def _difference(value: float, low: float, high: float, n: int, method: str) -> Estimate:
    return Estimate(value, max(low, -1.0), min(high, 1.0), n, method)


def _checked(y: NDArray[np.bool_], *scores: NDArray[np.float64]) -> tuple[Bools, list[Floats]]:
    outcome = np.asarray(y)
    if outcome.ndim != 1:
        raise ValueError(f"y must be one-dimensional, got shape {outcome.shape}")
    if outcome.dtype != np.bool_:
        if not bool(np.isin(outcome, (0, 1)).all()):
            raise ValueError("y must hold only False/True (or 0/1)")
        outcome = outcome.astype(np.bool_)
    checked = []
    for score in scores:
        values = np.asarray(score, dtype=np.float64)
        if values.shape != outcome.shape:
            raise ValueError(f"y has shape {outcome.shape}, the scores have shape {values.shape}")
        if not bool(np.isfinite(values).all()):
            raise ValueError("every score must be a finite number")
        checked.append(values)
    positives = int(outcome.sum())
    if positives in (0, len(outcome)):
        raise NotEnoughData(
            f"an AUC needs converted and other rows, got {positives} converted of {len(outcome)}"
        )
    return outcome, checked


def _placements(y: Bools, score: Floats) -> tuple[Floats, Floats]:
    """Return for each positive the share of negatives below it, and for each negative the share above it."""
    positive, negative = score[y], score[~y]
    from scipy.stats import rankdata

    ranks = rankdata(score)
    above = (ranks[y] - rankdata(positive)) / len(negative)
    below = 1.0 - (ranks[~y] - rankdata(negative)) / len(positive)
    return above, below


def _is_constant(score: Floats) -> bool:
    return bool(score.min() == score.max())


def _interval(placements: tuple[Floats, Floats], y: Bools, confidence: float, *, constant: bool) -> Estimate:
    above, below = placements
    m, n = len(above), len(below)
    auc = float(above.mean())
    if constant:
        return Estimate(0.5, 0.5, 0.5, len(y), "constant scores")
    if min(m, n) >= SMALLEST_CLASS:
        parts = float(above.var(ddof=1)) / m, float(below.var(ddof=1)) / n
        variance = parts[0] + parts[1]
        if variance > 1e-15 and 0.0 < auc < 1.0:
            freedom = variance**2 / (parts[0] ** 2 / (m - 1) + parts[1] ** 2 / (n - 1))
            quantile = float(stdtrit(freedom, 0.5 + confidence / 2))
            half = quantile * math.sqrt(variance) / (auc * (1.0 - auc))
            bounds = float(expit(logit(auc) - half)), float(expit(logit(auc) + half))
            return Estimate(auc, min(bounds[0], auc), max(bounds[1], auc), len(y), "DeLong, logit")
    low, high = _score_bounds(auc, m, n, confidence)
    return Estimate(auc, low, high, len(y), "Newcombe score")


def _score_bounds(auc: float, m: int, n: int, confidence: float) -> tuple[float, float]:
    """Return the AUCs whose own standard error just reaches the estimate (Newcombe 2006, method 5)."""
    z = float(ndtri(0.5 + confidence / 2))
    average = (m + n) / 2 - 1

    def excess(theta: float) -> float:
        spread = (
            theta * (1 - theta) * (1 + average * ((1 - theta) / (2 - theta) + theta / (1 + theta))) / (m * n)
        )
        return (theta - auc) ** 2 - z * z * spread

    # An estimate of exactly 0 or 1 itself solves the equation: step off it to find the other root.
    step = 1e-9
    from scipy.optimize import brentq

    low = 0.0 if auc <= step else float(brentq(excess, 0.0, min(auc, 1.0 - step), xtol=1e-12))
    high = 1.0 if auc >= 1.0 - step else float(brentq(excess, max(auc, step), 1.0, xtol=1e-12))
    return low, high
