"""What people do with alerts: acknowledge, take, snooze, close; and the end of a snooze."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from monitoring.contracts import AlertState, HappenedKind, MessageKind, MonitoringRefused
from monitoring.models import Alert
from monitoring.services.alerts import hold, note
from monitoring.services.deliveries import announce

LONGEST_SNOOZE = timedelta(days=30)


@contextmanager
def _open_alert(alert_id: int) -> Iterator[Alert]:
    with transaction.atomic():
        alert = hold(alert_id)
        if not alert.is_open:
            raise MonitoringRefused(f"Alert {alert_id} is closed already; nothing was changed.")
        yield alert


def acknowledge(*, alert_id: int, by: User, as_of: datetime) -> bool:
    """Say that somebody has seen it; false when somebody had before. Tells the channels that keep incidents.

    Raises:
        MonitoringRefused: it is closed.
    """
    with _open_alert(alert_id) as alert:
        if alert.acknowledged_at is not None:
            return False
        alert.acknowledged_at, alert.acknowledged_by = as_of, by
        alert.save(update_fields=["acknowledged_at", "acknowledged_by"])
        event = note(alert, HappenedKind.ACKNOWLEDGED, "Seen; somebody looks into it.", at=as_of, by=by)
        announce(alert, event, MessageKind.ACKNOWLEDGE)
        return True


def take(*, alert_id: int, owner: User, by: User, as_of: datetime) -> None:
    """Make somebody its owner. Raises MonitoringRefused when it is closed."""
    with _open_alert(alert_id) as alert:
        if alert.owner_id == owner.pk:
            return
        before = f", before {alert.owner}" if alert.owner else ""
        alert.owner = owner
        alert.save(update_fields=["owner"])
        note(alert, HappenedKind.OWNER, f"{owner} is its owner{before}.", at=as_of, by=by)


def snooze(*, alert_id: int, until: datetime, reason: str, by: User, as_of: datetime) -> None:
    """Keep it quiet until then, unless it gets worse.

    Raises:
        MonitoringRefused: it is closed, or the end is not ahead, or more than 30 days.
    """
    if not as_of < until <= as_of + LONGEST_SNOOZE:
        raise MonitoringRefused("The snooze must end in the future, at most 30 days from now.")
    with _open_alert(alert_id) as alert:
        alert.snoozed_until = until
        alert.save(update_fields=["snoozed_until"])
        words = f"Quiet until {until:%d %b %Y, %H:%M} UTC unless it gets worse. {reason}"
        note(alert, HappenedKind.SNOOZED, words.strip(), at=as_of, by=by)


def close(*, alert_id: int, reason: str, by: User, as_of: datetime) -> None:
    """Close it by hand. While its condition lasts it stays closed, and comes back as a new alert when it gets worse or
    comes again after it was over.

    Raises:
        MonitoringRefused: it is closed, or there is no reason.
    """
    if not reason.strip():
        raise MonitoringRefused("There is no reason; expected why the alert is closed.")
    with _open_alert(alert_id) as alert:
        alert.state = AlertState.HELD.value
        alert.closed_at, alert.closed_by, alert.close_reason = as_of, by, reason
        alert.save(update_fields=["state", "closed_at", "closed_by", "close_reason"])
        event = note(alert, HappenedKind.CLOSED, reason, at=as_of, by=by)
        announce(alert, event, MessageKind.RESOLVE)


def end_snoozes(*, as_of: datetime) -> int:
    """Tell again of alerts whose snooze is over and that are still open; returns how many."""
    over = Alert.objects.filter(state=AlertState.OPEN.value, snoozed_until__lte=as_of)
    ended = 0
    for pk in list(over.order_by("pk").values_list("pk", flat=True)[:200]):
        with transaction.atomic():
            alert = hold(pk)
            if not alert.is_open or alert.snoozed_until is None or alert.snoozed_until > as_of:
                continue
            alert.snoozed_until = None
            alert.save(update_fields=["snoozed_until"])
            event = note(alert, HappenedKind.SNOOZE_ENDED, f"Still there: {alert.title}", at=as_of)
            announce(alert, event, MessageKind.UPDATE)
            ended += 1
    return ended
