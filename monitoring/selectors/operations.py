"""What the page of operations draws: calls, queues and models over the last hour, day or week."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from monitoring.models import OperationsCheck
from monitoring.selectors.calls import NO_MODEL, OK, Calls, Series, calls_over_time
from monitoring.stats.latencies import merged, quantile

MODEL_SERIES = 4
"""Versions and roles that one chart shows, those with most predictions."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time and how finely it is drawn."""

    name: str
    length: timedelta
    step: timedelta
    step_words: str


SPANS = {
    "hour": Span("hour", timedelta(hours=1), timedelta(minutes=1), "one minute"),
    "day": Span("day", timedelta(days=1), timedelta(minutes=10), "ten minutes"),
    "week": Span("week", timedelta(days=7), timedelta(hours=1), "one hour"),
}
MINUTE = timedelta(minutes=1)
Point = tuple[datetime, float | None]


@dataclass(frozen=True, slots=True)
class History:
    """Calls by step and series, with the bounds of the time drawn."""

    since: datetime
    until: datetime
    step: timedelta
    calls: dict[datetime, dict[Series, Calls]]

    @property
    def steps(self) -> list[datetime]:
        """The beginning of every step, also of those without calls; the last may be under way."""
        n = math.ceil((self.until - self.since) / self.step)
        return [self.since + k * self.step for k in range(n)]

    def total(self) -> dict[Series, Calls]:
        """All steps together."""
        found: dict[Series, Calls] = {}
        for series in self.calls.values():
            for key, one in series.items():
                found.setdefault(key, Calls()).add(one.count, one.total_ms, one.buckets)
        return found

    def times(self, route: str, share: float) -> list[Point]:
        """A quantile in ms of each step's answers as asked; None where there were none."""
        found: list[Point] = []
        for at in self.steps:
            one = self.calls.get(at, {}).get((route, OK))
            known = quantile(merged([one.buckets]), share) if one else None
            found.append((at, known.ms if known else None))
        return found

    def per_minute(self) -> list[Point]:
        """Calls a minute in each step; in one under way, of the minutes that it has had."""
        found: list[Point] = []
        for at in self.steps:
            minutes = (min(at + self.step, self.until) - at).total_seconds() / 60
            found.append((at, sum(one.count for one in self.calls.get(at, {}).values()) / minutes))
        return found

    def shares(self, kind: str) -> list[Point]:
        """Share of each step's calls that ended like this; None where there were none."""
        found: list[Point] = []
        for at in self.steps:
            series = self.calls.get(at, {})
            n = sum(one.count for one in series.values())
            hits = sum(one.count for (_, name), one in series.items() if name == kind)
            found.append((at, hits / n if n else None))
        return found

    def bad_kinds(self) -> list[str]:
        """Kinds of answers that are our fault, and calls without a model; most first."""
        counts: dict[str, int] = {}
        for (_, kind), one in self.total().items():
            if kind == NO_MODEL or kind.startswith("error:"):
                counts[kind] = counts.get(kind, 0) + one.count
        return sorted(counts, key=lambda kind: -counts[kind])


def history(span: Span, *, as_of: datetime) -> History:
    """Calls over the span, to the end of the last whole minute."""
    until = _floor(as_of, MINUTE)
    since = _floor(until - span.length, span.step)
    return History(since, until, span.step, calls_over_time(since, until, span.step))


def queue_lags(span: Span, *, as_of: datetime) -> list[Point]:
    """The longest wait in seconds that the looks of each step saw."""
    until = _floor(as_of, MINUTE)
    rows = OperationsCheck.objects.filter(slot__gt=until - span.length, slot__lte=until)
    most: dict[datetime, float] = {}
    for slot, lag in rows.order_by().values_list("slot", "queue_lag_s"):
        at = _floor(slot, span.step)
        most[at] = max(most.get(at, 0.0), lag)
    return sorted(most.items())


def model_p95(span: Span, *, as_of: datetime) -> dict[str, tuple[list[Point], int]]:
    """p95 of the model's time in ms by version and role, at the last look of each step, and the predictions seen; the
    series with most of them."""
    slots = OperationsCheck.objects.filter(slot__gt=as_of - span.length, slot__lte=as_of).order_by("slot")
    last = {_floor(slot, span.step): pk for pk, slot in slots.values_list("pk", "slot")}
    rows = OperationsCheck.objects.filter(pk__in=last.values())
    found: dict[str, tuple[list[Point], int]] = {}
    models: list[dict[str, Any]] | None
    for slot, models in rows.order_by("slot").values_list("slot", "results__models"):
        for one in models or []:
            name = f"v{one['version']} {one['role']}"
            points, n = found.get(name, ([], 0))
            points.append((slot, one["p95"]["ms"] if one["p95"] else None))
            found[name] = (points, n + one["n"])
    best = sorted(found, key=lambda name: -found[name][1])[:MODEL_SERIES]
    return {name: found[name] for name in sorted(best)}


def latest_check() -> OperationsCheck | None:
    """The newest look."""
    return OperationsCheck.objects.order_by("-slot").first()


def _floor(at: datetime, step: timedelta) -> datetime:
    seconds = int(step.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)
