"""Named combinations of dials: what a business goes through, as functions of the day it begins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

from leadscoring.simulation.changes import (
    BrokenField,
    ChangedLaw,
    CovariateShift,
    DeadSource,
    FollowUp,
    NewSource,
    SeasonalSwing,
    SlowConversions,
)
from leadscoring.simulation.dials import Dial
from leadscoring.simulation.mess import (
    Corrections,
    Deletions,
    Duplicates,
    LateEvents,
    Merges,
    RepeatedEvents,
)

Scenario = Callable[[date], tuple[Dial, ...]]


def quiet(onset: date) -> tuple[Dial, ...]:
    """Nothing changes: whatever raises an alarm here is a false alarm."""
    return ()


def covariate_shift(onset: date) -> tuple[Dial, ...]:
    """Over a month, a third of the leads comes to be African, and a third to be in e-commerce; what makes people
    buy stays the same."""
    return (
        CovariateShift(field="region", to="Africa", size=0.35, onset=onset, ramp_days=30),
        CovariateShift(field="sector", to="E-commerce", size=0.35, onset=onset, ramp_days=30),
    )


def changed_law(onset: date) -> tuple[Dial, ...]:
    """Fields look as before, but other leads buy: the model is wrong from one day to the next."""
    return (ChangedLaw(how="redrawn", size=0.8, onset=onset),)


def new_source(onset: date) -> tuple[Dial, ...]:
    """A source nobody saw before brings a fifth of the leads, and few of them buy."""
    return (NewSource(source="TikTok Ads", size=0.2, onset=onset),)


def broken_field(onset: date) -> tuple[Dial, ...]:
    """A new form loses the timeline, and the website sends its budgets in thousands."""
    return (
        BrokenField(field="timeline", how="missing", onset=onset),
        BrokenField(field="budget", how="unit", source="Website", onset=onset),
    )


def dead_source(onset: date) -> tuple[Dial, ...]:
    """The largest source stops."""
    return (DeadSource(source="Google Ads", onset=onset),)


def slow_conversions(onset: date) -> tuple[Dial, ...]:
    """Conversions come to take three times as long: young leads look worse than they are."""
    return (SlowConversions(size=2.0, onset=onset, ramp_days=14),)


def seasonal(onset: date) -> tuple[Dial, ...]:
    """A strong year's swing of readiness and traffic: change that comes back, and needs no new model."""
    return (SeasonalSwing(size=0.8, traffic=0.4, onset=onset),)


def follow_up(onset: date) -> tuple[Dial, ...]:
    """Leads are served by their grade, and that works: outcomes now depend on the grades themselves."""
    return (FollowUp(size=0.9, onset=onset),)


def messy(onset: date) -> tuple[Dial, ...]:
    """People entered twice, merges, corrections, deletions, events late and delivered twice."""
    return (
        Duplicates(size=0.06, onset=onset),
        Merges(size=0.5, onset=onset),
        Corrections(size=0.05, onset=onset),
        Deletions(size=0.01, onset=onset),
        LateEvents(size=0.08, hours=36.0, onset=onset),
        RepeatedEvents(size=0.03, onset=onset),
    )


SCENARIOS: Final[dict[str, Scenario]] = {
    "quiet": quiet,
    "covariate-shift": covariate_shift,
    "changed-law": changed_law,
    "new-source": new_source,
    "broken-field": broken_field,
    "dead-source": dead_source,
    "slow-conversions": slow_conversions,
    "seasonal": seasonal,
    "follow-up": follow_up,
    "messy": messy,
}


def scenario(name: str, onset: date) -> tuple[Dial, ...]:
    """The dials of a scenario that begins on a day. Raises ValueError for a name that is none."""
    if name not in SCENARIOS:
        raise ValueError(f"scenario: there is no {name!r}; expected one of {', '.join(SCENARIOS)}")
    return SCENARIOS[name](onset)
