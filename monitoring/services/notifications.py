"""Messages on their way: claimed, sent, marked; tried again, given up, or kept until a person helps.

A message is sent before it is marked as sent. A worker killed between the two leaves a row that another sends again:
PagerDuty joins the two by their dedup key; Slack and mail have no such key, so there, at this one point, a message may
come twice. It never comes not at all.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Greatest

from leadscoring.common import claims
from leadscoring.common.claims import Claim, WorkState
from leadscoring.common.crypto import scrubbed
from leadscoring.common.errors import FixConfiguration, ProblemError, RetryLater
from leadscoring.common.installation import installation_token
from leadscoring.common.queue import enqueue
from monitoring.channels import CHANNELS
from monitoring.channels.base import AskedToWait
from monitoring.contracts import AlertState, MessageKind, RuleKind
from monitoring.models import Alert, AlertRule, Delivery, NotificationChannel
from monitoring.models.channels import FAILURES_OF_DEATH
from monitoring.services.channel_watch import watch_channels
from monitoring.services.handling import end_snoozes
from monitoring.services.messages import message_of

logger = structlog.get_logger(__name__)
LEASE_SECONDS = 150
FIRST_WAIT, LONGEST_WAIT = 30.0, 3600.0
# News older than this is none: what could not be sent by then is given up, and says so.
LIFE = timedelta(hours=24)
SOON = timedelta(minutes=1)
HEAL_EVERY = timedelta(minutes=5)


def deliver(delivery_id: int, *, as_of: datetime, now: datetime | None = None) -> float | None:
    """Send one message if it is its turn and nobody else does.

    Returns the seconds after which to look again where only the channel's rate is in the way. `now` replaces database
    time in leases, in tests and drills.
    """
    row = Delivery.objects.select_related("channel", "alert", "event__by").filter(pk=delivery_id).first()
    if row is None or not row.is_open or (row.next_attempt_at is not None and row.next_attempt_at > as_of):
        return None
    channel, test = row.channel, row.what == MessageKind.TEST.value
    if not test:
        if not channel.enabled or channel.broken or _earlier(row).exists():
            return None
        wait = _take_slot(channel, as_of)
        if wait > 0:
            wait += _ahead(row, as_of) * CHANNELS.get(channel.kind).seconds_between
            later = as_of + timedelta(seconds=wait)
            Delivery.objects.filter(pk=row.pk, state=WorkState.QUEUED).update(next_attempt_at=later)
            return wait
    held = claims.claim(Delivery, row.pk, lease_seconds=LEASE_SECONDS, now=now)
    if held is not None:
        try:
            _send(row, held, as_of=as_of, now=now)
        except claims.LostClaim:
            logger.warning("delivery.lost_claim", delivery=row.pk)
    return None


def send_test(channel_id: int, *, as_of: datetime) -> Delivery:
    """Send a test through the channel, the way every message goes, and return the row with its outcome."""
    key = f"leadscore:{installation_token()}:test:{channel_id}:{secrets.token_hex(8)}"
    row = Delivery.objects.create(channel_id=channel_id, what=MessageKind.TEST.value, dedup_key=key)
    deliver(row.pk, as_of=as_of)
    row.refresh_from_db()
    return row


def sweep(*, as_of: datetime, now: datetime | None = None) -> None:
    """Wake workers for messages that wait, give up old ones, end snoozes, and look after the channels."""
    claims.fail_exhausted(Delivery, now=now)
    Delivery.objects.filter(state=WorkState.QUEUED, created_at__lt=as_of - LIFE).update(
        state=WorkState.FAILED,
        finished_at=as_of,
        error=Coalesce(F("outcome"), Value("")),
        outcome="Not sent within 24 hours; given up.",
    )
    end_snoozes(as_of=as_of)
    for pk in due(as_of=as_of):
        enqueue("monitoring.tasks.deliver", pk)
    rule = AlertRule.objects.filter(kind=RuleKind.DEAD_CHANNEL.value).first()
    if rule is None or rule.judged_at is None or rule.judged_at <= as_of - HEAL_EVERY:
        failing = NotificationChannel.objects.filter(enabled=True, consecutive_failures__gt=0).exists()
        open_alert = Alert.objects.filter(kind=RuleKind.DEAD_CHANNEL.value, state=AlertState.OPEN.value)
        if failing or open_alert.exists():
            watch_channels(as_of=as_of)


def due(*, as_of: datetime, limit: int = 200) -> list[int]:
    """Messages whose turn it is, oldest first."""
    waiting = Q(state=WorkState.QUEUED) & (Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=as_of))
    silent = Q(state=WorkState.RUNNING, lease_until__lt=as_of)
    rows = Delivery.objects.filter(waiting | silent, channel__enabled=True, channel__broken=False)
    earlier = Delivery.objects.filter(
        alert=OuterRef("alert"), channel=OuterRef("channel"), pk__lt=OuterRef("pk"), state__in=claims.OPEN
    )
    return list(rows.filter(~Exists(earlier)).order_by("pk").values_list("pk", flat=True)[:limit])


def _earlier(row: Delivery) -> QuerySet[Delivery]:
    """Messages of the same alert that must go first: a resolve that overtakes its trigger leaves an incident open."""
    same = Delivery.objects.filter(alert=row.alert, alert__isnull=False, channel=row.channel)
    return same.filter(pk__lt=row.pk, state__in=claims.OPEN)


def _take_slot(channel: NotificationChannel, as_of: datetime) -> float:
    """Take the channel's next slot; returns 0, or how many seconds until there is one."""
    rows = NotificationChannel.objects.filter(pk=channel.pk)
    free = rows.filter(Q(next_send_at__isnull=True) | Q(next_send_at__lte=as_of))
    between = CHANNELS.get(channel.kind).seconds_between
    if free.update(next_send_at=as_of + timedelta(seconds=between)):
        return 0.0
    next_send_at = rows.values_list("next_send_at", flat=True).get()
    return max((next_send_at - as_of).total_seconds(), 0.1) if next_send_at else 0.1


def _ahead(row: Delivery, as_of: datetime) -> int:
    """How many messages go before this one through its channel: each looks again when its turn comes, not all of them
    every second."""
    soon = Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=as_of + SOON)
    queued = Delivery.objects.filter(channel=row.channel, state=WorkState.QUEUED, pk__lt=row.pk)
    return queued.filter(soon).count()


def _send(row: Delivery, held: Claim, *, as_of: datetime, now: datetime | None) -> None:
    channel = row.channel
    config: dict[str, Any] = {}
    try:
        config = channel.config()
        outcome = CHANNELS.get(channel.kind).send(config, message_of(row))
    except ProblemError as error:
        _failed(row, held, error, scrubbed(error.detail, config), as_of=as_of, now=now)
    except Exception as error:  # noqa: BLE001  # whatever it was, the row is not left to its lease
        # The type only: the words of an unknown error may hold a secret.
        words = f"The channel failed in a way the program does not know ({type(error).__name__})."
        _failed(row, held, RetryLater(words), words, as_of=as_of, now=now)
    else:
        with transaction.atomic():
            claims.finish(Delivery, held, now=now, outcome=outcome)
            _channel_worked(channel, as_of=as_of)
            _wake_next(row)


def _failed(
    row: Delivery, held: Claim, error: ProblemError, words: str, *, as_of: datetime, now: datetime | None
) -> None:
    fix = isinstance(error, FixConfiguration)
    again = isinstance(error, RetryLater) or fix
    retry_in = (
        _wait(held.attempts, error.retry_after) if again and row.what != MessageKind.TEST.value else None
    )
    with transaction.atomic():
        claims.fail(
            Delivery, held, words, retry_in=0.0 if fix and retry_in else retry_in, now=now, outcome=words
        )
        if isinstance(error, AskedToWait):
            wait = timedelta(seconds=error.retry_after or 1)
            NotificationChannel.objects.filter(pk=row.channel_id).update(
                next_send_at=as_of + wait, last_error=words
            )
        else:
            _channel_failed(row.channel, words, fix=fix, as_of=as_of)
        _wake_next(row)
    logger.warning("delivery.failed", delivery=row.pk, channel=row.channel_id, error=words)


def _wait(attempts: int, asked: int | None) -> float:
    """Seconds to the next try: doubling from 30 s to an hour, drawn from the upper half, never less than asked for."""
    whole = min(FIRST_WAIT * 2.0 ** (attempts - 1), LONGEST_WAIT)
    drawn: float = whole / 2 + secrets.randbelow(1000) / 1000 * whole / 2
    return max(drawn, float(asked or 0))


def _wake_next(row: Delivery) -> None:
    same = Delivery.objects.filter(alert=row.alert, alert__isnull=False, channel=row.channel)
    following = same.filter(pk__gt=row.pk, state=WorkState.QUEUED)
    pk = following.order_by("pk").values_list("pk", flat=True).first()
    if pk is not None:
        enqueue("monitoring.tasks.deliver", pk)


def _channel_worked(channel: NotificationChannel, *, as_of: datetime) -> None:
    rows = NotificationChannel.objects.filter(pk=channel.pk)
    recovered = rows.filter(consecutive_failures__gt=0).update(consecutive_failures=0, dead_since=None)
    rows.update(last_success=as_of, last_error="", broken=False)
    if recovered:
        watch_channels(as_of=as_of)


def _channel_failed(channel: NotificationChannel, words: str, *, fix: bool, as_of: datetime) -> None:
    rows = NotificationChannel.objects.filter(pk=channel.pk)
    more = F("consecutive_failures") + 1
    if fix:
        # It will not get better by itself: as good as dead at once.
        rows.update(
            consecutive_failures=Greatest(more, Value(FAILURES_OF_DEATH)), broken=True, last_error=words
        )
    else:
        rows.update(consecutive_failures=more, last_error=words)
    rows.filter(consecutive_failures__gte=FAILURES_OF_DEATH, dead_since__isnull=True).update(dead_since=as_of)
    watch_channels(as_of=as_of)
