"""Scheduled work, slot by slot: each slot of a job runs once, however many beats and workers run.

Time is cut into slots of one length, counted in UTC from a Monday, so weeks begin on Mondays and summer time
changes nothing. The row (job, slot) is unique, and whoever claims it does the work; a worker that fell silent loses
it when its lease runs out. Slots that nobody began are recorded when the next one comes, and run or left out by the
job's rule.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import structlog
from django.db import transaction
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, Q, Value
from django.db.models.functions import Now

from leadscoring.common import claims
from leadscoring.common.claims import LostClaim
from leadscoring.common.models import JobRun, JobState
from leadscoring.common.queue import enqueue

logger = structlog.get_logger(__name__)

FIRST_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
MOST_RECORDED = 500
MOST_FORGOTTEN = 1000
LONGEST_ERROR = 4000
FIRST_PAUSE_S, LONGEST_PAUSE_S = 60.0, 3600.0
NOBODY_BEGAN = "Nobody began it: the schedule was off, or beat or the workers were down."

Work = Callable[[datetime], None]


class Missed(StrEnum):
    """What becomes of earlier slots that nobody began. The slot of the moment itself runs in any case."""

    # Each is made up, oldest first, up to a bound.
    EACH = "each"
    # The newest of them is made up; the others are recorded as skipped.
    LATEST = "latest"
    # None is made up; all are recorded as skipped. For jobs whose next run says it all.
    SKIP = "skip"


def slot_of(as_of: datetime, every: timedelta) -> datetime:
    """The beginning of the slot that a moment lies in.

    >>> slot_of(datetime(2026, 11, 24, 15, 36, tzinfo=UTC), timedelta(days=7))
    datetime.datetime(2026, 11, 23, 0, 0, tzinfo=datetime.timezone.utc)

    Raises:
        ValueError: a moment without a time zone, or a slot shorter than a second.
    """
    if as_of.tzinfo is None:
        raise ValueError(f"{as_of} has no time zone; expected a moment with one.")
    if every < timedelta(seconds=1):
        raise ValueError(f"A slot of {every}; expected at least one second.")
    return FIRST_MONDAY + (as_of.astimezone(UTC) - FIRST_MONDAY) // every * every


def run_slot(
    *,
    job: str,
    every: timedelta,
    as_of: datetime,
    work: Work,
    missed: Missed,
    at_most: int = 24,
    keep: timedelta = timedelta(days=180),
    lease_seconds: float = 900.0,
    in_transaction: bool = True,
) -> list[datetime]:
    """Runs the slot that `as_of` falls in, and those of the job that wait to be tried again or to be made up.

    job: "app.name"; its task is "app.tasks.name" and calls nothing but this, so that :func:`wake` can start it.
    work: gets the beginning of its slot. An error leaves the slot to be tried again after a pause, at most
    `JobRun.max_attempts` times in all; the error is kept in the row.
    at_most: how many missed slots `Missed.EACH` makes up; older ones are skipped.
    keep: ended slots older than this are forgotten.
    lease_seconds: longer than the task's time limit, so that only a dead worker loses its slot.
    in_transaction: the work and its end are one transaction, so whoever lost the slot meanwhile leaves nothing
    behind. False for work that takes long or speaks to the network; such work must be safe to run twice.

    Returns the slots that this call brought to an end, oldest first.
    """
    slot = slot_of(as_of, every)
    _record(job, slot, every, missed, at_most)
    done = [
        row.slot
        for row in _due(job)
        if _run_one(row, work, lease_seconds=lease_seconds, in_transaction=in_transaction)
    ]
    _forget(job, slot, keep)
    return done


def wake() -> int:
    """Starts the tasks of slots that wait to be tried again or whose worker fell silent, and closes those that may
    not be tried again. Returns how many tasks were started."""
    claims.fail_exhausted(JobRun)
    due = JobRun.objects.filter(pk__in=claims.stale(JobRun))
    jobs = sorted(set(due.values_list("job", flat=True)))
    for job in jobs:
        enqueue(task_of(job))
    return len(jobs)


def task_of(job: str) -> str:
    """The dotted path of a job's task.

    >>> task_of("monitoring.check_drift")
    'monitoring.tasks.check_drift'
    """
    app, _, name = job.rpartition(".")
    return f"{app}.tasks.{name}"


def job_of(task: str) -> str:
    """The job that a task runs: the inverse of :func:`task_of`.

    >>> job_of("monitoring.tasks.check_drift")
    'monitoring.check_drift'
    """
    return task.replace(".tasks.", ".", 1)


def _record(job: str, slot: datetime, every: timedelta, missed: Missed, at_most: int) -> None:
    """Makes the row of the slot, and those of the slots that nobody began, in one statement: of two callers, one
    writes each row."""
    rows = JobRun.objects.filter(job=job)
    # Skipped by a clock that had gone ahead: its time has only come now.
    rows.filter(slot=slot, state=JobState.SKIPPED).update(state=JobState.QUEUED, message="")
    if rows.filter(slot=slot).exists():
        return
    last = rows.filter(slot__lt=slot).order_by("-slot").values_list("slot", flat=True).first()
    new = [JobRun(job=job, slot=slot)]
    if last is not None:
        # A job whose slots had another length before: its last one ends where the new grid goes on.
        gone = (slot - slot_of(last, every)) // every - 1
        made_up = {Missed.EACH: at_most, Missed.LATEST: 1, Missed.SKIP: 0}[missed]
        for back in range(1, min(gone, MOST_RECORDED) + 1):
            row = JobRun(job=job, slot=slot - back * every)
            if back > made_up:
                row.state = JobState.SKIPPED
                row.message = NOBODY_BEGAN
                if back == MOST_RECORDED < gone:
                    row.message += f" So it was with {gone - back:,} slots before it, which have no row."
            new.append(row)
    JobRun.objects.bulk_create(new, ignore_conflicts=True)


def _due(job: str) -> list[JobRun]:
    keys = claims.stale(JobRun, limit=MOST_RECORDED, where=Q(job=job))
    return list(JobRun.objects.filter(pk__in=keys).order_by("slot"))


def _run_one(row: JobRun, work: Work, *, lease_seconds: float, in_transaction: bool) -> bool:
    """Whether this call brought the slot to its end."""
    before = f"Tried again after: {row.error}" if row.error else ""
    claim = claims.claim(JobRun, row.pk, lease_seconds=lease_seconds, message=before)
    if claim is None:
        return False
    log = logger.bind(job=row.job, slot=row.slot.isoformat(), attempt=claim.attempts)
    try:
        if in_transaction:
            with transaction.atomic():
                work(row.slot)
                claims.finish(JobRun, claim)
        else:
            work(row.slot)
            claims.finish(JobRun, claim)
    except LostClaim:
        log.warning("jobs.lost")
        return False
    except Exception as error:
        log.exception("jobs.failed")
        _note_failure(claim, f"{type(error).__name__}: {error}"[:LONGEST_ERROR])
        return False
    return True


def _note_failure(claim: claims.Claim, error: str) -> None:
    pause = min(FIRST_PAUSE_S * 5.0 ** (claim.attempts - 1), LONGEST_PAUSE_S)
    try:
        claims.fail(JobRun, claim, error, retry_in=pause)
    except LostClaim:
        logger.warning("jobs.lost", error=error)


def _forget(job: str, slot: datetime, keep: timedelta) -> None:
    """Removes old rows; never one that ended lately by the database's clock, whatever this machine's clock says: it
    keeps its slot from running again."""
    long_ago = Now() - Value(keep, output_field=DurationField())
    old = JobRun.objects.filter(job=job, slot__lt=slot - keep).filter(
        Q(state=JobState.SKIPPED)
        | Q(
            state__in=[JobState.DONE, JobState.FAILED],
            finished_at__lt=ExpressionWrapper(long_ago, output_field=DateTimeField()),
        )
    )
    keys = old.order_by("slot").values_list("pk", flat=True)[:MOST_FORGOTTEN]
    JobRun.objects.filter(pk__in=list(keys)).delete()
