"""How well a model did on leads whose outcome is known: by grade, and by groups of people.

The metrics of ranking and calibration, two models on the same leads included, are those of training
(`scoring.ml.metrics`, `scoring.ml.delong`); here is what only a running business asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.ml.delong import delong_auc
from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.means import mean
from scoring.ml.proportions import newcombe, wilson
from scoring.ml.recalibration import calibration_intercept

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

GRADES = ("A", "B", "C", "D")
FOUR_FIFTHS = 0.8
"""A group chosen less than four fifths as often as the best one is marked (29 CFR 1607.4 D)."""
LEAST_IN_GROUP = 30
WINSOR = 0.99


@dataclass(frozen=True, slots=True)
class GradeRow:
    """Ripe leads of one grade: conversion (Wilson), what the model expected, and revenue per lead where it is known.

    `revenue` is None without two leads of known revenue. `n` leads, `conversions` of them converted.
    """

    grade: str
    n: int
    conversions: int
    conversion: Estimate | None
    expected: float | None
    revenue: Estimate | None


@dataclass(frozen=True, slots=True)
class GradeOrder:
    """Two neighbouring grades: by how much the better one converts more, and whether that is certain."""

    better: str
    worse: str
    difference: Estimate

    @property
    def upside_down(self) -> bool:
        """The worse grade converts more, and not by chance."""
        return self.difference.high < 0


def by_grade(
    grades: Sequence[str], y: ArrayLike, p: ArrayLike, revenue: ArrayLike | None = None
) -> list[GradeRow]:
    """Conversion and revenue of each grade, A to D, all arrays of shape n.

    `revenue` is per lead, NaN where unknown, 0 for a lead that did not convert; its largest hundredth is cut back, so
    that one deal does not make a grade.
    """
    label = np.asarray(grades, dtype=object)
    converted, probability = _outcomes(y), np.asarray(p, dtype=np.float64)
    money = None if revenue is None else winsorised(revenue)
    if not len(label) == len(converted) == len(probability) or (
        money is not None and len(money) != len(label)
    ):
        raise ValueError("expected one grade, outcome, probability and revenue for each lead")
    rows = []
    for grade in GRADES:
        mine = label == grade
        n, hits = int(mine.sum()), int(converted[mine].sum())
        rows.append(
            GradeRow(
                grade,
                n,
                hits,
                wilson(hits, n) if n else None,
                float(probability[mine].mean()) if n else None,
                _revenue(money[mine]) if money is not None else None,
            )
        )
    return rows


def grade_order(rows: Sequence[GradeRow]) -> list[GradeOrder]:
    """Each grade beside the next one that has leads, with the interval of the difference (Newcombe)."""
    there = [row for row in rows if row.n]
    return [
        GradeOrder(a.grade, b.grade, newcombe(a.conversions, a.n, b.conversions, b.n))
        for a, b in pairwise(there)
    ]


def winsorised(values: ArrayLike) -> Floats:
    """Values above the 99th percentile of those known set to it; NaN stays."""
    money = np.asarray(values, dtype=np.float64)
    known = money[~np.isnan(money)]
    if not len(known):
        return money
    return np.asarray(np.minimum(money, np.quantile(known, WINSOR)))


@dataclass(frozen=True, slots=True)
class Group:
    """One value of a sensitive feature: how its leads are ranked, whether their chances are right, and how often they
    are graded A beside the best group.

    `calibration` is the intercept on the log-odds scale, 0 when right. `selection_ratio` is against the group with the
    largest share of A. `marked`: the ratio is below four fifths and the difference is no chance. `problem` says why a
    figure is missing.
    """

    value: str
    n: int
    auc: Estimate | None
    calibration: Estimate | None
    selected: Estimate | None
    selection_ratio: float | None
    marked: bool
    problem: str = ""


def fairness(values: Sequence[str], y: ArrayLike, p: ArrayLike, grades: Sequence[str]) -> list[Group]:
    """Each value of a sensitive feature, largest group first; groups below 30 leads are named and not judged."""
    group = np.asarray(values, dtype=object)
    converted, probability = _outcomes(y), np.asarray(p, dtype=np.float64)
    chosen = np.asarray(grades, dtype=object) == GRADES[0]
    if not len(group) == len(converted) == len(probability) == len(chosen):
        raise ValueError("expected one value, outcome, probability and grade for each lead")
    names, counts = np.unique(group.astype(str), return_counts=True)
    order = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda one: (-one[1], one[0]))
    masks = {name: group.astype(str) == name for name, n in order if n >= LEAST_IN_GROUP}
    hits = {name: (int(chosen[mask].sum()), int(mask.sum())) for name, mask in masks.items()}
    best = max(hits, key=lambda name: hits[name][0] / hits[name][1], default=None)
    found = []
    for name, n in order:
        if name not in masks or best is None:
            found.append(
                Group(
                    name, n, None, None, None, None, False, f"{n} leads; at least {LEAST_IN_GROUP} are needed"
                )
            )
            continue
        mask, top = masks[name], hits[best]
        share, best_share = hits[name][0] / n, top[0] / top[1]
        ratio = share / best_share if best_share > 0 else None
        certain = name != best and newcombe(*hits[name], *top).high < 0
        auc, calibration, problem = _quality(converted[mask], probability[mask])
        found.append(
            Group(
                name,
                n,
                auc,
                calibration,
                wilson(*hits[name]),
                ratio,
                ratio is not None and ratio < FOUR_FIFTHS and certain,
                problem,
            )
        )
    return found


def _quality(y: Bools, p: Floats) -> tuple[Estimate | None, Estimate | None, str]:
    try:
        return delong_auc(y, p), calibration_intercept(y, p), ""
    except NotEnoughData as reason:
        return None, None, str(reason)


def _revenue(values: Floats) -> Estimate | None:
    known = values[~np.isnan(values)]
    return mean(known) if len(known) >= 2 else None


def _outcomes(y: ArrayLike) -> Bools:
    values = np.asarray(y)
    if values.dtype != np.bool_ or values.ndim != 1:
        raise ValueError(f"expected one column of outcomes, yes or no, got {values.dtype} {values.shape}")
    return values
