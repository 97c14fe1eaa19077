"""From measures to levels: a drift must be large, and too unlikely to be chance among all that were looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from monitoring.stats.drift import Drift
from scoring.ml.multiplicity import benjamini_hochberg

WARNING_Q, CRITICAL_Q = 0.01, 0.001
"""Largest q-values of a weekly check; one that runs k times a week divides them by k."""


class Level(StrEnum):
    """What a row of a check is worth."""

    QUIET = "quiet"
    WARNING = "warning"
    CRITICAL = "critical"
    #: Too few rows to show a drift of the size that would warn: not the same as none.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Limits:
    """The PSI from which a drift is a warning or critical."""

    warning: float = 0.25
    critical: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.warning <= self.critical:
            raise ValueError(
                f"limits must satisfy 0 < warning <= critical, got {self.warning} and {self.critical}"
            )


@dataclass(frozen=True, slots=True)
class Judged:
    """A drift, its q-value among all of the check, its level, and for UNKNOWN the rows it would take (None where the
    reference is too small for any)."""

    drift: Drift
    q: float | None
    level: Level
    needs: int | None = None


def judge(
    drifts: Sequence[Drift],
    limits: Sequence[Limits],
    needed: Sequence[int | None],
    *,
    looks_per_week: float = 1.0,
) -> list[Judged]:
    """Levels of all rows of one check, features and segments together.

    `needed[i]` are the rows in which row i could show a drift at its warning limit, were it the only one
    (`drift.rows_needed` with `level_of_one`). Rows that could not be compared take no part in the correction.
    """
    if not len(drifts) == len(limits) == len(needed):
        raise ValueError(
            f"expected one limit and one need for each drift, got {len(limits)} and {len(needed)}"
        )
    tested = [index for index, drift in enumerate(drifts) if drift.p is not None]
    q: dict[int, float] = {}
    if tested:
        values = benjamini_hochberg(np.array([drifts[index].p for index in tested], dtype=np.float64))
        q = dict(zip(tested, values.tolist(), strict=True))
    return [
        _judge(drift, q.get(index), limits[index], needed[index], looks_per_week)
        for index, drift in enumerate(drifts)
    ]


def level_of_one(tests: int, *, looks_per_week: float = 1.0) -> float:
    """The p-value at which one of so many tests is a warning while no other is."""
    return WARNING_Q / looks_per_week / max(tests, 1)


def _judge(drift: Drift, q: float | None, limits: Limits, needs: int | None, looks: float) -> Judged:
    if q is not None and drift.psi is not None:
        if drift.psi >= limits.critical and q <= CRITICAL_Q / looks:
            return Judged(drift, q, Level.CRITICAL)
        if drift.psi >= limits.warning and q <= WARNING_Q / looks:
            return Judged(drift, q, Level.WARNING)
    if q is None or needs is None or drift.n < needs:
        return Judged(drift, q, Level.UNKNOWN, needs)
    return Judged(drift, q, Level.QUIET)
