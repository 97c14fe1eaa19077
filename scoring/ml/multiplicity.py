"""Many tests at once: how likely each finding is to be a chance one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Return the q-value of each p-value (shape n): flag those at or below .05 and the expected share of false
    ones among the flagged is at most .05; where no effect is real, the chance of flagging any is at most .05.

    Holds for independent and for positively dependent tests. Raises ``ValueError`` when a p-value is not
    between 0 and 1. Sources: Benjamini & Hochberg (1995), JRSS B 57:289-300; Benjamini & Yekutieli (2001),
    Annals of Statistics 29:1165-1188 (dependence).

    >>> benjamini_hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or not bool(((values >= 0) & (values <= 1)).all()):
        raise ValueError("expected one column of p-values between 0 and 1")
    n = len(values)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * n / np.arange(1, n + 1)
    q = np.empty(n)
    # A smaller p-value never gets a larger q-value.
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q
