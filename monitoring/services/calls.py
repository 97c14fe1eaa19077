"""Keeps the counts of calls small: minutes of processes become hours of all, and hours at last a total.

What was ever counted stays the same sum, so a counter in `/metrics` never falls.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import QuerySet

from monitoring.models import OperationsCheck, RequestTally, RequestTotal
from monitoring.models.operations import HOUR
from monitoring.selectors.calls import COLUMNS, Calls, summed

logger = structlog.get_logger(__name__)

MINUTES_KEPT = timedelta(hours=26)
"""The page draws the last day from minutes."""
HOURS_KEPT = timedelta(days=90)
CHECKS_KEPT, FULL_HOURS_KEPT = timedelta(days=8), timedelta(days=400)
MOST_HOURS = 24 * 7
MOST_ROWS = 2000


class FoldedElsewhere(Exception):
    """Another worker took some of these rows first; what this one did is undone."""


def tidy(*, as_of: datetime) -> None:
    """Sum up what is old, and forget checks that nothing shows any more."""
    try:
        fold_minutes(as_of=as_of)
        fold_hours(as_of=as_of)
    except FoldedElsewhere:
        logger.info("operations.folded_elsewhere")
    checks = OperationsCheck.objects.filter(slot__lt=as_of - CHECKS_KEPT)
    _forget(checks.exclude(slot__minute=0))
    _forget(checks.filter(slot__lt=as_of - FULL_HOURS_KEPT))


def fold_minutes(*, as_of: datetime) -> int:
    """Make one row for each hour, route and kind out of the rows of its minutes; returns how many hours.

    Raises:
        FoldedElsewhere: another worker does the same.
    """
    limit = _hour(as_of - MINUTES_KEPT)
    old = RequestTally.objects.exclude(process="").filter(minute__lt=limit)
    for done in range(MOST_HOURS):
        first = old.order_by("minute").values_list("minute", flat=True).first()
        if first is None:
            return done
        hour = _hour(first)
        with transaction.atomic():
            rows = RequestTally.objects.filter(minute__gte=hour, minute__lt=hour + timedelta(hours=1))
            for (route, kind), calls in _taken(rows).items():
                RequestTally.objects.create(
                    process="", minute=hour, seconds=HOUR, route=route, kind=kind, **_fields(calls)
                )
    return MOST_HOURS


def fold_hours(*, as_of: datetime) -> int:
    """Add hours that are no longer kept to the totals; returns how many days.

    Raises:
        FoldedElsewhere: another worker does the same.
    """
    limit = _hour(as_of - HOURS_KEPT)
    old = RequestTally.objects.filter(minute__lt=limit)
    for done in range(MOST_HOURS):
        first = old.order_by("minute").values_list("minute", flat=True).first()
        if first is None:
            return done
        with transaction.atomic():
            for (route, kind), calls in _taken(old.filter(minute__lt=first + timedelta(days=1))).items():
                # Locked where the database can; elsewhere a transaction that writes is alone.
                total = RequestTotal.objects.select_for_update().filter(route=route, kind=kind).first()
                if total is not None:
                    calls.add(total.count, total.total_ms, total.buckets)
                RequestTotal.objects.update_or_create(route=route, kind=kind, defaults=_fields(calls))
    return MOST_HOURS


def _taken(rows: QuerySet[RequestTally]) -> dict[tuple[str, str], Calls]:
    """The sums of these rows, which are deleted."""
    read = list(rows.values_list("pk", *COLUMNS))
    gone, _ = RequestTally.objects.filter(pk__in=[pk for pk, *_ in read]).delete()
    if gone != len(read):
        raise FoldedElsewhere
    return summed(row for _, *row in read)


def _fields(calls: Calls) -> dict[str, object]:
    return {"count": calls.count, "total_ms": calls.total_ms, "buckets": calls.as_json()}


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _forget(rows: QuerySet[OperationsCheck]) -> None:
    """Delete in bounded steps: each is a short transaction."""
    while True:
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:MOST_ROWS])
        if not keys:
            return
        OperationsCheck.objects.filter(pk__in=keys).delete()
