"""The counts of the pages of the grade limits, kept as a row where there are too many leads to count at each view."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction

from leadscoring.common import claims
from leadscoring.common.queue import enqueue
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

logger = structlog.get_logger(__name__)
COUNTED_LIVE = 5000
# A count is two long looks at the leads; whoever took none of them for so long has fallen silent.
LEASE_SECONDS = 300
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


def request_tally() -> GradeTally | None:
    """Have a worker count; one that waits for its turn already is enough. None where the leads are so few that
    every view counts them."""
    if is_small(COUNTED_LIVE):
        return None
    waiting = GradeTally.objects.filter(state=claims.WorkState.QUEUED).defer("counts", "weeks").first()
    row = waiting or GradeTally.objects.create()
    enqueue("scoring.tasks.count_grades", row.pk)
    return row


def first_tally() -> GradeTally | None:
    """Ask for a count where there are too many leads to count at a view and nobody ever asked."""
    return None if GradeTally.objects.exists() else request_tally()


def run_tally(tally_id: int, *, as_of: datetime) -> bool:
    """Claim a count, count and keep; the oldest counts go. Returns whether it was to be had."""
    held = claims.claim(
        GradeTally, tally_id, lease_seconds=LEASE_SECONDS, message="Counting leads by grade and score."
    )
    if held is None:
        return False
    try:
        _count(held, as_of)
    except claims.LostClaim:
        logger.warning("grade_tally.lost_claim", tally=tally_id)
        return False
    except Exception as error:
        claims.fail(GradeTally, held, f"{type(error).__name__}: {error}", retry_in=10.0)
        raise
    return True


def _count(held: claims.Claim, as_of: datetime) -> None:
    tally = count_grades(as_of=as_of, most_owners=OWNERS_KEPT)
    claims.renew(
        GradeTally,
        held,
        lease_seconds=LEASE_SECONDS,
        progress=0.7,
        message="Leads are counted; now the grades given week by week.",
    )
    weeks = [[week.isoformat(), found] for week, found in weekly_grades(as_of=as_of)]
    with transaction.atomic():
        claims.finish(
            GradeTally,
            held,
            message=f"{sum(tally.everything.values()):,} scored leads counted.",
            taken_at=as_of,
            counts=as_json(tally),
            weeks=weeks,
        )
        done = GradeTally.objects.filter(state=claims.WorkState.DONE).order_by("-taken_at", "-id")
        kept = list(done.values_list("pk", flat=True)[:KEPT])
        GradeTally.objects.exclude(state__in=claims.OPEN).exclude(pk__in=kept).delete()


def current_tally(*, as_of: datetime) -> Counted | None:
    """Leads by grade and score: counted now where they are few, else the newest kept counts; None when there are
    many and nobody has counted them yet. Writes nothing."""
    if is_small(COUNTED_LIVE):
        return Counted(count_grades(as_of=as_of, most_owners=COUNTED_LIVE), as_of, live=True)
    row = newest_tally()
    if row is None or row.taken_at is None:
        return None
    return Counted(of_json(row.counts), row.taken_at, live=False)


def current_weeks(*, as_of: datetime) -> CountedWeeks | None:
    """Grades given week by week, by the same rule."""
    if is_small(COUNTED_LIVE):
        return CountedWeeks(weekly_grades(as_of=as_of), as_of, live=True)
    row = newest_weeks()
    if row is None or row.taken_at is None:
        return None
    weeks = [(datetime.fromisoformat(week), dict(found)) for week, found in row.weeks]
    return CountedWeeks(weeks, row.taken_at, live=False)
