"""Intervals for proportions and for their differences, exact at the edges (0 of n, n of n)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtri

from scoring.ml.estimates import Estimate, NotEnoughData

Floats = NDArray[np.float64]


def _checked(successes: int, n: int, confidence: float) -> None:
    _check_confidence(confidence)
    if n == 0:
        raise NotEnoughData("a proportion needs at least 1 observation, got 0")
    if not 0 <= successes <= n:
        raise ValueError(f"expected 0 <= successes <= n, got {successes} of {n}")


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie strictly between 0 and 1, got {confidence!r}")


def _counts(successes: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    hits, total = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    if not bool(np.all((hits >= 0) & (hits <= total))):
        raise ValueError("expected 0 <= successes <= n in every element")
    return hits, total


def wilson_bounds(successes: ArrayLike, n: ArrayLike, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Return the Wilson score bounds, element by element; 0 of 0 gives (0, 1), which says nothing.

    ``successes`` and ``n`` are counts of one broadcastable shape. Source: Wilson (1927), JASA 22:209-212.
    Raises ``ValueError`` when a count is out of range.
    """
    _check_confidence(confidence)
    hits, total = _counts(successes, n)
    z2 = float(ndtri(0.5 + confidence / 2)) ** 2
    centre = (hits + z2 / 2) / (total + z2)
    half = np.sqrt(z2 * (hits * (total - hits) / np.maximum(total, 1) + z2 / 4)) / (total + z2)
    # Rounding leaves 1e-17 where the bound is exactly the edge.
    low = np.where(hits == 0, 0.0, np.clip(centre - half, 0.0, 1.0))
    high = np.where(hits == total, 1.0, np.clip(centre + half, 0.0, 1.0))
    return low, high


def wilson(successes: int, n: int, *, confidence: float = 0.95) -> Estimate:
    """Return the proportion ``successes / n`` with its Wilson score interval.

    Raises ``NotEnoughData`` for n = 0. Source: Wilson (1927), JASA 22:209-212; recommended by Brown, Cai &
    DasGupta (2001), Statistical Science 16:101-133.
    """
    _checked(successes, n, confidence)
    low, high = wilson_bounds(successes, n, confidence=confidence)
    return Estimate(successes / n, float(low), float(high), int(n), "wilson")


def clopper_pearson(successes: int, n: int, *, confidence: float = 0.95) -> Estimate:
    """Return the proportion with its exact two-sided interval, which never covers less than promised.

    Raises ``NotEnoughData`` for n = 0. Source: Clopper & Pearson (1934), Biometrika 26:404-413.
    """
    _checked(successes, n, confidence)
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes == n else float(betaincinv(successes + 1, n - successes, 1 - tail))
    return Estimate(successes / n, low, high, int(n), "clopper-pearson")


def newcombe(hits_a: int, n_a: int, hits_b: int, n_b: int, *, confidence: float = 0.95) -> Estimate:
    """Return the difference a - b of two independent proportions with Newcombe's interval.

    The two Wilson intervals are combined by squared distances. ``n`` counts both groups. Raises
    ``NotEnoughData`` when a group is empty. Source: Newcombe (1998), Statistics in Medicine 17:873-890,
    method 10.
    """
    a, b = wilson(hits_a, n_a, confidence=confidence), wilson(hits_b, n_b, confidence=confidence)
    value = a.value - b.value
    low = value - math.hypot(a.value - a.low, b.high - b.value)
    high = value + math.hypot(a.high - a.value, b.value - b.low)
    return Estimate(value, max(low, -1.0), min(high, 1.0), int(n_a + n_b), "newcombe")
