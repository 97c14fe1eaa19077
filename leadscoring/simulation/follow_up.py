"""Who is followed up how hard: policies that turn grades or scores into effort.

Effort is a number from -1 (the lead is driven away) over 0 (as in the business without the dial) to 1 (full
effort). The dial's size says what full effort is worth in log-odds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from leadscoring.simulation.draws import Floats, sigmoid, stream

# A lead is worked on in its first days; the effort is the mean over them.
WORKED_DAYS = 14
GRADES = ("A", "B", "C", "D")


Efforts = tuple[float, float, float, float]
USUAL: Efforts = (1.0, 0.6, 0.2, 0.0)


@dataclass(frozen=True, slots=True)
class AtHand:
    """What a policy may look at: leads as the CRM shows them at creation (`Lead ID` and creation columns), their
    creation (UTC seconds), and, for a simulated hunch alone, their true log-odds and the seed."""

    leads: pd.DataFrame
    created: Floats
    log_odds: Floats
    seed: int


class Policy(Protocol):
    """A way to give effort to leads."""

    @property
    def words(self) -> str:
        """What it goes by, to follow “Leads are followed up by”."""

    def efforts(self, at_hand: AtHand) -> Floats:
        """(n,) effort of each lead, from -1 to 1."""


@dataclass(frozen=True, slots=True)
class ByHunch:
    """Grades of a team's own: true log-odds blurred by `blur`, cut at fixed probabilities; effort of A to D."""

    blur: float = 1.0
    limits: tuple[float, float, float] = (0.40, 0.20, 0.08)
    effort: Efforts = USUAL

    @property
    def words(self) -> str:
        return "the grade of a hunch"

    def efforts(self, at_hand: AtHand) -> Floats:
        """Efforts of grades A to D."""
        noise = stream(at_hand.seed, "hunch").standard_normal(at_hand.log_odds.size)
        hunch = sigmoid(at_hand.log_odds + self.blur * noise)
        grade = (hunch[:, None] < np.array(self.limits)[None, :]).sum(axis=1)
        return np.asarray(np.array(self.effort, dtype=np.float64)[grade], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ByScore:
    """Scores of a model at hand: `score` maps the leads' table to (n,) scores, `effort` scores to efforts."""

    score: Callable[[pd.DataFrame], ArrayLike]
    effort: Callable[[Floats], ArrayLike]

    @property
    def words(self) -> str:
        return "their score"

    def efforts(self, at_hand: AtHand) -> Floats:
        """Efforts of the scores. Raises ValueError for another number of scores or efforts than leads."""
        n = len(at_hand.leads)
        scores = np.asarray(self.score(at_hand.leads), dtype=np.float64)
        if scores.shape != (n,):
            raise ValueError(f"follow-up: score gave shape {scores.shape}; expected ({n},)")
        efforts = np.asarray(self.effort(scores), dtype=np.float64)
        if efforts.shape != (n,):
            raise ValueError(f"follow-up: effort gave shape {efforts.shape}; expected ({n},)")
        return efforts


@dataclass(frozen=True, slots=True, eq=False)
class ByGrade:
    """Grades as they were given, day by day: a lead keeps a grade until its next one.

    ids, days, grades: one entry per grading, in any order (`Lead ID`, UTC day, grade). The effort is the mean
    over a lead's first 14 days; days without a grade count 0, as do grades other than A to D. effort: of grades A to D.
    """

    ids: ArrayLike
    days: ArrayLike
    grades: ArrayLike
    effort: Efforts = USUAL

    @property
    def words(self) -> str:
        return "the grade they were given"

    def efforts(self, at_hand: AtHand) -> Floats:
        """Mean effort over the first days. Raises ValueError for columns of different lengths."""
        ids, grades = np.asarray(self.ids, dtype=object), np.asarray(self.grades, dtype=object)
        days = np.asarray(self.days, dtype="datetime64[D]").astype(np.int64)
        if not ids.size == grades.size == days.size:
            raise ValueError(
                f"follow-up: {ids.size} ids, {days.size} days and {grades.size} grades; expected equal numbers"
            )
        place = pd.Index(at_hand.leads["Lead ID"]).get_indexer(pd.Index(ids))
        worth = (
            pd.Series(grades)
            .map(dict(zip(GRADES, self.effort, strict=True)))
            .fillna(0.0)
            .to_numpy(np.float64)
        )
        order = np.lexsort((np.arange(ids.size), days, place))
        order = order[place[order] >= 0]
        place, days, worth = place[order], days[order], worth[order]
        until = np.append(days[1:], 0)
        last = np.append(place[1:] != place[:-1], True) if place.size else np.zeros(0, dtype=bool)
        first = np.floor(at_hand.created / 86_400.0).astype(np.int64)[place]
        until = np.where(last, first + WORKED_DAYS, until)
        held = np.minimum(until, first + WORKED_DAYS) - np.maximum(days, first)
        total = np.bincount(place, worth * np.maximum(held, 0), minlength=len(at_hand.leads))
        return np.asarray(total / WORKED_DAYS, dtype=np.float64)
