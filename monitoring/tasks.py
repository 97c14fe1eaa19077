"""Tasks: ids in, one service call. Running one twice changes nothing."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from monitoring.services import watch


@shared_task(time_limit=900, soft_time_limit=840, expires=55)
def look() -> None:
    """Count new predictions and look at data quality."""
    watch.look(as_of=timezone.now())


@shared_task(time_limit=900, soft_time_limit=840, expires=3000)
def check_drift() -> None:
    """The daily check of drift, if its day is over and it was not made yet."""
    watch.check_drift(as_of=timezone.now())


@shared_task(time_limit=900, soft_time_limit=840, expires=600)
def check_now() -> None:
    """A check that a person asked for."""
    watch.check_now(as_of=timezone.now())
