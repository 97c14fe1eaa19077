"""Channels watched like everything else: one that fails is an alert, told through another."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse

from leadscoring.common.admin.words import count
from monitoring.contracts import AlertLevel, Looked, Reading, RuleKind, Story
from monitoring.models import NotificationChannel
from monitoring.services.readings import record


def watch_channels(*, as_of: datetime) -> None:
    """Read how many messages in a row each channel failed to deliver."""
    channels = NotificationChannel.objects.filter(enabled=True).order_by("pk")
    readings = tuple(_reading(channel) for channel in channels)
    record(Looked(at=as_of, kinds=frozenset({RuleKind.DEAD_CHANNEL}), readings=readings))


def _reading(channel: NotificationChannel) -> Reading:
    failures = channel.consecutive_failures
    last = f"{channel.last_success:%d %b %Y, %H:%M} UTC" if channel.last_success else "never"
    return Reading(
        kind=RuleKind.DEAD_CHANNEL,
        subject=channel.subject,
        value=float(failures),
        n=failures,
        sure=AlertLevel.CRITICAL,
        story=Story(
            title=f"Alerts do not arrive through “{channel.name}”",
            what=f"{count(failures, 'try', 'tries')} in a row failed. {channel.last_error}".strip(),
            sure=f"Counted, not estimated. Last success: {last}.",
            consequence="Whoever relies on this channel does not learn of alerts. Messages wait for up to 24 hours.",
            next_step="Mend the settings of the channel, then press its test button: what waits is sent."
            if channel.broken
            else "If the service is down, wait: messages are sent again by themselves. Else check the settings.",
            link=reverse("admin:monitoring_notificationchannel_change", args=(channel.pk,)),
        ),
        weight=float(failures),
    )
