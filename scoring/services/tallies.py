"""The counts of the pages of the grade limits, kept as a row where there are too many leads to count at each view."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from scoring.models import GradeTally
from scoring.selectors.grade_tally import (
    Tally,
    Weeks,
    as_json,
    count_grades,
    newest_tally,
    newest_weeks,
    of_json,
    weekly_grades,
)
from scoring.selectors.readiness import is_small

COUNTED_LIVE = 5000
OWNERS_KEPT = 200
KEPT = 3


@dataclass(frozen=True, slots=True)
class Counted:
    """Leads by grade and score and when they were counted; `live`: just now."""

    tally: Tally
    taken_at: datetime
    live: bool


@dataclass(frozen=True, slots=True)
class CountedWeeks:
    """Grades given week by week and when they were counted; `live`: just now."""

    weeks: Weeks
    taken_at: datetime
    live: bool


def take_tally(*, as_of: datetime) -> GradeTally | None:
    """Count and keep; the oldest counts go. None where the leads are so few that every view counts them.

    Two at once leave two rows, and the newest is read.
    """
    if is_small(COUNTED_LIVE):
        return None
    begin = perf_counter()
    counts = as_json(count_grades(as_of=as_of, most_owners=OWNERS_KEPT))
    weeks = [[week.isoformat(), found] for week, found in weekly_grades(as_of=as_of)]
    row = GradeTally.objects.create(
        taken_at=as_of, took_ms=round((perf_counter() - begin) * 1000, 1), counts=counts, weeks=weeks
    )
    old = GradeTally.objects.order_by("-taken_at", "-id").values_list("pk", flat=True)[KEPT : KEPT + 100]
    GradeTally.objects.filter(pk__in=list(old)).delete()
    return row


def tally_missing() -> bool:
    """Whether there are too many leads to count at a view and nobody ever counted them."""
    return not GradeTally.objects.exists() and not is_small(COUNTED_LIVE)


def current_tally(*, as_of: datetime) -> Counted | None:
    """Leads by grade and score: counted now where they are few, else the newest kept counts; None when there are
    many and nobody has counted them yet. Writes nothing."""
    if is_small(COUNTED_LIVE):
        return Counted(count_grades(as_of=as_of, most_owners=COUNTED_LIVE), as_of, live=True)
    row = newest_tally()
    return None if row is None else Counted(of_json(row.counts), row.taken_at, live=False)


def current_weeks(*, as_of: datetime) -> CountedWeeks | None:
    """Grades given week by week, by the same rule."""
    if is_small(COUNTED_LIVE):
        return CountedWeeks(weekly_grades(as_of=as_of), as_of, live=True)
    row = newest_weeks()
    if row is None:
        return None
    weeks = [(datetime.fromisoformat(week), dict(found)) for week, found in row.weeks]
    return CountedWeeks(weeks, row.taken_at, live=False)
