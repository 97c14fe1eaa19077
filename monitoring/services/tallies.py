"""Counts the calls that this process answers, and writes them down from a thread of its own.

A call costs a lock and a few additions. What is counted waits in memory until it is written, at most ten seconds; a
database that is away costs nothing but delay. The rows of a minute belong to the process that counted it and are
written with absolute numbers, so a write whose answer was lost is simply done again.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.util import Finalize
from uuid import uuid4

import structlog
from django.db import connection

from monitoring.models import RequestTally
from monitoring.models.operations import HOUR, MINUTE
from monitoring.stats.latencies import bucket_of

logger = structlog.get_logger(__name__)

FLUSH_SECONDS = 10.0
MOST_KEPT = 4000
"""Counts that wait in memory; past it, minutes that are over are kept as hours."""
MOST_KINDS = 24
MOST_ROUTES = 64
OTHER = "other"
BATCH = 200

Key = tuple[str, int, int, str, str]
"""Who counted, begin (s since 1970), length (s), route, kind."""


@dataclass(slots=True)
class Count:
    """Calls of one key. `written`: a part of it is in a row already."""

    count: int = 0
    total_ms: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict)
    written: bool = False

    def add(self, other: Count) -> None:
        """Take in the calls of another."""
        self.count += other.count
        self.total_ms += other.total_ms
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count


class RequestCounter:
    """The counts of one process. `record` is called by every thread, `flush` by one at a time."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._wanted = False
        self.lost = 0
        self._fresh()

    def _fresh(self) -> None:
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._stop = threading.Event()
        self._counts: dict[Key, Count] = {}
        self._routes: set[str] = set()
        self._kinds: set[str] = set()
        self._minute = 0
        self._away = False
        self._outages = 0
        self._rename()

    def _rename(self) -> None:
        self._process = f"{os.getpid()}-{uuid4().hex[:12]}"

    def after_fork(self) -> None:
        """In a child: the parent writes what it counted, and its locks may be held by threads that are not here. The
        thread that writes is started again by the first call."""
        self._thread = None
        self._fresh()

    def record(self, route: str, kind: str, ms: float) -> None:
        """Count one call that took `ms`. Names past the bound are counted as "other"."""
        bucket = bucket_of(ms)
        if self._wanted and self._thread is None:
            self.start()
        with self._lock:
            # The clock is read inside: nothing is added to a minute that a flush has let go.
            minute = int(self._clock()) // MINUTE * MINUTE
            if minute < self._minute:
                # The clock went back: rows of these minutes may be written and gone from here.
                self._rename()
            self._minute = minute
            route = _bounded(route, self._routes, MOST_ROUTES)
            kind = _bounded(kind, self._kinds, MOST_KINDS)
            key = (self._process, minute, MINUTE, route, kind)
            found = self._counts.get(key)
            if found is None:
                if len(self._counts) >= MOST_KEPT:
                    self._make_room()
                found = self._counts[key] = Count()
            found.count += 1
            found.total_ms += ms
            found.buckets[bucket] = found.buckets.get(bucket, 0) + 1

    def _make_room(self) -> None:
        """Nothing could be written for long: minutes that are over become hours; if there are too many of those, the
        oldest go."""
        over = [
            key
            for key, one in self._counts.items()
            if key[2] == MINUTE and key[:2] != (self._process, self._minute) and not one.written
        ]
        for key in over:
            process, begin, _, route, kind = key
            whole = (f"{process}-h{self._outages}", begin // HOUR * HOUR, HOUR, route, kind)
            self._counts.setdefault(whole, Count()).add(self._counts.pop(key))
        waiting = sorted(
            (key for key, one in self._counts.items() if not one.written), key=lambda key: key[1]
        )
        for key in waiting[: max(len(self._counts) - MOST_KEPT + MOST_KEPT // 40, 0)]:
            self.lost += self._counts.pop(key).count

    def flush(self) -> bool:
        """Write what was counted. Returns whether the database took it; never raises for it."""
        with self._flushing:
            with self._lock:
                # Copies: calls go on being counted while these are written.
                taken = {
                    key: Count(one.count, one.total_ms, dict(one.buckets))
                    for key, one in self._counts.items()
                }
                # While these are under way nobody else may put them into an hour: they would be there twice.
                first = [one for one in self._counts.values() if not one.written]
                for one in first:
                    one.written = True
            try:
                if taken:
                    write(taken.items())
            except Exception as error:  # noqa: BLE001  # whatever went wrong, the counts are kept and tried again
                if not self._away:
                    logger.warning(
                        "operations.counts_not_written", error=f"{type(error).__name__}: {error}"[:300]
                    )
                self._away = True
                with self._lock:
                    for one in first:
                        one.written = False
                return False
            with self._lock:
                self._let_go(taken)
            self._away = False
            return True

    def _let_go(self, taken: dict[Key, Count]) -> None:
        for key, one in taken.items():
            kept = self._counts[key]
            if kept.count == one.count and key[:2] != (self._process, self._minute):
                del self._counts[key]
        if any(key[2] == HOUR for key in taken):
            # The next hours that are put together get rows of their own.
            self._outages += 1

    def start(self) -> None:
        """Start the thread that writes, once in each process; called by the web server's entry point."""
        self._wanted = True
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="request-counts", daemon=True)
                self._thread.start()
                # Runs at the end of a process of any kind, also where `atexit` does not (children by fork).
                Finalize(None, self._end, exitpriority=10)

    def _run(self) -> None:
        stop = self._stop
        while not stop.wait(FLUSH_SECONDS):
            self.flush()
            connection.close()

    def _end(self) -> None:
        self._stop.set()
        self.flush()
        connection.close()


def write(counts: Iterable[tuple[Key, Count]]) -> None:
    """Rows of these counts, made or replaced.

    Raises:
        DatabaseError: nothing, or a part that will be written again, was written.
    """
    rows = [
        RequestTally(
            process=process,
            minute=datetime.fromtimestamp(begin, UTC),
            seconds=seconds,
            route=route,
            kind=kind,
            count=one.count,
            total_ms=one.total_ms,
            buckets={str(bucket): count for bucket, count in one.buckets.items()},
        )
        for (process, begin, seconds, route, kind), one in counts
    ]
    RequestTally.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["process", "minute", "route", "kind"],
        update_fields=["count", "total_ms", "buckets"],
    )


def _bounded(name: str, known: set[str], most: int) -> str:
    if name in known:
        return name
    if len(known) >= most:
        return OTHER
    known.add(name)
    return name


counter = RequestCounter()
os.register_at_fork(after_in_child=counter.after_fork)
record = counter.record
start = counter.start
