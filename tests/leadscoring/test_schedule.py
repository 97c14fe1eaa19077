from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from leadscoring import schedule
from leadscoring.common.models import JobRun
from leadscoring.schedule import TABLE, Daily, Entry, Every, Hourly, Weekly, ensure_schedule, start_late

pytestmark = pytest.mark.django_db


def test_the_migrated_database_holds_the_whole_table() -> None:
    PeriodicTask.objects.all().delete()
    assert ensure_schedule() == [entry.name for entry in TABLE]
    for entry in TABLE:
        row = PeriodicTask.objects.get(name=entry.name)
        assert (row.task, row.description, row.expire_seconds) == (
            entry.task,
            entry.why,
            entry.expires_seconds,
        )
        assert (row.interval is None) != (row.crontab is None)
        if isinstance(entry.when, Every):
            assert row.interval.every == entry.when.seconds


def test_a_line_that_an_operator_changed_is_never_written_again() -> None:
    ensure_schedule()
    PeriodicTask.objects.filter(name="Sweep").update(enabled=False, expire_seconds=7)
    assert ensure_schedule() == []
    row = PeriodicTask.objects.get(name="Sweep")
    assert (row.enabled, row.expire_seconds) == (False, 7)


def test_rows_that_an_operator_disabled_retimed_or_gave_another_task_stay_as_they_are() -> None:
    ensure_schedule()
    other = CrontabSchedule.objects.create(hour="5", minute="5", timezone="Europe/Berlin")
    PeriodicTask.objects.filter(name="Search for duplicates").update(crontab=other, enabled=False)
    PeriodicTask.objects.filter(name="Sweep").update(description="Ours")
    ensure_schedule()
    row = PeriodicTask.objects.get(name="Search for duplicates")
    assert (row.crontab, row.enabled) == (other, False)
    assert PeriodicTask.objects.get(name="Sweep").description == "Ours"


def test_a_renamed_row_is_not_doubled() -> None:
    ensure_schedule()
    PeriodicTask.objects.filter(name="Sweep").update(name="Sweep, but slower")
    assert ensure_schedule() == []
    assert PeriodicTask.objects.filter(task="scoring.tasks.sweep").count() == 1


@pytest.mark.parametrize(
    ("when", "written"),
    [
        (Hourly(7), ("7", "*", "*")),
        (Daily(3, 5), ("5", "3", "*")),
        (Weekly(1, 6, 30), ("30", "6", "1")),
    ],
)
def test_hours_days_and_weekdays_are_written_in_utc(
    when: Hourly | Daily | Weekly, written: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Entry("Trial", "scoring.tasks.trial", when, "Because it is tried here.", 60)
    monkeypatch.setattr(schedule, "TABLE", (line,))
    ensure_schedule()
    row = PeriodicTask.objects.get(name="Trial").crontab
    assert (row.minute, row.hour, row.day_of_week, str(row.timezone)) == (*written, "UTC")


def test_the_sweep_runs_every_20_seconds_and_a_late_one_expires() -> None:
    (sweep,) = (entry for entry in TABLE if entry.task == "scoring.tasks.sweep")
    assert sweep.when == Every(20)
    assert sweep.expires_seconds <= 20


def test_every_line_says_why() -> None:
    assert all(len(entry.why) > 40 for entry in TABLE)
    assert len({entry.name for entry in TABLE}) == len(TABLE)


class TestLate:
    """Tasks of slots whose time passed while beat was down."""

    MONDAY = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
    TASK = "monitoring.tasks.send_weekly_report"

    @pytest.fixture(autouse=True)
    def _last_week(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ensure_schedule()
        self.queued: list[str] = []
        monkeypatch.setattr(schedule, "enqueue", self.queued.append)
        last = self.MONDAY - timedelta(days=7)
        PeriodicTask.objects.filter(task=self.TASK).update(last_run_at=last, date_changed=last)

    def late(self, after: timedelta) -> list[str]:
        return start_late(as_of=self.MONDAY + after)

    def test_beat_itself_makes_up_for_half_an_hour(self) -> None:
        assert self.late(timedelta(minutes=-5)) == []
        assert self.late(timedelta(minutes=25)) == []

    def test_after_that_the_task_is_started_until_its_slot_has_begun(self) -> None:
        assert self.late(timedelta(hours=5)) == [self.TASK]
        assert self.queued == [self.TASK]
        JobRun.objects.create(job="monitoring.send_weekly_report", slot=self.MONDAY)
        assert self.late(timedelta(hours=6)) == []

    def test_a_row_switched_off_or_just_edited_is_left_alone(self) -> None:
        rows = PeriodicTask.objects.filter(task=self.TASK)
        rows.update(enabled=False)
        assert self.late(timedelta(days=1)) == []
        rows.update(enabled=True, date_changed=self.MONDAY + timedelta(hours=20))
        assert self.late(timedelta(days=1)) == []

    def test_the_operators_own_time_counts(self) -> None:
        wednesday = CrontabSchedule.objects.create(hour="7", minute="0", day_of_week="3", timezone="UTC")
        PeriodicTask.objects.filter(task=self.TASK).update(crontab=wednesday)
        # By that row the last one was due on the Wednesday before.
        assert self.late(timedelta(days=-4)) == [self.TASK]

    def test_tasks_that_do_not_run_by_slots_are_not_started(self) -> None:
        PeriodicTask.objects.filter(task="scoring.tasks.search_for_duplicates").update(
            last_run_at=self.MONDAY - timedelta(days=9), date_changed=self.MONDAY - timedelta(days=9)
        )
        assert self.late(timedelta(hours=5)) == [self.TASK]
