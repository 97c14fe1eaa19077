"""Counting calls: nothing is lost or doubled, whatever the database, the clock or a fork does meanwhile."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest
from django.db import OperationalError

from monitoring.models import RequestTally
from monitoring.models.operations import HOUR, MINUTE
from monitoring.services import tallies
from monitoring.services.tallies import MOST_KEPT, MOST_KINDS, MOST_ROUTES, OTHER, RequestCounter

START = 1_780_000_020.0


class Clock:
    """A clock that a test turns."""

    def __init__(self, at: float = START) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counter(clock: Clock) -> RequestCounter:
    return RequestCounter(clock=clock)


def counted() -> int:
    return sum(RequestTally.objects.values_list("count", flat=True))


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The database is away until the returned function is called."""
    real = tallies.write

    def refuse(counts: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(tallies, "write", refuse)
    return lambda: monkeypatch.setattr(tallies, "write", real)


@pytest.mark.django_db
class TestWriting:
    def test_calls_of_a_minute_become_one_row_for_each_route_and_kind(self, counter: RequestCounter) -> None:
        for ms in (10.0, 20.0, 400.0):
            counter.record("score-lead", "ok", ms)
        counter.record("score-lead", "refused", 1.0)
        assert counter.flush()
        row = RequestTally.objects.get(kind="ok")
        assert (row.count, row.total_ms, sum(row.buckets.values())) == (3, 430.0, 3)
        assert row.minute.timestamp() == START // MINUTE * MINUTE
        assert RequestTally.objects.count() == 2

    def test_writing_a_minute_again_replaces_it_with_all_its_calls(self, counter: RequestCounter) -> None:
        for n in range(1, 6):
            counter.record("score-lead", "ok", 5.0)
            counter.flush()
            counter.flush()
            assert counted() == n
        assert RequestTally.objects.count() == 1

    def test_a_minute_that_is_over_and_written_is_let_go(self, counter: RequestCounter, clock: Clock) -> None:
        for _ in range(200):
            counter.record("score-lead", "ok", 5.0)
            clock.at += MINUTE
            counter.flush()
        assert len(counter._counts) <= 2
        assert counted() == 200

    def test_two_processes_keep_rows_of_their_own(self, clock: Clock) -> None:
        one, two = RequestCounter(clock=clock), RequestCounter(clock=clock)
        one.record("score-lead", "ok", 5.0)
        two.record("score-lead", "ok", 5.0)
        one.flush()
        two.flush()
        assert counted() == 2

    def test_a_clock_that_goes_back_loses_and_doubles_nothing(
        self, counter: RequestCounter, clock: Clock
    ) -> None:
        for step in (0, 60, 120, -120, 0, 60, -7200, 7200):
            clock.at = START + step
            counter.record("score-lead", "ok", 5.0)
            counter.flush()
        assert counted() == 8

    def test_what_was_counted_while_the_database_was_away_is_written_later(
        self, counter: RequestCounter, clock: Clock, away: Any
    ) -> None:
        for _ in range(30):
            counter.record("score-lead", "ok", 5.0)
            clock.at += MINUTE
            assert not counter.flush()
        assert counted() == 0
        away()
        assert counter.flush()
        assert counted() == 30
        assert set(RequestTally.objects.values_list("seconds", flat=True)) == {MINUTE}

    def test_an_outage_of_days_fits_into_bounded_memory_and_stays_whole_as_hours(
        self, counter: RequestCounter, clock: Clock, away: Any
    ) -> None:
        calls = 5 * 24 * 60
        for _ in range(calls):
            counter.record("score-lead", "ok", 5.0)
            clock.at += MINUTE
            assert len(counter._counts) <= MOST_KEPT
        assert not counter.flush()
        away()
        assert counter.flush()
        assert counted() == calls
        assert counter.lost == 0
        assert HOUR in set(RequestTally.objects.values_list("seconds", flat=True))

    def test_a_second_outage_in_the_same_hour_does_not_replace_the_first(
        self, counter: RequestCounter, monkeypatch: pytest.MonkeyPatch, clock: Clock
    ) -> None:
        monkeypatch.setattr(tallies, "MOST_KEPT", 3)
        clock.at = START // HOUR * HOUR
        for _ in range(2):
            for _ in range(10):
                counter.record("score-lead", "ok", 5.0)
                clock.at += MINUTE
            assert counter.flush()
        assert counted() + counter.lost == 20
        assert counter.lost == 0

    def test_a_part_that_is_written_is_never_put_into_an_hour(
        self, counter: RequestCounter, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tallies, "MOST_KEPT", 3)
        counter.record("score-lead", "ok", 5.0)
        counter.flush()
        counter.record("score-lead", "ok", 5.0)
        for _ in range(8):
            clock.at += MINUTE
            counter.record("score-lead", "ok", 5.0)
        counter.flush()
        assert counted() == 10

    def test_calls_that_come_while_a_flush_is_under_way_are_not_doubled(
        self, counter: RequestCounter, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tallies, "MOST_KEPT", 3)
        real = tallies.write

        def slow(counts: Any) -> None:
            for _ in range(9):
                clock.at += MINUTE
                counter.record("score-lead", "ok", 5.0)
            real(counts)

        monkeypatch.setattr(tallies, "write", slow)
        counter.record("score-lead", "ok", 5.0)
        counter.flush()
        monkeypatch.setattr(tallies, "write", real)
        counter.flush()
        assert counted() == 10

    def test_an_outage_without_end_lets_the_oldest_go_and_says_how_many(
        self, counter: RequestCounter, clock: Clock, away: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tallies, "MOST_KEPT", 40)
        for _ in range(500):
            counter.record("score-lead", "ok", 5.0)
            clock.at += HOUR
        assert len(counter._counts) <= 40
        away()
        counter.flush()
        assert counted() + counter.lost == 500
        assert counter.lost > 0


class TestCounting:
    def test_threads_count_together(self, counter: RequestCounter) -> None:
        def work() -> None:
            for _ in range(500):
                counter.record("score-lead", "ok", 5.0)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(one.count for one in counter._counts.values()) == 4000

    def test_names_are_bounded(self, counter: RequestCounter) -> None:
        for n in range(5000):
            counter.record(f"route-{n}", f"error:{n}", 1.0)
        assert len({key[3] for key in counter._counts}) == MOST_ROUTES + 1
        assert len({key[4] for key in counter._counts}) == MOST_KINDS + 1
        assert OTHER in {key[3] for key in counter._counts}

    def test_after_a_fork_a_child_counts_anew_under_a_name_of_its_own(self, clock: Clock) -> None:
        counter = RequestCounter(clock=clock)
        counter.record("score-lead", "ok", 5.0)
        before = counter._process
        # As the hook finds it: the lock of the parent is held by a thread that is not in the child.
        counter._lock.acquire()
        counter.after_fork()
        counter.record("score-lead", "ok", 5.0)
        assert counter._process != before
        assert [one.count for one in counter._counts.values()] == [1]

    def test_the_module_s_own_counter_is_reset_in_a_child(self) -> None:
        tallies.record("score-lead", "ok", 5.0)
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.write(write, str(len(tallies.counter._counts)).encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(write)
        assert os.read(read, 10) == b"0"
        os.close(read)

    def test_starting_twice_runs_one_thread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        counter = RequestCounter()
        monkeypatch.setattr(counter, "_run", counter._stop.wait)
        monkeypatch.setattr(tallies, "Finalize", lambda *args, **options: None)
        counter.start()
        first = counter._thread
        counter.start()
        assert counter._thread is first
        counter._stop.set()
        assert first is not None
        first.join()
