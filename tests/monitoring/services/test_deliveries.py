"""Who is told of what."""

from __future__ import annotations

import pytest

from monitoring.contracts import AlertLevel, RuleKind
from monitoring.models import Alert, Delivery, NotificationChannel
from tests.factories.watch import a_channel, a_reading, look

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_other_channels() -> None:
    NotificationChannel.objects.all().delete()


def told() -> list[tuple[str, str]]:
    return list(Delivery.objects.order_by("event", "channel_id").values_list("channel__kind", "what"))


def three_channels() -> None:
    a_channel("email", "critical")
    a_channel("slack", "warning")
    a_channel("pagerduty", "critical")


def test_the_program_brings_three_channels_along_that_write_files(django_db_blocker: object) -> None:
    from importlib import import_module

    from django.apps import apps
    from django.db import connection

    module = import_module("monitoring.migrations.0003_alert_roles")

    class Editor:
        pass

    editor = Editor()
    editor.connection = connection  # type: ignore[attr-defined]  # all that the migration reads
    module.make_channels(apps, editor)
    module.make_channels(apps, editor)
    rows = NotificationChannel.objects.order_by("pk").values_list("kind", "least_level", "sealed")
    assert list(rows) == [("email", "critical", ""), ("slack", "warning", ""), ("pagerduty", "critical", "")]


@pytest.mark.parametrize(
    ("value", "sure", "channels"),
    [
        (0.6, AlertLevel.INFO, []),
        (0.3, AlertLevel.CRITICAL, ["slack"]),
        (0.6, AlertLevel.CRITICAL, ["email", "slack", "pagerduty"]),
    ],
)
def test_a_level_reaches_its_channels(value: float, sure: AlertLevel, channels: list[str]) -> None:
    three_channels()
    look(0, a_reading(value=value, sure=sure))
    assert told() == [(kind, "trigger") for kind in channels]


def test_a_channel_hears_of_the_rise_of_every_change_after_it_and_of_the_end() -> None:
    three_channels()
    for hour, value in enumerate((0.3, 0.35, 0.6, 0.3, 0.0)):
        look(hour, a_reading(value=value))
    assert told() == [
        ("slack", "trigger"),
        ("email", "trigger"),
        ("slack", "update"),
        ("pagerduty", "trigger"),
        ("email", "update"),
        ("slack", "update"),
        ("pagerduty", "update"),
        ("email", "resolve"),
        ("slack", "resolve"),
        ("pagerduty", "resolve"),
    ]


def test_one_key_joins_the_messages_of_an_alert_and_a_new_alert_has_another() -> None:
    a_channel()
    for hour, value in enumerate((0.3, 0.0, 0.3)):
        look(hour, a_reading(value=value))
    keys = list(Delivery.objects.order_by("pk").values_list("dedup_key", flat=True))
    assert keys[0] == keys[1] != keys[2]
    assert all(key.startswith("leadscore:") and len(key) <= 255 for key in keys)


def test_a_long_subject_has_a_short_key() -> None:
    a_channel()
    look(0, a_reading("x" * 900), a_reading("x" * 901))
    keys = set(Delivery.objects.values_list("dedup_key", flat=True))
    assert len(keys) == 2
    assert all(len(key) <= 255 for key in keys)


def test_a_channel_that_is_off_hears_nothing() -> None:
    a_channel()
    NotificationChannel.objects.update(enabled=False)
    look(0, a_reading())
    assert not told()


def test_a_failing_channel_is_told_of_through_another() -> None:
    slack, mail = a_channel("slack"), a_channel("email", "critical")
    dead = a_reading(slack.subject, 3.0, kind=RuleKind.DEAD_CHANNEL)
    look(0, dead, kinds=(RuleKind.DEAD_CHANNEL,))
    assert Alert.objects.get().level == "warning"
    assert [row.channel for row in Delivery.objects.all()] == [mail]
