"""From a report to mails: a row for each recipient, sent once however many workers try."""

from __future__ import annotations

import base64
import smtplib
from datetime import datetime
from email.mime.image import MIMEImage
from email.utils import formataddr
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F

from leadscoring.common import claims
from leadscoring.common.claims import LostClaim, WorkState
from leadscoring.common.models import Installation
from leadscoring.common.queue import enqueue
from leadscoring.common.text import line
from monitoring.models import Report, ReportDelivery, ReportState, Stakeholder

logger = structlog.get_logger(__name__)
LEASE_SECONDS = 180.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 60.0, 3600.0
LONGEST_ERROR = 1000
OVER = (WorkState.DONE, WorkState.FAILED, WorkState.CANCELLED)


class RelatedMail(EmailMultiAlternatives):
    """Text and HTML as alternatives, and what the HTML shows beside them (RFC 2387)."""

    mixed_subtype = "related"


def missing_recipients(report: Report) -> list[Stakeholder]:
    """Active stakeholders to whom this report was never sent."""
    have = ReportDelivery.objects.filter(report=report, stakeholder__isnull=False).values("stakeholder")
    return list(Stakeholder.objects.filter(active=True).exclude(pk__in=have))


def release(report: Report, *, as_of: datetime, by: Any, reason: str) -> list[ReportDelivery]:
    """Hand a report over to be sent to every active stakeholder who has not got it. Of two that do so at once, each
    recipient still has one row. Returns the rows that wait to be sent."""
    with transaction.atomic():
        Report.objects.filter(pk=report.pk).update(state=ReportState.RELEASED)
        wanted = missing_recipients(report)
        ReportDelivery.objects.bulk_create(
            [
                ReportDelivery(
                    report=report,
                    stakeholder=one,
                    name=one.name,
                    email=one.email,
                    reason=reason,
                    requested_by=by,
                )
                for one in wanted
            ],
            ignore_conflicts=True,
        )
        rows = list(
            ReportDelivery.objects.filter(report=report, stakeholder__in=wanted, state=WorkState.QUEUED)
        )
        for row in rows:
            enqueue("monitoring.tasks.deliver_report", row.pk)
    logger.info("report.released", report=report.pk, recipients=len(rows), at=as_of.isoformat())
    return rows


def resend(delivery: ReportDelivery, *, by: Any, reason: str) -> bool:
    """Send a report once more to one person, to the address of today; false while a mail to them still waits."""
    address = {"name": delivery.name, "email": delivery.email}
    if delivery.stakeholder is not None:
        address = {"name": delivery.stakeholder.name, "email": delivery.stakeholder.email}
    with transaction.atomic():
        changed = ReportDelivery.objects.filter(pk=delivery.pk, state__in=OVER).update(
            state=WorkState.QUEUED,
            attempts=0,
            sendings=F("sendings") + 1,
            next_attempt_at=None,
            finished_at=None,
            cancel_requested=False,
            progress=0.0,
            message="",
            error="",
            reason=reason,
            requested_by=by,
            **address,
        )
        if changed:
            enqueue("monitoring.tasks.deliver_report", delivery.pk)
    return bool(changed)


def deliver(delivery_id: int) -> bool:
    """Send one mail, if nobody else has it; whether it was handed to the mail server.

    What a mail server that is away or busy leaves undone waits in its row, with pauses up to an hour. An address that
    the server refuses for good is not tried again. A worker killed between the server's yes and the end of its row
    sends the mail a second time with the same Message-ID, by which mail programs know it.
    """
    claim = claims.claim(ReportDelivery, delivery_id, lease_seconds=LEASE_SECONDS)
    if claim is None:
        return False
    row = ReportDelivery.objects.select_related("report", "stakeholder").get(pk=delivery_id)
    if row.stakeholder is not None and not row.stakeholder.active:
        claims.cancel(ReportDelivery, claim, message="Not sent: the stakeholder was switched off meanwhile.")
        return False
    try:
        mail_of(row).send()
    except Exception as error:  # noqa: BLE001  # whatever went wrong with the mail, the row waits or says why not
        _failed(claim, error)
        return False
    try:
        claims.finish(ReportDelivery, claim, message=f"Handed over for {row.email}.")
    except LostClaim:
        logger.warning("report.lost", delivery=delivery_id)
    return True


def sweep() -> None:
    """Pick up mails that wait for another attempt or lost their worker."""
    claims.fail_exhausted(ReportDelivery)
    for delivery_id in claims.stale(ReportDelivery):
        enqueue("monitoring.tasks.deliver_report", delivery_id)


def mail_of(row: ReportDelivery) -> RelatedMail:
    """The mail of one row, ready to be sent."""
    report = row.report
    mail = RelatedMail(
        subject=line(report.subject, 200),
        body=report.text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[formataddr((line(row.name, 100), row.email))],
        headers={
            "Message-ID": f"<report.{report.pk}.{row.pk}.{row.sendings}@{Installation.this().token}.leadscoring>",
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(report.html, "text/html")
    for image in report.images:
        part = MIMEImage(base64.b64decode(image["png"]), "png")
        part.add_header("Content-ID", f"<{image['cid']}>")
        part.add_header("Content-Disposition", "inline", filename=f"{image['cid']}.png")
        mail.attach(part)
    return mail


def _failed(claim: claims.Claim, error: Exception) -> None:
    pause: float | None = min(FIRST_PAUSE_S * 2.0 ** (claim.attempts - 1), LONGEST_PAUSE_S)
    if isinstance(error, smtplib.SMTPRecipientsRefused) and all(
        code >= 500 for code, _ in error.recipients.values()
    ):
        pause = None
    logger.warning("report.not_sent", delivery=claim.pk, attempt=claim.attempts, error=type(error).__name__)
    try:
        claims.fail(
            ReportDelivery, claim, line(f"{type(error).__name__}: {error}", LONGEST_ERROR), retry_in=pause
        )
    except LostClaim:
        logger.warning("report.lost", delivery=claim.pk)
