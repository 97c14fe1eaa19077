"""Intervals for means and for differences of means, with unequal variances."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.moments import Moments

Sample = NDArray[np.float64] | Moments


def _summary(sample: Sample) -> tuple[int, float, float]:
    moments = sample if isinstance(sample, Moments) else Moments.of(sample)
    if moments.n.ndim:
        raise ValueError(f"expected one column, got moments of shape {moments.n.shape}")
    n = int(moments.n)
    if n < 2:
        raise NotEnoughData(f"an interval for a mean needs at least 2 values, got {n}")
    return n, float(moments.mean), float(moments.variance())


def mean(sample: Sample, *, confidence: float = 0.95) -> Estimate:
    """Return the mean of ``sample`` (values, NaN = missing, or Moments) with Student's t interval.

    Raises ``NotEnoughData`` below 2 values. Source: Student (1908), Biometrika 6:1-25.
    """
    n, centre, variance = _summary(sample)
    half = float(stdtrit(n - 1, 0.5 + confidence / 2)) * math.sqrt(variance / n)
    return Estimate(centre, centre - half, centre + half, n, "Student t")


def welch(a: Sample, b: Sample, *, confidence: float = 0.95) -> Estimate:
    """Return the difference of means a - b of two independent samples; ``n`` counts both.

    Raises ``NotEnoughData`` when a sample has fewer than 2 values. Source: Welch (1947), Biometrika
    34:28-35; degrees of freedom after Satterthwaite (1946), Biometrics Bulletin 2:110-114.
    """
    n_a, mean_a, variance_a = _summary(a)
    n_b, mean_b, variance_b = _summary(b)
    part_a, part_b = variance_a / n_a, variance_b / n_b
    value, total = mean_a - mean_b, part_a + part_b
    half = 0.0
    if total > 0:
        freedom = total**2 / (part_a**2 / (n_a - 1) + part_b**2 / (n_b - 1))
        half = float(stdtrit(freedom, 0.5 + confidence / 2)) * math.sqrt(total)
    return Estimate(value, value - half, value + half, n_a + n_b, "Welch")
