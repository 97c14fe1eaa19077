"""Each slot of a scheduled job runs once, however many beats and workers run, and none goes unseen."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import timezone as zone
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from leadscoring.common import jobs
from leadscoring.common.jobs import NOBODY_BEGAN, Missed, run_slot, slot_of, wake
from leadscoring.common.models import Installation, JobRun
from tests.processes import race

JOB = "monitoring.look"
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def run(as_of: datetime, work: Callable[[datetime], None] = lambda slot: None, **more: Any) -> list[datetime]:
    found = {"job": JOB, "every": DAY, "missed": Missed.SKIP, **more}
    return run_slot(as_of=as_of, work=work, **found)


def states() -> list[tuple[datetime, str]]:
    return list(JobRun.objects.filter(job=JOB).order_by("slot").values_list("slot", "state"))


class Failing:
    """Fails a number of times, then works."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.worked: list[datetime] = []

    def __call__(self, slot: datetime) -> None:
        Installation.objects.filter(pk=1).update(worker_prefix="written by the failed attempt")
        if self.left:
            self.left -= 1
            raise RuntimeError("the disk is full")
        self.worked.append(slot)


def retry_is_due() -> None:
    JobRun.objects.filter(state="queued").update(next_attempt_at=MONDAY)


class TestSlots:
    @pytest.mark.parametrize(
        ("every", "begin"),
        [
            (HOUR, datetime(2026, 3, 29, 1, tzinfo=UTC)),
            (DAY, datetime(2026, 3, 29, tzinfo=UTC)),
            (timedelta(days=7), datetime(2026, 3, 23, tzinfo=UTC)),
        ],
    )
    def test_a_slot_begins_at_the_full_hour_day_or_monday_of_utc_in_the_night_of_summer_time(
        self, every: timedelta, begin: datetime
    ) -> None:
        berlin_summer = datetime(2026, 3, 29, 3, 30, tzinfo=zone(timedelta(hours=2)))
        assert slot_of(berlin_summer, every) == begin
        assert slot_of(begin, every) == begin
        assert slot_of(begin - timedelta(microseconds=1), every) == begin - every

    def test_a_moment_without_a_zone_and_a_slot_without_length_are_refused(self) -> None:
        with pytest.raises(ValueError, match="no time zone"):
            slot_of(datetime(2026, 3, 2), DAY)  # noqa: DTZ001
        with pytest.raises(ValueError, match="at least one second"):
            slot_of(MONDAY, timedelta(0))


@pytest.mark.django_db
class TestOnce:
    def test_a_slot_runs_once_however_often_it_is_asked_for(self) -> None:
        seen: list[datetime] = []
        assert run(MONDAY + HOUR, seen.append) == [MONDAY]
        assert run(MONDAY + 5 * HOUR, seen.append) == []
        assert seen == [MONDAY]
        row = JobRun.objects.get()
        assert (row.state, row.attempts, row.error) == ("done", 1, "")
        assert row.finished_at is not None

    def test_a_clock_set_back_runs_nothing_twice_and_a_clock_gone_ahead_blocks_nothing(self) -> None:
        seen: list[datetime] = []
        run(MONDAY, seen.append)
        run(MONDAY + DAY, seen.append)
        assert run(MONDAY + HOUR, seen.append) == []
        run(MONDAY + 400 * DAY, seen.append)
        assert run(MONDAY + DAY + HOUR, seen.append) == []
        assert run(MONDAY + 2 * DAY, seen.append) == [MONDAY + 2 * DAY]
        assert run(MONDAY + 399 * DAY, seen.append) == [MONDAY + 399 * DAY]
        assert len(seen) == len(set(seen))

    def test_two_jobs_share_nothing(self) -> None:
        run(MONDAY)
        assert run(MONDAY, job="monitoring.other") == [MONDAY]


@pytest.mark.django_db
class TestFailure:
    def test_what_failed_leaves_nothing_behind_and_is_tried_again_after_a_pause(self) -> None:
        Installation.this()
        work = Failing(1)
        assert run(MONDAY, work) == []
        row = JobRun.objects.get()
        assert (row.state, row.error) == ("queued", "RuntimeError: the disk is full")
        assert Installation.this().worker_prefix == ""
        assert run(MONDAY, work) == []
        retry_is_due()
        assert run(MONDAY + HOUR, work) == [MONDAY]
        row.refresh_from_db()
        assert (row.state, row.attempts) == ("done", 2)
        assert "the disk is full" in row.message

    def test_it_is_tried_three_times_and_then_failed_with_its_error(self) -> None:
        work = Failing(99)
        for _ in range(5):
            run(MONDAY, work)
            retry_is_due()
        row = JobRun.objects.get()
        assert (row.state, row.attempts, row.error) == ("failed", 3, "RuntimeError: the disk is full")
        assert 99 - work.left == 3

    def test_a_slot_of_yesterday_that_waits_to_be_tried_again_runs_beside_todays(self) -> None:
        work = Failing(1)
        run(MONDAY, work)
        retry_is_due()
        assert run(MONDAY + DAY, work) == [MONDAY, MONDAY + DAY]

    def test_work_outside_a_transaction_keeps_what_it_wrote(self) -> None:
        Installation.this()
        run(MONDAY, Failing(1), in_transaction=False)
        assert Installation.this().worker_prefix != ""

    def test_waking_starts_what_waits_and_closes_what_may_not_be_tried_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        started: list[str] = []
        monkeypatch.setattr(jobs, "enqueue", started.append)
        assert wake() == 0
        JobRun.objects.create(job=JOB, slot=MONDAY, next_attempt_at=datetime(9999, 1, 1, tzinfo=UTC))
        assert wake() == 0
        for back in (1, 2):
            JobRun.objects.create(job=JOB, slot=MONDAY - back * DAY)
        silent = {"state": "running", "lease_until": MONDAY}
        JobRun.objects.create(job="monitoring.other", slot=MONDAY, attempts=1, **silent)
        ended = JobRun.objects.create(job="monitoring.third", slot=MONDAY, attempts=3, **silent)
        assert wake() == 2
        assert started == ["monitoring.tasks.look", "monitoring.tasks.other"]
        ended.refresh_from_db()
        assert ended.state == "failed"
        assert "fell silent" in ended.error


@pytest.mark.django_db
class TestMissed:
    def test_the_first_run_misses_nothing(self) -> None:
        run(MONDAY, missed=Missed.EACH)
        assert states() == [(MONDAY, "done")]

    def test_skipped_ones_are_recorded_with_the_reason(self) -> None:
        run(MONDAY)
        assert run(MONDAY + 3 * DAY) == [MONDAY + 3 * DAY]
        assert [state for _, state in states()] == ["done", "skipped", "skipped", "done"]
        assert JobRun.objects.get(slot=MONDAY + DAY).message == NOBODY_BEGAN

    def test_the_latest_is_made_up_and_those_before_it_are_not(self) -> None:
        run(MONDAY)
        assert run(MONDAY + 3 * DAY, missed=Missed.LATEST) == [MONDAY + 2 * DAY, MONDAY + 3 * DAY]
        assert [state for _, state in states()] == ["done", "skipped", "done", "done"]

    def test_each_is_made_up_oldest_first_and_up_to_a_bound(self) -> None:
        seen: list[datetime] = []
        run(MONDAY)
        run(MONDAY + 6 * DAY, seen.append, missed=Missed.EACH, at_most=3)
        assert seen == [MONDAY + back * DAY for back in (3, 4, 5, 6)]
        assert [state for _, state in states()][1:3] == ["skipped", "skipped"]

    def test_years_away_leave_a_bounded_number_of_rows_and_the_oldest_says_so(self) -> None:
        run(MONDAY, every=HOUR)
        run(MONDAY + 3 * 365 * DAY, every=HOUR)
        assert JobRun.objects.filter(state="skipped").count() == jobs.MOST_RECORDED
        assert "slots before it" in JobRun.objects.filter(state="skipped").earliest("slot").message

    def test_a_job_whose_slots_become_shorter_misses_nothing_of_the_old_slot(self) -> None:
        run(MONDAY)
        run(MONDAY + HOUR, every=HOUR)
        assert states() == [(MONDAY, "done"), (MONDAY + HOUR, "done")]


@pytest.mark.django_db
def test_old_runs_are_forgotten_except_those_open_or_ended_lately_by_the_databases_clock() -> None:
    def old(days: int, state: str, **fields: Any) -> None:
        ended = {"state": state, "finished_at": MONDAY - days * DAY} | fields
        JobRun.objects.create(job=JOB, slot=MONDAY - days * DAY, **ended)

    old(95, "failed")
    old(94, "skipped", finished_at=None)
    old(93, "queued", finished_at=None, next_attempt_at=datetime(9999, 1, 1, tzinfo=UTC))
    old(92, "done", finished_at=timezone.now())
    old(91, "done")
    JobRun.objects.create(job="monitoring.other", slot=MONDAY - 60 * DAY, state="skipped")
    run(MONDAY, keep=30 * DAY)
    assert [state for slot, state in states() if slot < MONDAY - 31 * DAY] == ["queued", "done"]
    assert JobRun.objects.filter(job="monitoring.other").count() == 1


def _write_a_line(path: str) -> list[str]:
    def work(slot: datetime) -> None:
        with Path(path).open("a", encoding="utf-8") as out:
            out.write(f"{slot.isoformat()}\n")

    done = run(MONDAY + 3 * DAY, work, missed=Missed.EACH, in_transaction=False)
    return [slot.isoformat() for slot in done]


@pytest.mark.django_db(transaction=True)
def test_four_workers_at_once_do_each_slot_once(tmp_path: Path) -> None:
    run(MONDAY)
    ledger = tmp_path / "ledger.txt"
    ended = race(_write_a_line, [str(ledger)] * 4, tmp_path)
    days = [(MONDAY + back * DAY).isoformat() for back in (1, 2, 3)]
    assert sorted(ledger.read_text(encoding="utf-8").split()) == days
    assert sorted(slot for slots in ended for slot in slots) == days


def _die_at_work(path: str) -> None:
    def work(slot: datetime) -> None:
        Path(path).write_text(slot.isoformat(), encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)

    run(MONDAY, work)


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_the_slot_of_a_killed_worker_is_taken_over_when_its_lease_is_over(tmp_path: Path) -> None:
    reached = tmp_path / "reached"
    with pytest.raises((AssertionError, ValueError)):
        race(_die_at_work, [str(reached)], tmp_path)
    assert reached.exists()
    assert JobRun.objects.get().state == "running"
    seen: list[datetime] = []
    assert run(MONDAY, seen.append) == []
    JobRun.objects.update(lease_until=MONDAY)
    assert run(MONDAY, seen.append) == [MONDAY]
    assert (JobRun.objects.get().attempts, seen) == (2, [MONDAY])


@pytest.mark.django_db
def test_who_lost_the_slot_while_at_work_leaves_nothing_behind() -> None:
    Installation.this()

    def work(slot: datetime) -> None:
        Installation.objects.filter(pk=1).update(worker_prefix="late")
        JobRun.objects.update(fence=7)

    assert run(MONDAY, work) == []
    assert Installation.this().worker_prefix == ""
