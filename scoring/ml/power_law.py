"""The curve of a measure over the number of leads, and what more leads would add."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.ml.estimates import Estimate, NotEnoughData

Floats = NDArray[np.float64]

RATES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4)
"""Exponents tried: a half is the slowest rate of learning theory's usual bounds, one that of a right model."""
DRAWS = 2000
LEAST_POINTS = 4


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """value = ceiling - gap * (share of today's leads) ** -rate; `gap` is what is still missing today, 0 or more."""

    ceiling: float
    gap: float
    rate: float

    def at(self, share: Floats | float) -> Floats:
        """The value at these multiples of today's leads."""
        return np.asarray(self.ceiling - self.gap * np.asarray(share, dtype=np.float64) ** -self.rate)

    def to_json(self) -> dict[str, float]:
        """A JSON object."""
        return {"ceiling": self.ceiling, "gap": self.gap, "rate": self.rate}


def fit_power_law(share: Floats, values: Floats) -> PowerLaw:
    """Fit the law to values (points,) at shares (points,) in (0, 1], by least squares weighted with the share.

    The right end counts most: it is measured best, and settings found on all leads do not suit a tenth of them.
    Raises ``NotEnoughData`` below 4 points. Inverse power laws for learning curves: Figueroa et al. (2012), BMC
    Medical Informatics and Decision Making 12:8; Viering & Loog (2023), IEEE TPAMI 45:7799-7819.
    """
    if len(share) < LEAST_POINTS:
        raise NotEnoughData(f"a curve needs at least {LEAST_POINTS} points, got {len(share)}")
    ceiling, gap, rate = _fit(share, values[None, :])
    return PowerLaw(float(ceiling[0]), float(gap[0]), float(rate[0]))


def gain_of_more(
    share: Floats, values: Floats, covariance: Floats, *, growth: float, n: int, seed: int
) -> Estimate:
    """Return what the value gains when the leads grow to `growth` (> 1) times today's, with a 95 % interval.

    `values` (points,) with `covariance` (points x points) stand at shares (points,). The interval comes from
    2,000 normal draws of the points, each fitted with its own rate; its form cannot be wrong within it, so a
    curve that bends later than the points show is not in it. `n` is passed on. Raises as `fit_power_law`.
    """
    law = fit_power_law(share, values)
    draws = np.random.default_rng([seed, 22]).multivariate_normal(
        values, covariance, size=DRAWS, method="svd", check_valid="ignore"
    )
    _, gap, rate = _fit(share, draws)
    gains = gap * (1.0 - growth**-rate)
    value = law.gap * (1.0 - growth**-law.rate)
    low, high = (float(bound) for bound in np.quantile(gains, (0.025, 0.975)))
    return Estimate(value, min(low, value), max(high, value), n, f"power law, {DRAWS:,} normal draws")


def _fit(share: Floats, values: Floats) -> tuple[Floats, Floats, Floats]:
    """Ceiling, gap and rate of each row of values (rows, points)."""
    weight = share / share.sum()
    best = np.full(len(values), np.inf)
    found = np.zeros((3, len(values)))
    mean = values @ weight
    for rate in RATES:
        x = share**-rate
        centred = x - float(x @ weight)
        slope = (values - mean[:, None]) @ (weight * centred) / float((weight * centred**2).sum())
        gap = np.maximum(-slope, 0.0)
        ceiling = mean + gap * float(x @ weight)
        misfit = ((values - ceiling[:, None] + gap[:, None] * x) ** 2) @ weight
        better = misfit < best
        best = np.where(better, misfit, best)
        found = np.where(better, np.stack([ceiling, gap, np.full(len(values), rate)]), found)
    return found[0], found[1], found[2]
