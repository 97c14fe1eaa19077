"""Calls of the REST interface for `/metrics`: counters and times by route and kind, over all web processes.

The sums are those of every call ever counted; a counter never falls. The part of time that is closed is summed once in
each process, like predictions are.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from monitoring.selectors.calls import Calls, Series, calls_ever
from monitoring.stats.latencies import edge

CLOSED_AFTER = timedelta(hours=3)
"""Counts are written within seconds. Those of a longer outage are seen after a restart of the process."""
# Edges of the buckets that times are counted in, in ms: 5, 10, 20, 50, 100, 200 and so on, within 0.5 %.
LIMITS = (-48, -39, -30, -18, -9, 0, 12, 21, 30, 42, 51, 60)

Found = dict[Series, Calls]


class CallTotals:
    """Calls of all time, of which the closed part is summed once."""

    def __init__(self) -> None:
        self._closed: Found = {}
        self._until: datetime | None = None
        self._lock = threading.Lock()

    def read(self, as_of: datetime) -> Found:
        """Calls by route and kind up to now."""
        with self._lock:
            until = (as_of - CLOSED_AFTER).replace(second=0, microsecond=0)
            if self._until is None or until > self._until:
                _add(self._closed, calls_ever(self._until, until))
                self._until = until
            found: Found = {}
            _add(found, self._closed)
            _add(found, calls_ever(self._until, None))
            return found


def _add(to: Found, more: Found) -> None:
    for series, calls in more.items():
        to.setdefault(series, Calls()).add(calls.count, calls.total_ms, calls.buckets)


call_totals = CallTotals()


def call_metrics(totals: Found) -> Iterator[Metric]:
    """The counter and the histogram."""
    counter = CounterMetricFamily(
        "leadscoring_requests",
        "Calls of the REST interface by route and kind: ok, refused, no-model, or error:<type of problem>.",
        labels=["route", "kind"],
    )
    times = HistogramMetricFamily(
        "leadscoring_request_seconds", "Time of an answer of the REST interface.", labels=["route", "kind"]
    )
    for (route, kind), calls in sorted(totals.items()):
        counter.add_metric([route, kind], calls.count)
        times.add_metric([route, kind], buckets=_cumulated(calls), sum_value=calls.total_ms / 1000)
    yield counter
    yield times


def _cumulated(calls: Calls) -> list[tuple[str, float]]:
    counts = [0] * (len(LIMITS) + 1)
    for bucket, n in calls.buckets.items():
        counts[sum(bucket >= limit for limit in LIMITS)] += n
    names = [*(f"{edge(limit) / 1000:.4g}" for limit in LIMITS), "+Inf"]
    return list(zip(names, map(float, accumulate(counts)), strict=True))
