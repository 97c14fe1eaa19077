"""Cutting the scale of a release: a version's probabilities of the newest leads become the limits of its scores.

The same leads for every version: so a score means the same rank, and the grades hold the same shares, whichever
version serves.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scoring.contracts import GradeLimits
from scoring.loader import CompiledVersion
from scoring.ml.compile import rank
from scoring.ml.scale import LEAST_LEADS, score_cuts
from scoring.ml.schema import parse_row
from scoring.models import Lead
from scoring.selectors.recent import MOST_LEADS, RECENT_DAYS, recent_leads

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Scale:
    """99 cuts (none: those of the version's file) and which leads they come from.

    `scores` are the scores the version gives to `leads` on this scale, in the same order.
    """

    cuts: tuple[float, ...]
    population: dict[str, Any]
    leads: tuple[Lead, ...] = field(repr=False)
    scores: tuple[int, ...] = field(repr=False)


def cut_scale(version: CompiledVersion, *, as_of: datetime) -> Scale:
    """The scale of `version` on the newest leads, at most 5,000 of the last 90 days; with fewer than 300 of them
    its scores stay ranks among the leads it learned from, and the population says so."""
    leads = recent_leads(as_of)
    probabilities = _probabilities(version, leads)
    if len(leads) < LEAST_LEADS:
        cuts = tuple(float(cut) for cut in version.document["score_quantiles"])
        scores = tuple(rank(cuts, p) for p in probabilities)
        population: dict[str, Any] = {
            "kind": "training",
            "n": len(leads),
            "why": (
                f"Only {len(leads):,} leads were created in the {RECENT_DAYS} days before; {LEAST_LEADS} are needed "
                "to rank among recent leads."
            ),
        }
        return Scale((), population, tuple(leads), scores)
    cuts = tuple(score_cuts(probabilities))
    dates = [lead.created for lead in leads if lead.created is not None]
    population = {
        "kind": "recent",
        "n": len(leads),
        "from": min(dates).isoformat(),
        "to": max(dates).isoformat(),
        "why": f"The newest leads of {RECENT_DAYS} days, at most {MOST_LEADS:,}.",
    }
    return Scale(cuts, population, tuple(leads), tuple(rank(cuts, p) for p in probabilities))


def _probabilities(version: CompiledVersion, leads: list[Lead]) -> list[float]:
    """By the scorer that will serve, not by the vectorised pipeline: a difference in the last digit would move
    leads of equal probability from the middle of their ranks to an end of them."""
    found: list[float] = []
    for start in range(0, len(leads), BATCH):
        attributes = [lead.attributes for lead in leads[start : start + BATCH]]
        values = [parse_row(version.schema, row)[0] for row in attributes]
        found.extend(score.probability for score in version.score(values, attributes))
    return found


@dataclass(frozen=True, slots=True)
class GradeChange:
    """Grades of the recent leads now, as their rows have them (empty: never scored), and with the new scale."""

    before: dict[str, int]
    after: dict[str, int]
    unscored: int
    moves: dict[tuple[str, str], int]

    @property
    def changed(self) -> int:
        """Leads that have a grade now and would get another."""
        return sum(n for (old, new), n in self.moves.items() if old != new)


def grade_change(scale: Scale, limits: GradeLimits) -> GradeChange:
    """What the grades of the recent leads are, and what they would be if all were scored again."""
    after = [limits.grade(score).value for score in scale.scores]
    before = [lead.grade for lead in scale.leads]
    moves = Counter((old, new) for old, new in zip(before, after, strict=True) if old)
    return GradeChange(
        before={grade: before.count(grade) for grade in "ABCD"},
        after={grade: after.count(grade) for grade in "ABCD"},
        unscored=before.count(""),
        moves=dict(moves),
    )
