"""Messages on their way: sent once, tried again, given up, kept until a person helps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from leadscoring.common import claims
from monitoring.channels import CHANNELS
from monitoring.contracts import RuleKind
from monitoring.models import Alert, Delivery, NotificationChannel
from monitoring.services import notifications
from monitoring.services.channels import save_channel
from monitoring.services.notifications import deliver, due, send_test, sweep
from tests.factories.watch import OtherSide, a_channel, a_reading, look, other_side, the_alert

NOW = timezone.now()
FAR = timedelta(hours=2)


@pytest.fixture
def other(settings: Settings, db: None) -> Iterator[OtherSide]:
    NotificationChannel.objects.all().delete()
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with other_side() as side:
        yield side


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def send(row: Delivery, when: datetime = NOW) -> Delivery:
    deliver(row.pk, as_of=when, now=when)
    row.refresh_from_db()
    return row


def an_open_alert(other: OtherSide, **config: Any) -> Delivery:
    a_channel("slack", url=other.url + "/services/T0/B0/verysecretpart", **config)
    look(0, a_reading())
    return Delivery.objects.get()


def test_a_message_is_sent_once(other: OtherSide) -> None:
    row = an_open_alert(other)
    for seconds in (0, 5, 10):
        send(row, later(seconds))
    assert (row.state, row.outcome, len(other.got)) == ("done", "Slack took it.", 1)
    channel = NotificationChannel.objects.get()
    assert (channel.last_success, channel.consecutive_failures) == (NOW, 0)


def test_a_failure_is_tried_again_later_and_later(other: OtherSide) -> None:
    other.says((500, {}, b"rollup_error"))
    row, when, waits = an_open_alert(other), NOW, []
    for _ in range(5):
        send(row, when)
        assert row.next_attempt_at is not None
        waits.append((row.next_attempt_at - when).total_seconds())
        assert send(row, when + timedelta(seconds=1)).attempts == len(waits)
        when = row.next_attempt_at + timedelta(seconds=1)
    assert all(15 * 2**k <= wait <= 30 * 2**k for k, wait in enumerate(waits))
    other.says((200, {}, b"ok"))
    assert send(row, when).state == "done"


def test_a_refused_message_is_given_up_and_the_next_one_goes(other: OtherSide) -> None:
    other.says((400, {}, b"invalid_payload"), (200, {}, b"ok"))
    row = an_open_alert(other)
    assert send(row).state == "failed"
    assert "invalid_payload" in row.outcome
    look(1, a_reading(value=0.0))
    resolve = Delivery.objects.latest("pk")
    assert send(resolve, later(5)).state == "done"


def test_messages_of_an_alert_keep_their_order(other: OtherSide) -> None:
    other.says((500, {}, b""), (200, {}, b"ok"))
    trigger = an_open_alert(other)
    send(trigger)
    look(1, a_reading(value=0.0))
    resolve = Delivery.objects.latest("pk")
    assert send(resolve, later(5)).state == "queued"
    assert due(as_of=later(5)) == []
    assert due(as_of=NOW + FAR) == [trigger.pk]
    assert send(trigger, NOW + FAR).state == "done"
    assert send(resolve, NOW + FAR + timedelta(seconds=5)).state == "done"
    assert [one["text"].partition(":")[0] for one in other.got[1:]] == ["Warning", "Cleared"]


def test_slack_gets_one_message_a_second(other: OtherSide) -> None:
    a_channel("slack", url=other.url)
    look(0, *(a_reading(f"feature={n}") for n in range(3)))
    rows = list(Delivery.objects.order_by("pk"))
    waits = [deliver(row.pk, as_of=NOW, now=NOW) for row in rows]
    assert (waits[0], len(other.got)) == (None, 1)
    assert waits[1:] == [pytest.approx(1.0, abs=0.01), pytest.approx(2.0, abs=0.01)]
    for row in rows:
        row.refresh_from_db()
    assert [row.attempts for row in rows] == [1, 0, 0]
    for seconds, row in enumerate(rows):
        send(row, later(seconds * 2.1))
    assert len(other.got) == 3


@pytest.mark.parametrize(("headers", "wait"), [({"Retry-After": "45"}, 45), ({}, 30)])
def test_when_slack_asks_to_wait_the_whole_channel_waits(
    headers: dict[str, str], wait: int, other: OtherSide
) -> None:
    a_channel("slack", url=other.url)
    look(0, a_reading("feature=a"), a_reading("feature=b"))
    first, second = Delivery.objects.order_by("pk")
    other.says((429, headers, b"rate_limited"), (200, {}, b"ok"))
    send(first)
    assert send(second, later(wait - 5)).state == "queued"
    channel = NotificationChannel.objects.get()
    assert (channel.consecutive_failures, len(other.got)) == (0, 1)
    assert send(second, later(wait + 3)).state == "done"
    assert send(first, later(wait + 60)).state == "done"


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_channel_that_only_a_person_can_mend_keeps_its_messages(status: int, other: OtherSide) -> None:
    other.says((status, {}, b"no_service"))
    row = an_open_alert(other)
    mail = a_channel("email", "critical")
    assert send(row).state == "queued"
    channel = NotificationChannel.objects.get(pk=row.channel_id)
    assert (channel.broken, channel.dead_since) == (True, NOW)
    assert send(row, NOW + FAR).attempts == 1
    dead = Alert.objects.get(kind=RuleKind.DEAD_CHANNEL.value)
    assert [one.channel for one in dead.deliveries.all()] == [mail]
    other.says((200, {}, b"ok"))
    save_channel(
        channel_id=channel.pk,
        name=channel.name,
        kind="slack",
        least_level=CHANNELS.get("slack").least_level,
        enabled=True,
        config={"url": other.url},
    )
    assert send(row, NOW + FAR).state == "done"
    dead.refresh_from_db()
    assert dead.state == "closed"


def test_three_failures_in_a_row_are_an_alert_through_another_channel_and_a_success_clears_it(
    other: OtherSide,
) -> None:
    other.says((500, {}, b""))
    row = an_open_alert(other)
    mail = a_channel("email", "critical")
    when = NOW
    for failures in (1, 2, 3):
        assert not Alert.objects.filter(kind=RuleKind.DEAD_CHANNEL.value).exists()
        send(row, when)
        assert NotificationChannel.objects.get(pk=row.channel_id).consecutive_failures == failures
        when += FAR
    dead = Alert.objects.get(kind=RuleKind.DEAD_CHANNEL.value)
    assert [one.channel for one in dead.deliveries.all()] == [mail]
    assert "slack 0" in dead.title
    other.says((200, {}, b"ok"))
    send(row, when)
    dead.refresh_from_db()
    assert (row.state, dead.state) == ("done", "closed")
    assert [one.what for one in dead.deliveries.order_by("pk")] == ["trigger", "resolve"]


def test_no_secret_is_kept_shown_or_logged(other: OtherSide, caplog: pytest.LogCaptureFixture) -> None:
    other.says((404, {}, b"no such thing as /services/T0/B0/verysecretpart"))
    row = an_open_alert(other)
    send(row)
    channel = NotificationChannel.objects.get()
    everywhere = " ".join(
        [
            row.error,
            row.outcome,
            channel.last_error,
            channel.sealed,
            str(list(Alert.objects.values())),
            caplog.text,
        ]
    )
    assert "verysecretpart" not in everywhere
    assert "no such thing as" in row.outcome


def test_settings_that_no_key_opens_are_named(other: OtherSide, settings: Settings) -> None:
    row = an_open_alert(other)
    settings.SECRETS_KEYS = ["another key that is long enough for it"]
    assert send(row).state == "queued"
    assert "another key" in row.outcome
    assert NotificationChannel.objects.get().broken


def test_an_error_nobody_foresaw_is_tried_again_without_its_words(
    other: OtherSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = an_open_alert(other)

    def explode(*_: object) -> str:
        raise ZeroDivisionError("verysecretpart")

    monkeypatch.setattr(CHANNELS.get("slack"), "send", explode)
    assert send(row).state == "queued"
    assert "ZeroDivisionError" in row.outcome
    assert "verysecretpart" not in row.outcome + row.error


def test_a_worker_killed_before_it_sent_loses_nothing(other: OtherSide) -> None:
    row = an_open_alert(other)
    assert claims.claim(Delivery, row.pk, lease_seconds=150, now=NOW)
    assert due(as_of=later(100)) == []
    assert due(as_of=later(151)) == [row.pk]
    assert send(row, later(151)).state == "done"


def test_a_worker_killed_after_it_sent_sends_again_under_the_same_key(other: OtherSide) -> None:
    other.says((202, {}, b"{}"))
    a_channel("pagerduty", "warning", routing_key="R" * 32, url=other.url)
    look(0, a_reading())
    row = Delivery.objects.get()
    held = claims.claim(Delivery, row.pk, lease_seconds=150, now=NOW)
    assert held is not None
    CHANNELS.get("pagerduty").send(row.channel.config(), notifications.message_of(row))
    send(row, later(151))
    assert row.state == "done"
    assert len({event["dedup_key"] for event in other.got}) == 1
    with pytest.raises(claims.LostClaim):
        claims.finish(Delivery, held)


def test_what_could_not_be_sent_within_a_day_is_given_up_and_says_so(other: OtherSide) -> None:
    other.says((500, {}, b"rollup_error"))
    row = send(an_open_alert(other))
    sweep(as_of=NOW + timedelta(hours=25), now=NOW + timedelta(hours=25))
    row.refresh_from_db()
    assert (row.state, row.outcome) == ("failed", "Not sent within 24 hours; given up.")


def test_the_sweep_finds_what_a_lost_message_left(other: OtherSide, settings: Settings) -> None:
    row = an_open_alert(other)
    assert due(as_of=NOW) == [row.pk]
    NotificationChannel.objects.update(enabled=False)
    assert due(as_of=NOW) == []
    assert send(row).state == "queued"


def test_a_test_goes_the_way_of_all_messages_and_mends_the_channel(other: OtherSide) -> None:
    channel = a_channel("slack", url=other.url)
    other.says((404, {}, b"no_service"), (200, {}, b"ok"))
    failed = send_test(channel.pk, as_of=NOW)
    assert (failed.state, "no_service" in failed.outcome) == ("failed", True)
    channel.refresh_from_db()
    assert channel.broken
    assert send_test(channel.pk, as_of=NOW).is_sent
    channel.refresh_from_db()
    assert (channel.broken, channel.consecutive_failures, channel.dead_since) == (False, 0, None)
    assert "Test of the channel" in other.got[-1]["text"]


@pytest.mark.django_db(transaction=True)
def test_two_deliverers_at_once_send_one_message(settings: Settings) -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]  # of SQLite
        pytest.skip("threads share one connection to a database in memory")
    NotificationChannel.objects.all().delete()
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with other_side() as side:
        side.says((202, {}, b"{}"))
        a_channel("pagerduty", "warning", routing_key="R" * 32, url=side.url)
        look(0, a_reading())
        row, gate = Delivery.objects.get(), threading.Barrier(4)

        def run() -> None:
            gate.wait(10)
            deliver(row.pk, as_of=timezone.now())
            connections.close_all()

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(side.got) == 1
    assert Delivery.objects.get().state == "done"
    assert the_alert().is_open
