"""What people do with alerts, and what checks make of it afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from monitoring.contracts import MonitoringRefused
from monitoring.models import Alert, Delivery, NotificationChannel
from monitoring.services import handling
from tests.factories.watch import a_channel, a_reading, at, history, look, the_alert

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_other_channels(db: None) -> None:
    NotificationChannel.objects.all().delete()


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


def messages() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("what", flat=True))


def test_it_is_acknowledged_once_and_pagerduty_alone_is_told(ann: User) -> None:
    a_channel("slack")
    a_channel("pagerduty", "warning")
    look(0, a_reading())
    assert handling.acknowledge(alert_id=the_alert().pk, by=ann, as_of=at(1))
    assert not handling.acknowledge(alert_id=the_alert().pk, by=ann, as_of=at(2))
    assert (the_alert().acknowledged_by, the_alert().acknowledged_at) == (ann, at(1))
    assert messages() == ["trigger", "trigger", "acknowledge"]
    last = Delivery.objects.latest("pk")
    assert last.channel.kind == "pagerduty"


def test_somebody_takes_it_from_somebody(ann: User) -> None:
    look(0, a_reading())
    bob = User.objects.create_user("bob")
    for who in (ann, bob, bob):
        handling.take(alert_id=the_alert().pk, owner=who, by=who, as_of=at(1))
    assert the_alert().owner == bob
    assert history(the_alert()) == ["onset", "owner", "owner"]
    assert "before ann" in the_alert().events.last().text  # type: ignore[union-attr]  # there is one


def test_a_snoozed_alert_is_silent_until_it_gets_worse(ann: User) -> None:
    a_channel()
    look(0, a_reading(value=0.6))
    look(1, a_reading(value=0.3))
    handling.snooze(alert_id=the_alert().pk, until=at(10), reason="known", by=ann, as_of=at(1))
    look(2, a_reading(value=0.31))
    assert messages() == ["trigger", "update"]
    look(3, a_reading(value=0.7))
    assert messages() == ["trigger", "update", "update"]
    assert the_alert().snoozed_until is None


def test_a_snoozed_alert_that_gets_better_says_nothing(ann: User) -> None:
    a_channel()
    look(0, a_reading(value=0.6))
    handling.snooze(alert_id=the_alert().pk, until=at(10), reason="known", by=ann, as_of=at(1))
    look(2, a_reading(value=0.3))
    assert messages() == ["trigger"]
    assert the_alert().level == "warning"


def test_a_snoozed_alert_that_is_over_closes_what_is_open_elsewhere(ann: User) -> None:
    a_channel("slack")
    a_channel("pagerduty", "warning")
    look(0, a_reading())
    handling.snooze(alert_id=the_alert().pk, until=at(10), reason="known", by=ann, as_of=at(1))
    look(2, a_reading(value=0.0))
    resolved = Delivery.objects.get(what="resolve")
    assert resolved.channel.kind == "pagerduty"


def test_the_end_of_a_snooze_tells_again_once(ann: User) -> None:
    a_channel()
    look(0, a_reading())
    handling.snooze(alert_id=the_alert().pk, until=at(10), reason="known", by=ann, as_of=at(1))
    assert handling.end_snoozes(as_of=at(9)) == 0
    assert handling.end_snoozes(as_of=at(10)) == 1
    assert handling.end_snoozes(as_of=at(10)) == 0
    assert messages() == ["trigger", "update"]
    assert history(the_alert()) == ["onset", "snoozed", "snooze ended"]


@pytest.mark.parametrize("hours", [-1, 0, 24 * 30 + 1])
def test_a_snooze_ends_in_the_future_and_within_a_month(hours: int, ann: User) -> None:
    look(0, a_reading())
    until = at(1) + timedelta(hours=hours)
    with pytest.raises(MonitoringRefused, match="at most 30 days"):
        handling.snooze(alert_id=the_alert().pk, until=until, reason="x", by=ann, as_of=at(1))
    assert the_alert().snoozed_until is None


def test_closed_by_hand_it_stays_closed_while_its_condition_lasts(ann: User) -> None:
    a_channel()
    look(0, a_reading())
    handling.close(alert_id=the_alert().pk, reason="We know", by=ann, as_of=at(1))
    look(2, a_reading(value=0.4))
    assert (the_alert().state, the_alert().close_reason, the_alert().closed_by) == ("held", "We know", ann)
    assert messages() == ["trigger", "resolve"]


def test_closed_by_hand_it_opens_anew_when_it_was_over_and_comes_back(ann: User) -> None:
    look(0, a_reading())
    handling.close(alert_id=the_alert().pk, reason="We know", by=ann, as_of=at(1))
    look(2, a_reading(value=0.0))
    assert (the_alert().state, history(the_alert())) == ("closed", ["onset", "closed", "condition gone"])
    look(3, a_reading())
    assert list(Alert.objects.order_by("pk").values_list("state", flat=True)) == ["closed", "open"]


def test_closed_by_hand_it_opens_anew_when_it_gets_worse(ann: User) -> None:
    a_channel()
    look(0, a_reading(value=0.3))
    handling.close(alert_id=the_alert().pk, reason="We know", by=ann, as_of=at(1))
    look(2, a_reading(value=0.6))
    old, new = Alert.objects.order_by("pk")
    assert (old.state, new.state, new.level) == ("closed", "open", "critical")
    assert f"Alert {old.pk} was closed by hand" in new.events.get().text
    assert messages() == ["trigger", "resolve", "trigger"]
    keys = set(Delivery.objects.values_list("dedup_key", flat=True))
    assert len(keys) == 2


def test_nothing_is_done_with_a_closed_alert(ann: User) -> None:
    look(0, a_reading())
    alert = the_alert()
    handling.close(alert_id=alert.pk, reason="We know", by=ann, as_of=at(1))
    before = Alert.objects.values_list("state", "close_reason", "owner", "acknowledged_at").get()
    for act in (
        lambda: handling.acknowledge(alert_id=alert.pk, by=ann, as_of=at(2)),
        lambda: handling.take(alert_id=alert.pk, owner=ann, by=ann, as_of=at(2)),
        lambda: handling.snooze(alert_id=alert.pk, until=at(9), reason="", by=ann, as_of=at(2)),
        lambda: handling.close(alert_id=alert.pk, reason="Again", by=ann, as_of=at(2)),
    ):
        with pytest.raises(MonitoringRefused, match="closed already"):
            act()
    assert Alert.objects.values_list("state", "close_reason", "owner", "acknowledged_at").get() == before


def test_closing_needs_a_reason(ann: User) -> None:
    look(0, a_reading())
    with pytest.raises(MonitoringRefused, match="no reason"):
        handling.close(alert_id=the_alert().pk, reason=" ", by=ann, as_of=at(1))
    assert the_alert().is_open
