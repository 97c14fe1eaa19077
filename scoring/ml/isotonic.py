"""Centred isotonic regression: the best increasing step curve, joined by straight lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: A steeper end would bend the outer steps, which hold real rows on both sides of their centre.
TILT = 0.01


@dataclass(frozen=True, slots=True)
class Knots:
    """Strictly increasing raw probabilities ``x`` (from 0 to 1) and calibrated ``value`` inside (0, 1)."""

    x: tuple[float, ...]
    value: tuple[float, ...]


def fit_knots(y: NDArray[np.bool_], p: NDArray[np.float64]) -> Knots:
    """Fit outcomes ``y`` on raw probabilities ``p`` (both shape n, both classes present).

    Each step of the isotonic fit becomes one knot at the mean of its rows, so the curve is strictly
    increasing and keeps the order of the scores; the plain step curve would tie all rows of a step. Beyond
    the outer knots it rises by ``TILT`` of the way to 0 or 1, just enough to keep the order. Source: Oron &
    Flournoy (2017), Statistics in Biopharmaceutical Research 9:258-267.
    """
    points, index = np.unique(p, return_inverse=True)
    weight = np.bincount(index).astype(np.float64)
    share = np.bincount(index, weights=y.astype(np.float64)) / weight
    from scipy.optimize import isotonic_regression

    fitted = np.asarray(isotonic_regression(share, weights=weight).x)
    starts = np.flatnonzero(np.concatenate([[True], np.diff(fitted) > 0]))
    rows = np.add.reduceat(weight, starts)
    centre = np.add.reduceat(weight * points, starts) / rows
    value = _off_the_edges(fitted[starts], rows)
    x, level = [0.0], [float(value[0]) * (1 - TILT)]
    for at, height in zip(centre, value, strict=True):
        if x[-1] < at < 1.0 and level[-1] < height:
            x.append(float(at))
            level.append(float(height))
    x.append(1.0)
    level.append(level[-1] + (1.0 - level[-1]) * TILT)
    return Knots(tuple(x), tuple(level))


def _off_the_edges(value: Floats, rows: Floats) -> Floats:
    """Give a step of only losses or only conversions half a count, but keep it beyond its neighbour."""
    inside = value.copy()
    if inside[0] <= 0.0:
        half = 0.5 / (rows[0] + 1)
        inside[0] = min(half, inside[1] / 2) if len(inside) > 1 else half
    if inside[-1] >= 1.0:
        half = 0.5 / (rows[-1] + 1)
        inside[-1] = max(1 - half, (1 + inside[-2]) / 2) if len(inside) > 1 else 1 - half
    return inside
