"""Tasks: ids in, one service call. Running one twice changes nothing."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from monitoring.services import calls, operations, prediction_totals


@shared_task(time_limit=55, soft_time_limit=50, expires=50)
def check_operations() -> None:
    """Look at how the service runs, once for each minute."""
    operations.check(as_of=timezone.now())


@shared_task(time_limit=600, soft_time_limit=580, expires=3000)
def tidy_operations() -> None:
    """Sum up old counts of calls, and forget old checks."""
    calls.tidy(as_of=timezone.now())


@shared_task(time_limit=600, soft_time_limit=580, expires=3000)
def count_predictions() -> None:
    """Count the predictions of the last hour into the totals that `/metrics` begins with."""
    prediction_totals.advance(as_of=timezone.now())
