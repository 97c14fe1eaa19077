"""Bootstrap intervals for statistics that have no closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from scoring.ml.estimates import Estimate, NotEnoughData

Array = NDArray[Any]


def bootstrap_estimate(
    fn: Callable[..., float],
    arrays: Sequence[Array],
    *,
    seed: int,
    reps: int = 500,
    strata: Array | None = None,
    confidence: float = 0.95,
    jackknife_groups: int = 100,
) -> Estimate:
    """Return ``fn(*arrays)`` with its bias-corrected and accelerated (BCa) bootstrap interval.

    Rows are drawn with replacement, jointly from all ``arrays`` (each of length n), within each value of
    ``strata`` when it is given. The acceleration comes from a jackknife over at most ``jackknife_groups``
    groups of rows. Resamples on which ``fn`` raises ``NotEnoughData`` are left out and the method names
    how many.

    Raises ``NotEnoughData`` below 2 rows or when more than 5 % of the resamples could not be computed,
    ``ValueError`` on unequal lengths. Source: Efron (1987), JASA 82:171-185.
    """
    n = _length(arrays)
    if n < 2:
        raise NotEnoughData(f"a bootstrap needs at least 2 rows, got {n}")
    rng = np.random.default_rng(seed)
    value = float(fn(*arrays))
    groups = (
        [np.arange(n)] if strata is None else [np.flatnonzero(strata == level) for level in np.unique(strata)]
    )
    draws: list[float] = []
    for _ in range(reps):
        rows = np.concatenate([group[rng.integers(0, len(group), len(group))] for group in groups])
        result = _try(fn, arrays, rows)
        if result is not None:
            draws.append(result)
    if len(draws) < 0.95 * reps:
        raise NotEnoughData(f"only {len(draws)} of {reps} resamples could be computed (n = {n})")
    low, high = _bca(
        np.sort(np.array(draws)), value, _acceleration(fn, arrays, n, jackknife_groups, rng), confidence
    )
    method = f"BCa bootstrap, {len(draws)} resamples"
    return Estimate(value, min(low, value), max(high, value), n, method)


def _length(arrays: Sequence[Array]) -> int:
    lengths = {len(array) for array in arrays}
    if len(lengths) != 1:
        raise ValueError(f"every array must have the same length, got {sorted(lengths)}")
    return lengths.pop()


def _try(fn: Callable[..., float], arrays: Sequence[Array], rows: Array) -> float | None:
    try:
        return float(fn(*(array[rows] for array in arrays)))
    except NotEnoughData:
        return None


def _acceleration(
    fn: Callable[..., float], arrays: Sequence[Array], n: int, groups: int, rng: np.random.Generator
) -> float:
    order = rng.permutation(n)
    left_out = [_try(fn, arrays, np.setdiff1d(order, part)) for part in np.array_split(order, min(groups, n))]
    values = np.array([result for result in left_out if result is not None])
    if len(values) < 2:
        return 0.0
    gaps = values.mean() - values
    spread = float((gaps**2).sum()) ** 1.5
    return float((gaps**3).sum() / (6 * spread)) if spread > 0 else 0.0


def _bca(
    draws: NDArray[np.float64], value: float, acceleration: float, confidence: float
) -> tuple[float, float]:
    below = (float((draws < value).mean()) + float((draws <= value).mean())) / 2
    edge = 0.5 / len(draws)
    bias = float(ndtri(min(max(below, edge), 1 - edge)))
    z = float(ndtri(0.5 + confidence / 2))
    shifted = [bias + side for side in (-z, z)]
    levels = [float(ndtr(bias + point / (1 - acceleration * point))) for point in shifted]
    low, high = np.quantile(draws, levels)
    return float(low), float(high)
