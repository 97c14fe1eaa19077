"""Tasks: ids in, one service call. Running one twice changes nothing."""

from __future__ import annotations

from math import ceil

import structlog
from celery import shared_task
from django.conf import settings
from django.utils import timezone

from monitoring.services import (
    calls,
    notifications,
    operations,
    performance,
    prediction_totals,
    readings,
    reports,
    watch,
)

logger = structlog.get_logger(__name__)
# A longer wait is left to the sweep: no message of the broker waits longer than a minute.
LONGEST_WAIT = 50.0


@shared_task(time_limit=120, soft_time_limit=110)
def deliver(delivery_id: int) -> None:
    """Send one message, if it is its turn; where only the channel's rate is in the way, look again when it is not."""
    wait = notifications.deliver(delivery_id, as_of=timezone.now())
    if wait is None or wait > LONGEST_WAIT or settings.CELERY_TASK_ALWAYS_EAGER:
        return
    try:
        deliver.apply_async(args=(delivery_id,), countdown=ceil(wait), retry=False)
    except Exception as error:  # noqa: BLE001  # the row is there, the sweep finds it
        logger.warning("delivery.not_queued", delivery=delivery_id, error=type(error).__name__)


@shared_task(time_limit=120, soft_time_limit=110, expires=20)
def sweep() -> None:
    """Pick up messages that wait, end snoozes, and look after the channels."""
    notifications.sweep(as_of=timezone.now())


@shared_task(time_limit=300, soft_time_limit=280, expires=4 * 3600)
def forget_readings() -> None:
    """Delete readings that no rule is tried on any more."""
    readings.forget(as_of=timezone.now())


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


@shared_task(time_limit=800, soft_time_limit=780, expires=24 * 3600)
def send_weekly_report() -> None:
    """Report the last full week to the stakeholders, once a week."""
    reports.send_weekly(as_of=timezone.now())


@shared_task(time_limit=120, soft_time_limit=110)
def deliver_report(delivery_id: int) -> None:
    """Send one report to one person, if nobody else does."""
    reports.deliver(delivery_id)


@shared_task(time_limit=60, soft_time_limit=50, expires=60)
def sweep_reports() -> None:
    """Pick up mails that wait for another attempt or lost their worker."""
    reports.sweep()


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


@shared_task(time_limit=3600, soft_time_limit=3540, expires=4 * 3600)
def check_performance() -> None:
    """Estimate the maturity windows anew and judge every version, once for each day."""
    performance.check_daily(as_of=timezone.now())


@shared_task(time_limit=3600, soft_time_limit=3540, expires=3600)
def check_performance_now() -> None:
    """The same at once, because a person asked for it."""
    performance.check(as_of=timezone.now().replace(microsecond=0))
