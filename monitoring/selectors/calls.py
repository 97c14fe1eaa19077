"""Reading the counts of calls: any window is a sum of rows, whose number does not grow with the calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from monitoring.models import RequestTally, RequestTotal

OK, REFUSED, NO_MODEL, ERROR = "ok", "refused", "no-model", "error:"


@dataclass(slots=True)
class Calls:
    """Some calls: how many, their time in ms together, and how many in each bucket of time."""

    count: int = 0
    total_ms: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict)

    def add(self, count: int, total_ms: float, buckets: dict[Any, int]) -> None:
        """Take in more of them."""
        self.count += count
        self.total_ms += total_ms
        for bucket, n in buckets.items():
            self.buckets[int(bucket)] = self.buckets.get(int(bucket), 0) + n

    def as_json(self) -> dict[str, int]:
        """The buckets as they are stored."""
        return {str(bucket): n for bucket, n in self.buckets.items()}


Series = tuple[str, str]
"""Route and kind."""
COLUMNS = ("route", "kind", "count", "total_ms", "buckets")


def summed(rows: Iterable[tuple[str, str, int, float, dict[str, int]]]) -> dict[Series, Calls]:
    """Rows added up by route and kind."""
    found: dict[Series, Calls] = {}
    for route, kind, count, total_ms, buckets in rows:
        found.setdefault((route, kind), Calls()).add(count, total_ms, buckets)
    return found


def calls_between(since: datetime, until: datetime) -> dict[Series, Calls]:
    """Calls of the minutes that begin in [since, until), by route and kind."""
    rows = RequestTally.objects.filter(minute__gte=since, minute__lt=until)
    return summed(rows.values_list(*COLUMNS))


def calls_ever(since: datetime | None, until: datetime | None) -> dict[Series, Calls]:
    """Calls of [since, until); without `since`, those whose hours are no longer kept as well."""
    rows = RequestTally.objects.all()
    if since is not None:
        rows = rows.filter(minute__gte=since)
    if until is not None:
        rows = rows.filter(minute__lt=until)
    found = summed(rows.values_list(*COLUMNS))
    if since is None:
        for route, kind, count, total_ms, buckets in RequestTotal.objects.values_list(*COLUMNS):
            found.setdefault((route, kind), Calls()).add(count, total_ms, buckets)
    return found


def calls_over_time(since: datetime, until: datetime, step: timedelta) -> dict[datetime, dict[Series, Calls]]:
    """Calls of [since, until), by the beginning of the step they fall in; steps are counted from 1970."""
    seconds = int(step.total_seconds())
    found: dict[datetime, dict[Series, Calls]] = {}
    rows = RequestTally.objects.filter(minute__gte=since, minute__lt=until).values_list("minute", *COLUMNS)
    for minute, route, kind, count, total_ms, buckets in rows.iterator(chunk_size=2000):
        begin = datetime.fromtimestamp(int(minute.timestamp()) // seconds * seconds, UTC)
        found.setdefault(begin, {}).setdefault((route, kind), Calls()).add(count, total_ms, buckets)
    return found
