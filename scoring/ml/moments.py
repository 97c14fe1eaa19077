"""Counts, means and squared deviations that can be added up in any order without losing precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.ml.estimates import NotEnoughData

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """n, mean and M2 (the sum of squared deviations from the mean) of one or of many columns.

    The three arrays share one shape: () for one column, (k,) for k columns. An empty column has n = 0,
    mean = 0 and M2 = 0. Sums of squares are not kept: 1,000 values near 1e9 would give a negative variance.
    """

    n: NDArray[np.int64]
    mean: Floats
    m2: Floats

    @classmethod
    def of(cls, values: ArrayLike) -> Self:
        """Summarise one column (shape rows) or many (shape rows x columns); NaN means missing, not counted.

        Raises ``ValueError`` on an infinite value or a shape with more than two axes.
        """
        data = np.asarray(values, dtype=np.float64)
        if data.ndim not in (1, 2):
            raise ValueError(f"expected rows or rows x columns, got shape {data.shape}")
        if bool(np.isinf(data).any()):
            raise ValueError("infinite values have no moments")
        present = ~np.isnan(data)
        n = present.sum(axis=0)
        filled = np.where(present, data, 0.0)
        mean = filled.sum(axis=0) / np.maximum(n, 1)
        deviation = np.where(present, data - mean, 0.0)
        # A second pass removes what rounding left in the first mean.
        shift = deviation.sum(axis=0) / np.maximum(n, 1)
        m2 = (deviation**2).sum(axis=0) - n * shift**2
        return cls(np.asarray(n, np.int64), np.asarray(mean + shift), np.asarray(np.maximum(m2, 0.0)))

    def merge(self, other: Moments) -> Moments:
        """Return the moments of both samples together.

        Source: Chan, Golub & LeVeque (1979), "Updating formulae and a pairwise algorithm for computing
        sample variances", Stanford STAN-CS-79-773. Raises ``ValueError`` when the shapes differ.
        """
        if self.n.shape != other.n.shape:
            raise ValueError(f"cannot merge moments of shape {self.n.shape} with shape {other.n.shape}")
        n = self.n + other.n
        share = other.n / np.maximum(n, 1)
        gap = other.mean - self.mean
        mean = np.where(other.n == 0, self.mean, np.where(self.n == 0, other.mean, self.mean + gap * share))
        m2 = self.m2 + other.m2 + gap**2 * self.n * share
        return Moments(n, np.asarray(mean), np.asarray(m2))

    def variance(self) -> Floats:
        """Return the unbiased variance (divisor n - 1); raises ``NotEnoughData`` when a column has n < 2."""
        if bool((self.n < 2).any()):
            raise NotEnoughData(f"a variance needs at least 2 values, got n = {int(self.n.min())}")
        return np.asarray(self.m2 / (self.n - 1))

    def to_json(self) -> dict[str, object]:
        """Return a JSON object; numbers for one column, lists for many."""
        return {"n": self.n.tolist(), "mean": self.mean.tolist(), "m2": self.m2.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what ``to_json`` wrote; raises ``ValueError`` naming the field that is wrong."""
        arrays = []
        for name in ("n", "mean", "m2"):
            try:
                values = np.asarray(data[name], dtype=np.float64)
            except (KeyError, TypeError, ValueError):
                raise ValueError(f"moments.{name}: expected a number or a list of numbers") from None
            if not bool(np.isfinite(values).all()) or (name != "mean" and bool((values < 0).any())):
                raise ValueError(f"moments.{name}: expected finite numbers in range, got {data[name]!r}")
            arrays.append(values)
        n, mean, m2 = arrays
        if not n.shape == mean.shape == m2.shape or bool((n % 1 != 0).any()):
            raise ValueError("moments: n, mean and m2 must have one length, and n must be whole")
        return cls(n.astype(np.int64), mean, m2)
