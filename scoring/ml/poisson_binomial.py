"""How many of some leads convert when each has its own chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc


def conversions_p_value(p: NDArray[np.float64], converted: int) -> float:
    """Return how likely a number of conversions at least this far from the expected one is; the smaller tail doubled.

    ``p`` (shape n) are the chances of the leads. Their sum is Poisson-binomial; it is replaced by the binomial with
    the same mean and variance (exact when all chances are equal), with a number of trials that need not be whole.
    Source: Barbour, Holst & Janson (1992), Poisson Approximation, §1.4; Ehm (1991), Statistics & Probability
    Letters 11:7-16.
    """
    mean, squares = float(p.sum()), float((p * p).sum())
    if mean <= 0:
        return 1.0 if converted == 0 else 0.0
    chance, trials = squares / mean, mean * mean / squares
    return min(1.0, 2.0 * min(_at_most(converted, trials, chance), _at_least(converted, trials, chance)))


def _at_most(k: int, trials: float, chance: float) -> float:
    if k >= trials:
        return 1.0
    return float(betainc(trials - k, k + 1.0, 1.0 - chance))


def _at_least(k: int, trials: float, chance: float) -> float:
    if k <= 0:
        return 1.0
    if k - 1 >= trials:
        return 0.0
    return float(betainc(k, trials - k + 1.0, chance))
