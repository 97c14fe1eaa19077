"""How well a score puts converted leads on top: area under precision-recall, lift of the best tenth."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri, stdtrit

from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.proportions import wilson_bounds

Floats = NDArray[np.float64]


def pr_auc(y: NDArray[np.bool_], p: NDArray[np.float64]) -> Estimate:
    """Return average precision of scores ``p`` for outcomes ``y`` (both shape n) with its interval.

    Average precision is the sum of precision x gain in recall over the distinct scores, best first; ties are
    taken as one step. The variance is the infinitesimal jackknife (each row's influence in closed form),
    the interval is symmetric on the logit scale (Boyd, Eng & Page 2013, ECML PKDD, LNCS 8190:451-466) with
    Student's t on the number of conversions. Raises ``NotEnoughData`` when a class is absent.
    """
    m = _positives(y)
    n = len(y)
    if p.min() == p.max():
        low, high = (float(bound) for bound in wilson_bounds(m, n))
        return Estimate(m / n, low, high, n, "constant scores, Wilson")
    order = np.argsort(-p, kind="stable")
    hits, score = y[order].astype(np.float64), p[order]
    last = np.concatenate([score[1:] != score[:-1], [True]])
    step = np.concatenate([[0], np.cumsum(last)[:-1]])
    found, seen = np.cumsum(hits)[last], np.arange(1, n + 1, dtype=np.float64)[last]
    gained = np.diff(found, prepend=0.0)
    precision = found / seen
    value = float((gained * precision).sum() / m)
    # Influence of row j: its own precision, and what it does to the precision of every lower step.
    weight = gained / seen
    below_hit = np.cumsum((weight * (1 - precision))[::-1])[::-1]
    below_miss = np.cumsum((weight * -precision)[::-1])[::-1]
    influence = hits * (precision[step] - value) + np.where(hits > 0, below_hit[step], below_miss[step])
    spread = float(np.sqrt((influence**2).sum() * m / max(m - 1, 1))) / m
    if spread <= 0.0 or value >= 1.0:
        low = float(wilson_bounds(m, m)[0])
        return Estimate(value, min(low, value), 1.0, n, "perfect ranking, Wilson")
    half = float(stdtrit(max(m - 1, 1), 0.975)) * spread / (value * (1 - value))
    low, high = float(expit(logit(value) - half)), float(expit(logit(value) + half))
    return Estimate(value, min(low, value), max(high, value), n, "influence, logit")


def _positives(y: NDArray[np.bool_]) -> int:
    positives = int(y.sum())
    if positives in (0, len(y)):
        raise NotEnoughData(
            f"a ranking needs converted and other rows, got {positives} converted of {len(y)}"
        )
    return positives


def top_share_hits(y: NDArray[np.bool_], p: NDArray[np.float64], share: float) -> float:
    """Return how many converted rows the best ``share`` of the rows holds, ties counted by expectation.

    Where the border falls inside a group of equal scores, the group gives its conversion rate for each of
    the places that are left, so neither file order nor chance decides.
    """
    places = share * len(y)
    levels, index = np.unique(-p, return_inverse=True)
    rows = np.bincount(index, minlength=len(levels)).astype(np.float64)
    hits = np.bincount(index, weights=y.astype(np.float64), minlength=len(levels))
    before = np.cumsum(rows) - rows
    taken = np.clip(places - before, 0.0, rows)
    return float((hits * taken / rows).sum())


def top_decile_lift(y: NDArray[np.bool_], p: NDArray[np.float64]) -> Estimate:
    """Return the conversion rate of the best tenth of the rows over the rate of all rows (1 is no lift).

    Ties are counted by expectation. The lift is a monotone function of the rate ratio between the best tenth
    and the rest, two separate groups, so the interval is Koopman's score interval of that ratio (Koopman
    1984, Biometrics 40:513-517) carried over. Raises ``NotEnoughData`` when a class is absent or n < 10.
    """
    m = _positives(y)
    n = len(y)
    if n < 10:
        raise NotEnoughData(f"the best tenth needs at least 10 rows, got {n}")
    if p.min() == p.max():
        return Estimate(1.0, 1.0, 1.0, n, "constant scores")
    share = 0.1
    places = share * n
    hits = top_share_hits(y, p, share)
    value = (hits / places) / (m / n)
    low, high = _ratio_bounds(hits, places, m - hits, n - places)
    lift_low, lift_high = (1 / (share + (1 - share) / ratio) if ratio > 0 else 0.0 for ratio in (low, high))
    return Estimate(value, min(lift_low, value), max(lift_high, value), n, "Koopman score")


def _ratio_bounds(hits: float, n: float, other_hits: float, other_n: float) -> tuple[float, float]:
    """Return the bounds of (hits / n) / (other_hits / other_n); counts may be fractional."""
    limit = float(ndtri(0.975)) ** 2

    def excess(log_ratio: float) -> float:
        ratio = math.exp(log_ratio)
        a, b, c = (n + other_n) * ratio, n * ratio + hits + other_n + other_hits * ratio, hits + other_hits
        # The stable form of the smaller root: the direct one cancels for large ratios.
        other = 2 * c / (b + math.sqrt(max(b * b - 4 * a * c, 0.0)))
        rate = min(ratio * other, 1.0)
        return _squares(hits, n, rate) + _squares(other_hits, other_n, other) - limit

    far = 40.0
    small = 1e-9
    if hits <= small:
        return 0.0, math.exp(_root(excess, -far, far, falling=False))
    if other_hits <= small:
        return math.exp(_root(excess, -far, far, falling=True)), math.inf
    centre = math.log(hits / n / (other_hits / other_n))
    return (
        math.exp(_root(excess, centre - far, centre, falling=True)),
        math.exp(_root(excess, centre, centre + far, falling=False)),
    )


def _squares(hits: float, n: float, rate: float) -> float:
    spread = n * rate * (1 - rate)
    gap = (hits - n * rate) ** 2
    if spread > 0:
        return gap / spread
    return 0.0 if gap < 1e-12 else math.inf


def _root(excess: Callable[[float], float], low: float, high: float, *, falling: bool) -> float:
    """Bisect a function that crosses 0 once; it may be infinite at an end, which ``brentq`` refuses."""
    for _ in range(50):
        middle = (low + high) / 2
        if (excess(middle) > 0) == falling:
            low = middle
        else:
            high = middle
    return (low + high) / 2
