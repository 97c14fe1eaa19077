"""Which leads count: ripe ones with their outcome, waiting ones, and those left out with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.selectors.columns import Floats
from monitoring.selectors.known import KnownOutcomes
from monitoring.selectors.scored import ScoredLeads, WindowInForce
from scoring.ml.maturity import ripe

Bools = NDArray[np.bool_]

LATEST_FIRST_SCORE = 7.0
"""Days after creation. A lead that a version first scored later was open until then, so its like have been lost: among
such leads fewer convert than among new ones, and every version would look too sure after its release."""

NO_DATE = "without a date of creation"
FUTURE = "dated after the check"
LATE_SCORE = f"first scored more than {LATEST_FIRST_SCORE:.0f} days after creation"
FORESEEN = "outcome known before the first score"
YOUNG = "younger than the window of their source"


@dataclass(frozen=True, slots=True, eq=False)
class Cohorts:
    """The leads of one version. `ripe` and `waiting` are scored leads; `y`, `revenue` belong to `ripe`.

    revenue: per ripe lead, 0 for one that did not convert, NaN where unknown. late: ripe leads that converted after
    their window. left_out: reason to number.
    """

    ripe: ScoredLeads
    y: Bools
    revenue: Floats
    ripened: Floats
    waiting: ScoredLeads
    late: int
    left_out: dict[str, int]


def cohorts(
    leads: ScoredLeads, outcomes: KnownOutcomes, windows: Mapping[str, WindowInForce], *, now: float
) -> Cohorts:
    """Part the leads of a version at `now` (days since 1970-01-01 UTC).

    Age alone makes a lead ripe, whatever became of it: counting a young one because it has converted would raise every
    rate. A lead whose outcome lies before its score is no forecast and counts nowhere.
    """
    at, there = outcomes.places(leads.key)
    at = np.where(there, at, 0)
    none = np.full(len(leads), np.nan)
    occurred = np.where(there, outcomes.occurred[at], np.nan) if len(outcomes.key) else none
    recorded = np.where(there, outcomes.recorded[at], np.nan) if len(outcomes.key) else none
    converted = there & outcomes.converted[at] if len(outcomes.key) else there
    revenue = outcomes.revenue[at] if len(outcomes.key) else none
    told = outcomes.told[at] if len(outcomes.key) else none

    dated = ~np.isnan(leads.created)
    # A clock that is ahead makes leads of the future; a second of rounding does not.
    future = dated & (leads.created > now + 1e-5)
    late_score = dated & (leads.scored - leads.created > LATEST_FIRST_SCORE)
    foreseen = there & (told <= leads.scored)
    days = np.array([windows[name].days for name in leads.sources] or [0.0])
    window = days[leads.source] if len(leads) else np.zeros(0)
    old = ripe(np.where(dated, leads.created, np.inf), window, now)

    left_out: dict[str, int] = {}
    counted = np.ones(len(leads), dtype=np.bool_)
    for reason, mask in ((NO_DATE, ~dated), (FUTURE, future), (LATE_SCORE, late_score), (FORESEEN, foreseen)):
        left_out[reason] = int((counted & mask).sum())
        counted &= ~mask
    is_ripe, waits = counted & old, counted & ~old
    left_out[YOUNG] = int(waits.sum())
    came = np.where(np.isnan(occurred), recorded, occurred)
    late = is_ripe & converted & (came - leads.created > window)
    return Cohorts(
        ripe=leads.part(is_ripe),
        y=converted[is_ripe],
        revenue=np.where(converted, revenue, 0.0)[is_ripe],
        ripened=(leads.created + window)[is_ripe],
        waiting=leads.part(waits),
        late=int(late.sum()),
        left_out={reason: n for reason, n in left_out.items() if n},
    )


def newest(found: Cohorts, *, days: float, now: float) -> Bools:
    """Ripe leads that became so in the last `days`: the newest for which anything can be known."""
    return np.asarray(now - found.ripened < days)
