"""What a message to a channel says."""

from __future__ import annotations

from django.conf import settings

from leadscoring.common.text import line
from monitoring.channels.base import Message
from monitoring.contracts import AlertLevel, HappenedKind, MessageKind
from monitoring.models import Alert, AlertEvent, Delivery

LEADS = {
    HappenedKind.ONSET.value: "{level}: {title}",
    HappenedKind.WORSE.value: "Worse, now {level}: {title}",
    HappenedKind.BETTER.value: "Better, now {level}: {title}",
    HappenedKind.SNOOZE_ENDED.value: "Still {level}: {title}",
    HappenedKind.CLEARED.value: "Cleared: {title}",
    HappenedKind.CLOSED.value: "Closed by hand: {title}",
    HappenedKind.ACKNOWLEDGED.value: "Seen: {title}",
}


def message_of(delivery: Delivery) -> Message:
    """The message of a delivery; without an alert, a test."""
    alert, event = delivery.alert, delivery.event
    if alert is None or event is None:
        return _test(delivery)
    level = AlertLevel(alert.level)
    words = LEADS[event.kind].format(level=event.level, title=alert.title)
    return Message(
        what=MessageKind(delivery.what),
        level=level,
        headline=words[:1].upper() + words[1:],
        happened=_happened(alert, event),
        facts=_facts(alert, delivery.what),
        members=tuple(part["story"]["title"] or part["subject"] for part in alert.members),
        url=address(f"/admin/monitoring/alert/{alert.pk}/change/"),
        at=event.at,
        dedup_key=delivery.dedup_key,
        kind=alert.kind,
        subject=alert.cause or alert.subject,
        source=_source(),
    )


def address(path: str) -> str:
    """A path of the admin as people outside it can open it, where PUBLIC_URL says how."""
    return f"{settings.PUBLIC_URL}{path}"


def _facts(alert: Alert, what: str) -> tuple[tuple[str, str], ...]:
    if what == MessageKind.RESOLVE.value:
        # Nothing is to be done any more.
        return (("What it was", alert.what),)
    return (
        ("What changed", alert.what),
        ("How sure", alert.sure),
        ("What it does to the business", alert.consequence),
        ("What to do next", alert.next_step),
    )


def _happened(alert: Alert, event: AlertEvent) -> str:
    when = f"{event.at:%d %b %Y, %H:%M} UTC"
    if event.kind == HappenedKind.ONSET.value:
        return f"Since {when}."
    by = f" by {event.by}" if event.by else ""
    return line(f"{event.kind.capitalize()}{by}, {when}. {event.text}", 600)


def _source() -> str:
    return settings.PUBLIC_URL.partition("://")[2] or "leadscoring"


def _test(delivery: Delivery) -> Message:
    return Message(
        what=MessageKind.TEST,
        level=AlertLevel.INFO,
        headline=f"Test of the channel “{line(delivery.channel.name, 120)}”",
        happened="Alerts will arrive like this. Nothing is wrong; somebody pressed the test button.",
        facts=(),
        members=(),
        url=address(f"/admin/monitoring/notificationchannel/{delivery.channel_id}/change/"),
        at=delivery.created_at,
        dedup_key=delivery.dedup_key,
        kind="test",
        subject="test",
        source=_source(),
    )
