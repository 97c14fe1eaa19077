"""The Celery application.

The database is the record and Celery only wakes: a lost or doubled message changes nothing, because every
task claims rows and a sweep finds what was left behind. The settings in `FIXED` carry that and may not be
changed by the environment; a test asserts them.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import django
from celery import Celery, Task
from celery.signals import beat_init, worker_ready
from django.apps import apps

from leadscoring.common.installation import note_start, redis_prefix

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadscoring.settings")

LONGEST_DELAY_SECONDS = 60
TIME_LIMIT_SECONDS = 3600
SOFT_TIME_LIMIT_SECONDS = TIME_LIMIT_SECONDS - 60

FIXED: dict[str, Any] = {
    # Acknowledge after the work, and hand back what a killed child held: the default loses it silently.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_acks_on_failure_or_timeout": True,
    "worker_prefetch_multiplier": 1,
    "task_time_limit": TIME_LIMIT_SECONDS,
    "task_soft_time_limit": SOFT_TIME_LIMIT_SECONDS,
    # Redis hands a message out again after this time, so it must outlast the longest task.
    "broker_transport_options": {
        "visibility_timeout": TIME_LIMIT_SECONDS + 300,
        "socket_connect_timeout": 1,
        "socket_timeout": 5,
        "health_check_interval": 15,
        # One more try at once: kombu's own default keeps a request waiting for six seconds.
        "max_retries": 1,
        "interval_start": 0,
    },
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "task_publish_retry": False,
    "task_ignore_result": True,
    "task_store_errors_even_if_ignored": False,
    "result_backend": None,
    "task_serializer": "json",
    "accept_content": ["json"],
    "worker_max_tasks_per_child": 200,
    "worker_hijack_root_logger": False,
    "worker_send_task_events": False,
    "beat_scheduler": "django_celery_beat.schedulers:DatabaseScheduler",
    # A run missed while beat was down is made up for within half an hour and skipped after that.
    "beat_cron_starting_deadline": 1800,
    "beat_max_loop_interval": 5,
    # Written at every run, so that the admin shows when each line ran last.
    "beat_sync_every": 1,
    # Without results there is nothing for celery's own clean-up task to do.
    "result_expires": None,
    "enable_utc": True,
    "timezone": "UTC",
}


class DelayTooLong(ValueError):
    """A task was queued with a delay that belongs into a row's `next_attempt_at`."""


class BoundedDelayTask(Task):  # type: ignore[type-arg]  # celery's Task is generic in its stubs only
    """A task that refuses delays over a minute: Redis redelivers what waits longer than its visibility
    timeout, once to every worker that comes along."""

    abstract = True

    def apply_async(
        self,
        args: Any = None,
        kwargs: Any = None,
        task_id: Any = None,
        producer: Any = None,
        link: Any = None,
        link_error: Any = None,
        shadow: Any = None,
        **options: Any,
    ) -> Any:
        refuse_long_delay(self.name, options.get("countdown"), options.get("eta"))
        return super().apply_async(args, kwargs, task_id, producer, link, link_error, shadow, **options)


def refuse_long_delay(name: str, countdown: float | None, eta: datetime | None) -> None:
    """Raises :class:`DelayTooLong` when a task would wait longer than a minute."""
    limit = timedelta(seconds=LONGEST_DELAY_SECONDS)
    late = countdown is not None and countdown > LONGEST_DELAY_SECONDS
    if eta is not None:
        aware = eta if eta.tzinfo is not None else eta.replace(tzinfo=UTC)
        late = late or aware - datetime.now(UTC) > limit
    if late:
        raise DelayTooLong(
            f"Task {name} was queued with a delay of more than {LONGEST_DELAY_SECONDS} s; "
            "expected the time in the row's next_attempt_at, where the sweep finds it."
        )


class Application(Celery):
    """A Celery application whose every connection keeps to its installation's keys and channels.

    The prefix is looked up when a connection is made, not in the settings: it may come from the database.
    """

    def connection_for_read(self, url: str | None = None, **kwargs: Any) -> Any:
        return super().connection_for_read(url, **_prefixed(kwargs))

    def connection_for_write(self, url: str | None = None, **kwargs: Any) -> Any:
        return super().connection_for_write(url, **_prefixed(kwargs))


def _prefixed(kwargs: dict[str, Any]) -> dict[str, Any]:
    if not apps.ready:
        # `celery inspect` and its like connect without loading the apps.
        django.setup()
    options = {"global_keyprefix": redis_prefix(), **(kwargs.get("transport_options") or {})}
    return {**kwargs, "transport_options": options}


@worker_ready.connect
def _worker_started(**_: Any) -> None:
    note_start("worker")


@beat_init.connect
def _beat_started(**_: Any) -> None:
    note_start("beat")


app = Application("leadscoring", task_cls=BoundedDelayTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(FIXED)


app.autodiscover_tasks()
