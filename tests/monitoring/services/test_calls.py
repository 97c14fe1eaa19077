"""Keeping counts small: whatever is folded, the sums stay."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from monitoring.models import OperationsCheck, RequestTally, RequestTotal
from monitoring.models.operations import HOUR
from monitoring.selectors.calls import calls_between, calls_ever, calls_over_time
from monitoring.services import calls
from tests.factories.operations import a_tally

NOW = datetime(2026, 6, 10, 9, 30, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def sums() -> dict[tuple[str, str], tuple[int, float, dict[int, int]]]:
    return {
        key: (one.count, round(one.total_ms, 6), dict(sorted(one.buckets.items())))
        for key, one in calls_ever(None, None).items()
    }


def days_of_calls(days: int) -> None:
    for hour in range(0, days * 24, 7):
        for minute in (0, 13, 59):
            for process in ("1-a", "2-b"):
                at = (NOW - timedelta(hours=hour)).replace(minute=minute)
                a_tally(at, process=process, times=(20.0, 300.0))
                a_tally(at, process=process, kind="refused", times=(1.0,))


def test_old_minutes_become_hours_and_every_sum_stays() -> None:
    days_of_calls(4)
    before = sums()
    calls.tidy(as_of=NOW)
    assert sums() == before
    old = RequestTally.objects.filter(minute__lt=NOW - timedelta(hours=27))
    assert set(old.values_list("process", "seconds")) == {("", HOUR)}
    assert RequestTally.objects.filter(process="1-a").exists(), "the last day stays in minutes"


def test_hours_past_ninety_days_become_a_total_and_every_sum_stays() -> None:
    days_of_calls(100)
    before = sums()
    calls.tidy(as_of=NOW)
    calls.tidy(as_of=NOW + timedelta(days=3))
    assert sums() == before
    assert RequestTotal.objects.filter(kind="refused").count() == 1
    assert not RequestTally.objects.filter(minute__lt=NOW - timedelta(days=91)).exists()


def test_running_it_twice_changes_nothing() -> None:
    days_of_calls(3)
    calls.tidy(as_of=NOW)
    rows = sorted(RequestTally.objects.values_list("process", "minute", "route", "kind", "count"))
    calls.tidy(as_of=NOW)
    assert sorted(RequestTally.objects.values_list("process", "minute", "route", "kind", "count")) == rows


def test_an_hour_written_late_joins_the_hour_that_is_there() -> None:
    at = NOW - timedelta(days=2)
    a_tally(at)
    calls.tidy(as_of=NOW)
    a_tally(at.replace(minute=0), process="9-z-h0", seconds=HOUR)
    before = sums()
    calls.tidy(as_of=NOW)
    assert sums() == before
    assert RequestTally.objects.get().count == 2


def test_rows_that_another_worker_took_undo_the_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    days_of_calls(3)
    before = sums()
    real = calls.summed

    def late(rows: object) -> object:
        raise calls.FoldedElsewhere

    monkeypatch.setattr(calls, "summed", late)
    calls.tidy(as_of=NOW)
    assert sums() == before
    monkeypatch.setattr(calls, "summed", real)


def test_old_checks_are_thinned_to_hours() -> None:
    for hours, minute in [(1, 5), (24 * 10, 5), (24 * 10, 0), (24 * 500, 0)]:
        OperationsCheck.objects.create(slot=(NOW - timedelta(hours=hours)).replace(minute=minute))
    calls.tidy(as_of=NOW)
    assert OperationsCheck.objects.count() == 2


def test_windows_hold_what_began_in_them() -> None:
    for minute in range(10):
        a_tally(NOW + timedelta(minutes=minute))
    assert calls_between(NOW, NOW + timedelta(minutes=5))["score-lead", "ok"].count == 5
    steps = calls_over_time(NOW, NOW + timedelta(minutes=10), timedelta(minutes=5))
    assert [one["score-lead", "ok"].count for one in steps.values()] == [5, 5]


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_two_workers_that_fold_at_once_keep_every_sum() -> None:
    days_of_calls(4)
    before = sums()
    meet = threading.Barrier(2)

    def work() -> None:
        meet.wait(timeout=10)
        calls.tidy(as_of=NOW)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    calls.tidy(as_of=NOW)
    assert sums() == before
    assert set(
        RequestTally.objects.filter(minute__lt=NOW - timedelta(hours=27)).values_list("process", flat=True)
    ) == {""}
