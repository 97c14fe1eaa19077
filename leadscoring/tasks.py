"""Housekeeping tasks: one service call each."""

from __future__ import annotations

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from leadscoring import schedule
from leadscoring.common import idempotency, jobs


@shared_task(time_limit=300, soft_time_limit=280, expires=3600)
def prune_idempotency() -> None:
    """Delete idempotency keys past their 72 hours."""
    idempotency.prune()


@shared_task(time_limit=300, soft_time_limit=280, expires=3600)
def clear_sessions() -> None:
    """Delete expired sign-ins."""
    call_command("clearsessions")


@shared_task(time_limit=60, soft_time_limit=50, expires=60)
def wake_jobs() -> None:
    """Start scheduled runs that wait to be tried again, whose worker died, or whose time passed without beat."""
    jobs.wake()
    schedule.start_late(as_of=timezone.now())
