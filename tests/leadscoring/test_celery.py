from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leadscoring import tasks
from leadscoring.celery import (
    FIXED,
    LONGEST_DELAY_SECONDS,
    TIME_LIMIT_SECONDS,
    DelayTooLong,
    app,
    refuse_long_delay,
)

EXPECTED = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "task_ignore_result": True,
    "accept_content": ["json"],
    "task_serializer": "json",
    "beat_cron_starting_deadline": 1800,
    "result_backend": None,
    "task_publish_retry": False,
    "beat_scheduler": "django_celery_beat.schedulers:DatabaseScheduler",
    "enable_utc": True,
    "timezone": "UTC",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_setting_that_keeps_work_from_being_lost_is_fixed(name: str) -> None:
    assert FIXED[name] == EXPECTED[name]
    assert app.conf[name] == EXPECTED[name]


def test_nothing_overrides_a_fixed_setting() -> None:
    assert {name: app.conf[name] for name in FIXED} == FIXED


def test_every_task_has_a_time_limit_and_the_broker_waits_longer_than_any() -> None:
    app.loader.import_default_modules()
    own = [task for name, task in app.tasks.items() if not name.startswith("celery.")]
    assert own
    limits = {task.name: task.time_limit or app.conf.task_time_limit for task in own}
    assert all(0 < limit <= TIME_LIMIT_SECONDS for limit in limits.values())
    assert app.conf.broker_transport_options["visibility_timeout"] > max(limits.values()) + 120


def test_every_soft_limit_comes_before_the_hard_one() -> None:
    app.loader.import_default_modules()
    for name, task in app.tasks.items():
        if not name.startswith("celery."):
            soft = task.soft_time_limit or app.conf.task_soft_time_limit
            assert soft < (task.time_limit or app.conf.task_time_limit), name


@pytest.mark.parametrize("countdown", [LONGEST_DELAY_SECONDS + 1, 3600.0])
def test_a_long_countdown_is_refused(countdown: float) -> None:
    with pytest.raises(DelayTooLong, match="more than 60 s; expected the time in the row's next_attempt_at"):
        tasks.prune_idempotency.apply_async(countdown=countdown)


@pytest.mark.parametrize("eta", [datetime.now(UTC) + timedelta(hours=1), datetime(2999, 1, 1)])  # noqa: DTZ001
def test_a_late_start_is_refused(eta: datetime) -> None:
    with pytest.raises(DelayTooLong):
        tasks.prune_idempotency.apply_async(eta=eta)


def test_a_short_delay_is_allowed() -> None:
    refuse_long_delay("x", LONGEST_DELAY_SECONDS, None)
    refuse_long_delay("x", None, datetime.now(UTC) + timedelta(seconds=30))
    refuse_long_delay("x", None, None)
