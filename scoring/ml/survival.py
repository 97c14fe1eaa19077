"""Kaplan-Meier: the share that has converted by an age, when some leads were not watched that long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.ml.estimates import NotEnoughData

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalCurve:
    """Not-yet shares: at each distinct event time the rows at risk just before it, the events and S(t).

    All arrays have the length of ``times`` (days, increasing). ``n`` counts all rows, ``followed`` is the
    longest time anyone was watched.
    """

    times: Floats
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    survival: Floats
    n: int
    followed: float

    def converted_by(self, age: ArrayLike) -> Floats:
        """Return F(age) = 1 - S(age) for ages in days, of any shape."""
        steps = np.concatenate([[0.0], 1.0 - self.survival])
        return np.asarray(steps[np.searchsorted(self.times, np.asarray(age, dtype=np.float64), side="right")])


def kaplan_meier(time: NDArray[np.float64], event: NDArray[np.bool_]) -> SurvivalCurve:
    """Estimate S(t) from times (days, >= 0, shape n), where ``event`` False means watched until then only.

    An event and a censoring at the same time: the event comes first. Raises ``NotEnoughData`` for no rows and
    ``ValueError`` on a negative or missing time. Source: Kaplan & Meier (1958), JASA 53:457-481.
    """
    watched, happened = np.asarray(time, dtype=np.float64), np.asarray(event, dtype=np.bool_)
    if watched.ndim != 1 or watched.shape != happened.shape:
        raise ValueError(f"expected two columns of one length, got {watched.shape} and {happened.shape}")
    if len(watched) == 0:
        raise NotEnoughData("a survival curve needs at least 1 row, got 0")
    if not bool((watched >= 0).all()) or not bool(np.isfinite(watched).all()):
        raise ValueError("every time must be a number of days, 0 or more")
    times, index = np.unique(watched, return_inverse=True)
    events = np.bincount(index[happened], minlength=len(times))
    at_risk = np.cumsum(np.bincount(index, minlength=len(times))[::-1])[::-1]
    survival = np.cumprod(1.0 - events / at_risk, dtype=np.float64)
    kept = events > 0
    return SurvivalCurve(
        times[kept],
        at_risk[kept].astype(np.int64),
        events[kept].astype(np.int64),
        survival[kept],
        len(watched),
        float(times[-1]),
    )


def resampled_ages(
    time: NDArray[np.float64],
    event: NDArray[np.bool_],
    *,
    horizon: float,
    share: float,
    seed: int,
    reps: int,
) -> Floats:
    """Return, for ``reps`` bootstrap samples, the smallest t with F(t) >= share x F(horizon).

    Samples without any conversion give no age and are left out. Times must not exceed ``horizon``.
    """
    rng = np.random.default_rng(seed)
    times, index = np.unique(time, return_inverse=True)
    # Each row falls into one of 2k cells: its time, and whether it ended there by an event.
    cell, k = index * 2 + event, len(times)
    ages = []
    for _ in range(reps):
        counts = np.bincount(cell[rng.integers(0, len(cell), len(cell))], minlength=2 * k).reshape(k, 2)
        at_risk = np.cumsum(counts.sum(axis=1)[::-1])[::-1]
        converted = 1.0 - np.cumprod(1.0 - counts[:, 1] / np.maximum(at_risk, 1))
        if converted[-1] > 0:
            # The small slack keeps a step that reaches the share exactly.
            ages.append(times[np.argmax(converted >= share * converted[-1] - 1e-12)])
    return np.array([min(age, horizon) for age in ages])
