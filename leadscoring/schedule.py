"""The whole beat table: what runs when, and why then.

Rows are made once, when the database is migrated, and belong to the operator from then on: a row that exists
is never written again. Expiry keeps a worker that comes back after an hour from running an hour of sweeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.apps import AppConfig

from leadscoring.common.jobs import job_of
from leadscoring.common.queue import enqueue

# As `beat_cron_starting_deadline` in `leadscoring.celery`.
BEAT_MAKES_UP = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval in seconds."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Daily:
    """A time of day, UTC."""

    hour: int
    minute: int


@dataclass(frozen=True, slots=True)
class Hourly:
    """A minute of every hour."""

    minute: int


@dataclass(frozen=True, slots=True)
class Weekly:
    """A weekday (0 is Sunday, 1 is Monday) and a time of day, UTC."""

    weekday: int
    hour: int
    minute: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table."""

    name: str
    task: str
    when: Every | Hourly | Daily | Weekly
    why: str
    expires_seconds: int
    # Started later in its slot where beat was down at its time; only for tasks that run by slots.
    late: bool = False


TABLE: tuple[Entry, ...] = (
    Entry(
        name="Sweep",
        task="scoring.tasks.sweep",
        when=Every(20),
        why="Picks up work whose message was lost or whose worker died; 20 s is how long that may go unseen.",
        expires_seconds=20,
    ),
    Entry(
        name="Wake scheduled runs",
        task="leadscoring.tasks.wake_jobs",
        when=Every(60),
        why="Starts again what failed or lost its worker; the first pause before another attempt is a minute.",
        expires_seconds=60,
    ),
    Entry(
        name="Count predictions and look at data quality",
        task="monitoring.tasks.look",
        when=Every(60),
        why="Five minutes of predictions are counted a minute after they are over, then looked at.",
        expires_seconds=55,
    ),
    Entry(
        name="Check drift",
        task="monitoring.tasks.check_drift",
        when=Hourly(minute=12),
        why="One check a day, of seven days that end at midnight; tried hourly, so that a missed night is made up.",
        expires_seconds=3000,
    ),
    Entry(
        name="Sweep of alerts",
        task="monitoring.tasks.sweep",
        when=Every(20),
        why="Sends messages of alerts that wait, and ends snoozes; 20 s is how long a lost message may go unseen.",
        expires_seconds=20,
    ),
    Entry(
        name="Weekly report",
        task="monitoring.tasks.send_weekly_report",
        when=Weekly(weekday=1, hour=6, minute=30),
        why="Monday 06:30 UTC, so that last week's report is there when people come to work.",
        expires_seconds=24 * 3600,
        late=True,
    ),
    Entry(
        name="Send waiting reports",
        task="monitoring.tasks.sweep_reports",
        when=Every(60),
        why="Mails that a mail server could not take wait in rows; the first pause is a minute.",
        expires_seconds=60,
    ),
    Entry(
        name="Look for models of other tools",
        task="scoring.tasks.survey_foreign",
        when=Every(600),
        why="Keeps the list of models that can be adopted fresh; a button looks at once.",
        expires_seconds=300,
    ),
    Entry(
        name="Forget old idempotency keys",
        task="leadscoring.tasks.prune_idempotency",
        when=Every(3600),
        why="Keys are kept for 72 hours. Hourly keeps each deletion small.",
        expires_seconds=3000,
    ),
    Entry(
        name="Count for the readiness page",
        task="scoring.tasks.count_readiness",
        when=Every(3600),
        why="At a million leads counting takes seconds, so the page reads a row. Leads ripen by the day.",
        expires_seconds=3000,
    ),
    Entry(
        name="Search for duplicates",
        task="scoring.tasks.search_for_duplicates",
        when=Daily(hour=2, minute=20),
        why="Leads changed since the last search, at night: proposals are there when people come to work.",
        expires_seconds=4 * 3600,
    ),
    Entry(
        name="Complete the search of leads",
        task="scoring.tasks.complete_search",
        when=Daily(hour=3, minute=10),
        why="Leads written by an older program during an upgrade have no words to be found by; reads every key.",
        expires_seconds=4 * 3600,
    ),
    Entry(
        name="Forget old readings",
        task="monitoring.tasks.forget_readings",
        when=Daily(hour=3, minute=30),
        why="Rules are tried on the last 90 days; readings are kept for 180. At night, when few people are at work.",
        expires_seconds=4 * 3600,
    ),
    Entry(
        name="Check how the models do",
        task="monitoring.tasks.check_performance",
        when=Daily(hour=4, minute=20),
        why="Leads ripen by the day. After the night's searches and before people come to work.",
        expires_seconds=4 * 3600,
        late=True,
    ),
    Entry(
        name="Remove old uploads",
        task="scoring.tasks.remove_uploads",
        when=Daily(hour=3, minute=50),
        why="Uploaded files of imports that ended, or that nobody went on with for a week, hold people's data.",
        expires_seconds=4 * 3600,
    ),
    Entry(
        name="Check how the service runs",
        task="monitoring.tasks.check_operations",
        when=Every(60),
        why="A slow or failing interface is to raise an alert within five minutes.",
        expires_seconds=50,
    ),
    Entry(
        name="Count predictions for /metrics",
        task="monitoring.tasks.count_predictions",
        when=Every(3600),
        why="A new web process begins with these totals; counting all predictions at its first scrape takes minutes.",
        expires_seconds=3000,
    ),
    Entry(
        name="Sum up counts of calls",
        task="monitoring.tasks.tidy_operations",
        when=Every(3600),
        why="Minutes become hours after 26 hours, hours a total after 90 days; hourly keeps each step small.",
        expires_seconds=3000,
    ),
    Entry(
        name="Forget expired sign-ins",
        task="leadscoring.tasks.clear_sessions",
        when=Daily(hour=3, minute=40),
        why="Expired sessions pile up. At night, clear of the full hour, when few people are at work.",
        expires_seconds=4 * 3600,
    ),
)


def ensure_schedule() -> list[str]:
    """Adds the lines that are missing; returns their names. Rows that exist are left as they are."""
    from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

    known = set(PeriodicTask.objects.values_list("name", flat=True))
    # An operator may have given a row another name; its task then says that it is there.
    started = set(PeriodicTask.objects.values_list("task", flat=True))
    added = []
    for entry in TABLE:
        if entry.name in known or entry.task in started:
            continue
        timing: dict[str, Any]
        if isinstance(entry.when, Every):
            interval = IntervalSchedule.objects.get_or_create(
                every=entry.when.seconds, period=IntervalSchedule.SECONDS
            )
            timing = {"interval": interval[0]}
        else:
            crontab = CrontabSchedule.objects.get_or_create(
                hour="*" if isinstance(entry.when, Hourly) else str(entry.when.hour),
                minute=str(entry.when.minute),
                day_of_week=str(entry.when.weekday) if isinstance(entry.when, Weekly) else "*",
                day_of_month="*",
                month_of_year="*",
                timezone="UTC",
            )
            timing = {"crontab": crontab[0]}
        PeriodicTask.objects.get_or_create(
            name=entry.name,
            defaults={
                "task": entry.task,
                "description": entry.why,
                "expire_seconds": entry.expires_seconds,
                **timing,
            },
        )
        added.append(entry.name)
    return added


def start_late(*, as_of: datetime) -> list[str]:
    """Starts tasks whose time, by the operator's row, passed while beat was down; returns their names.

    Beat itself makes up for half an hour. A row counts from its last start or last edit, whichever is later, so that
    switching one on starts nothing at once.
    """
    from django_celery_beat.models import PeriodicTask

    from leadscoring.common.models import JobRun

    started = []
    rows = PeriodicTask.objects.filter(
        task__in=[entry.task for entry in TABLE if entry.late], enabled=True, crontab__isnull=False
    )
    for row in rows.select_related("crontab"):
        since = max(at for at in (row.last_run_at, row.date_changed) if at is not None)
        last, until_due, _ = row.schedule.remaining_delta(since)
        due = last + until_due
        begun = JobRun.objects.filter(job=job_of(row.task), created_at__gte=due)
        if as_of - due > BEAT_MAKES_UP and not begun.exists():
            enqueue(row.task)
            started.append(row.task)
    return started


def after_migrate(sender: AppConfig, using: str, **_: Any) -> None:
    """Receiver of `post_migrate`: the table follows the beat tables."""
    if using == "default":
        ensure_schedule()
