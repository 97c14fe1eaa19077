from __future__ import annotations

import pytest
from django_celery_beat.models import PeriodicTask

from leadscoring.schedule import TABLE, Every, ensure_schedule

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


def test_the_sweep_runs_every_20_seconds_and_a_late_one_expires() -> None:
    (sweep,) = (entry for entry in TABLE if entry.task == "scoring.tasks.sweep")
    assert sweep.when == Every(20)
    assert sweep.expires_seconds <= 20


def test_every_line_says_why() -> None:
    assert all(len(entry.why) > 40 for entry in TABLE)
    assert len({entry.name for entry in TABLE}) == len(TABLE)
