"""Who is told of what: one row for each message, written in the transaction of what it tells."""

from __future__ import annotations

import hashlib

from leadscoring.common.installation import installation_token
from leadscoring.common.queue import enqueue
from monitoring.channels import CHANNELS
from monitoring.contracts import AlertLevel, MessageKind, RuleKind
from monitoring.models import Alert, AlertEvent, Delivery, NotificationChannel

LONGEST_KEY = 255


def announce(alert: Alert, event: AlertEvent, what: MessageKind) -> None:
    """Tell the channels of an event.

    A channel hears of an alert once it reaches the channel's least level, and from then on of every change of level
    and of the end, whatever the level is by then. A failing channel is told of through the others; where none of them
    takes that level, through all others.
    """
    channels = list(NotificationChannel.objects.filter(enabled=True))
    told = set(
        Delivery.objects.filter(alert=alert, what=MessageKind.TRIGGER.value).values_list(
            "channel_id", flat=True
        )
    )
    level = AlertLevel(alert.level)
    wanted = [(channel, what) for channel in channels if channel.pk in told]
    if what in {MessageKind.TRIGGER, MessageKind.UPDATE}:
        new = [channel for channel in channels if channel.pk not in told]
        wanted += [(channel, MessageKind.TRIGGER) for channel in _hearing(alert, level, new)]
    if what is MessageKind.ACKNOWLEDGE or _snoozed_end(alert, what):
        wanted = [(channel, one) for channel, one in wanted if CHANNELS.get(channel.kind).keeps_incidents]
    failing = _failing(alert)
    key = dedup_key(alert)
    for channel, kind in wanted:
        if channel.subject in failing:
            continue
        delivery, made = Delivery.objects.get_or_create(
            event=event,
            channel=channel,
            defaults={"alert": alert, "what": kind.value, "dedup_key": key},
        )
        if made:
            enqueue("monitoring.tasks.deliver", delivery.pk)


def dedup_key(alert: Alert) -> str:
    """What joins the messages of one alert on the other side; another one for each alert row."""
    key = f"leadscore:{installation_token()}:{alert.fingerprint}:{alert.pk}"
    if len(key) <= LONGEST_KEY:
        return key
    return f"leadscore:{hashlib.sha256(key.encode()).hexdigest()}:{alert.pk}"


def _hearing(
    alert: Alert, level: AlertLevel, channels: list[NotificationChannel]
) -> list[NotificationChannel]:
    hearing = [channel for channel in channels if AlertLevel(channel.least_level).rank <= level.rank]
    if alert.kind != RuleKind.DEAD_CHANNEL.value or level is AlertLevel.INFO:
        return hearing
    failing = _failing(alert)
    others = [
        channel for channel in channels if channel.subject not in failing and channel.dead_since is None
    ]
    return [channel for channel in others if channel in hearing] or others


def _failing(alert: Alert) -> set[str]:
    kind = RuleKind.DEAD_CHANNEL.value
    return {part["subject"] for part in alert.parts if part["kind"] == kind}


def _snoozed_end(alert: Alert, what: MessageKind) -> bool:
    """A snoozed alert that is over is told only to what keeps an incident open for it."""
    return (
        what is MessageKind.RESOLVE
        and alert.snoozed_until is not None
        and alert.closed_at is not None
        and alert.snoozed_until > alert.closed_at
    )
