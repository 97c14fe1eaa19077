"""Tasks: ids in, one service call. Running one twice changes nothing."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from monitoring.services import performance


@shared_task(time_limit=3600, soft_time_limit=3540, expires=4 * 3600)
def check_performance() -> None:
    """Estimate the maturity windows anew and judge every version, once for each day."""
    performance.check_daily(as_of=timezone.now())


@shared_task(time_limit=3600, soft_time_limit=3540, expires=3600)
def check_performance_now() -> None:
    """The same at once, because a person asked for it."""
    performance.check(as_of=timezone.now().replace(microsecond=0))
