"""What beat starts: count what came, then look; each moment once, however many workers are woken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from leadscoring.common.jobs import Missed, run_slot
from monitoring.models import DriftCheck
from monitoring.services import drift, profiles, quality

DAY = timedelta(days=1)


def look(*, as_of: datetime) -> list[datetime]:
    """Count every closed stretch, and look at data quality once for each five minutes that were closed."""
    folded = profiles.fold(as_of=as_of)
    if folded.until is None:
        return []
    return run_slot(
        job="monitoring.look",
        every=profiles.SLICE,
        as_of=folded.until,
        work=_quality,
        missed=Missed.SKIP,
        keep=timedelta(days=2),
        lease_seconds=1000,
    )


def _quality(slot: datetime) -> None:
    quality.check(as_of=slot)


def check_drift(*, as_of: datetime) -> list[datetime]:
    """Once a day, when the day before is counted whole: the drift of its seven days."""
    folded = profiles.fold(as_of=as_of)
    if folded.until is None:
        return []
    return run_slot(
        job="monitoring.check_drift",
        every=DAY,
        as_of=folded.until,
        work=_daily,
        missed=Missed.EACH,
        at_most=7,
        lease_seconds=1000,
    )


def _daily(slot: datetime) -> None:
    profiles.reconcile(as_of=slot)
    drift.check(as_of=slot)
    profiles.forget(as_of=slot)


def check_now(
    *, as_of: datetime, version_id: int | None = None, tick: Callable[[datetime], None] = lambda at: None
) -> list[DriftCheck]:
    """Count and check at once: what a person asks for. Checks of drift first, then the look at data quality."""
    folded = profiles.fold(as_of=as_of, tick=tick)
    if folded.until is None:
        return []
    checks = drift.check(as_of=folded.until, version_id=version_id)
    looked = quality.check(as_of=folded.until) if version_id is None else None
    return [*checks, *([looked] if looked is not None else [])]
