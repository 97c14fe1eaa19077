"""Slow change: a series of weekly figures that no single week would alarm about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

LEAST_WEEKS = 8


@dataclass(frozen=True, slots=True)
class Change:
    """The most likely week of a change (index of the first week after it), the weighted means before and after, and
    the p-value of no change anywhere."""

    at: int
    before: float
    after: float
    p: float


def change_point(values: ArrayLike, weights: ArrayLike) -> Change | None:
    """Look for one change of level in weekly means (shape weeks), each of `weights` rows.

    The largest absolute cumulative sum of weighted deviations, scaled by the spread of neighbouring weeks, against the
    supremum of a Brownian bridge (Ploberger & Kraemer 1992, Econometrica 60:271-285). The spread comes from
    differences of neighbours (von Neumann 1941), which a change of level hardly touches. None for fewer than 8 weeks
    with rows.

    Raises:
        ValueError: the two differ in shape, or hold what is no number.
    """
    y, w = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if y.shape != w.shape or y.ndim != 1 or not bool((w >= 0).all()):
        raise ValueError(f"expected weekly figures and their rows, got shapes {y.shape} and {w.shape}")
    there = np.flatnonzero(w > 0)
    y, w = y[there], w[there]
    if not bool(np.isfinite(y).all()):
        raise ValueError("expected finite weekly figures")
    weeks = len(y)
    if weeks < LEAST_WEEKS:
        return None
    total = w.sum()
    mean = float((w * y).sum() / total)
    # Var(y_i) = s2 / w_i, so neighbours differ by s2 (1/w_i + 1/w_i+1).
    s2 = float((np.diff(y) ** 2 / (1 / w[1:] + 1 / w[:-1])).mean())
    if s2 <= 0:
        return Change(int(there[0]), mean, mean, 1.0)
    path = np.abs(np.cumsum(w * (y - mean))[:-1]) / np.sqrt(s2 * total)
    first = int(np.argmax(path)) + 1
    before = float((w[:first] * y[:first]).sum() / w[:first].sum())
    after = float((w[first:] * y[first:]).sum() / w[first:].sum())
    return Change(int(there[first]), before, after, float(special.kolmogorov(path.max())))
