"""The largest gap between two distribution functions, of columns or of their sketches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from scoring.ml.estimates import NotEnoughData
from scoring.ml.sketches import QuantileSketch

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class KolmogorovSmirnov:
    """The gap (0 to 1), by how much it may be off (0 for columns), and the p-value of no difference."""

    gap: float
    error: float
    p: float


def ks_of_columns(current: ArrayLike, reference: ArrayLike) -> KolmogorovSmirnov:
    """Exact on columns of numbers; NaN is missing. SciPy's two-sample test (Hodges 1958, Ark. Mat. 3:469-486).

    Raises:
        NotEnoughData: a column holds no number.
    """
    columns = [np.asarray(values, dtype=np.float64) for values in (current, reference)]
    p, q = (column[~np.isnan(column)] for column in columns)
    if not len(p) or not len(q):
        raise NotEnoughData(f"a comparison needs numbers on both sides, got {len(p)} and {len(q)}")
    found = stats.ks_2samp(p, q)
    return KolmogorovSmirnov(float(found.statistic), 0.0, float(found.pvalue))


def ks_of_sketches(current: QuantileSketch, reference: QuantileSketch) -> KolmogorovSmirnov:
    """From sketches: the gap is right to `error`, and the p-value is that of the smallest gap they leave open, so
    that it never claims too much. Ties make it larger than it need be.

    Raises:
        NotEnoughData: a sketch is empty.
    """
    if not current.n or not reference.n:
        raise NotEnoughData(f"a comparison needs numbers on both sides, got {current.n} and {reference.n}")
    at = np.unique(np.concatenate([*current.levels, *reference.levels]))
    gap = float(np.abs(current.rank(at) - reference.rank(at)).max())
    error = current.rank_error + reference.rank_error
    rows = max(round(current.n * reference.n / (current.n + reference.n)), 1)
    return KolmogorovSmirnov(gap, error, float(stats.kstwo.sf(max(gap - error, 0.0), rows)))
