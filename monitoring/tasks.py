"""Tasks: ids in, one service call. Running one twice changes nothing."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from monitoring.services import reports


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
