"""Channels in the admin: set up, tested, and their secrets never shown again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django.fixtures import Settings

from leadscoring.common import outbox
from leadscoring.places import Places
from monitoring.models import NotificationChannel
from tests.factories.people import a_person
from tests.factories.watch import OtherSide, a_channel, other_side

pytestmark = pytest.mark.django_db
LIST = "/admin/monitoring/notificationchannel/"
SECRET = "https://hooks.slack.com/services/T000/B000/verysecretpart"
FORM = {"name": "Sales", "least_level": "warning", "enabled": "on", "setting_url": SECRET}


@pytest.fixture(autouse=True)
def _own_outbox(settings: Settings, tmp_path: Path) -> None:
    settings.PLACES = Places(tmp_path)
    NotificationChannel.objects.all().delete()


@pytest.fixture
def other(settings: Settings) -> Iterator[OtherSide]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with other_side() as side:
        yield side


def test_a_secret_goes_in_and_is_never_shown_again(
    admin_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert admin_client.post(f"{LIST}new-channel/?kind=slack", FORM).status_code == 302
    channel = NotificationChannel.objects.get()
    assert channel.config() == {"url": SECRET}
    pages = [
        admin_client.get(f"{LIST}{path}").content.decode()
        for path in (
            "",
            f"{channel.pk}/change/",
            f"{channel.pk}/edit/",
            f"{channel.pk}/history/",
            f"{channel.pk}/test/",
        )
    ]
    sessions = [str(session.get_decoded()) for session in Session.objects.all()]
    entries = [entry.change_message + entry.object_repr for entry in LogEntry.objects.all()]
    for text in (*pages, *sessions, *entries, channel.sealed, caplog.text):
        assert "verysecretpart" not in text
    assert "https://hooks.slack.com/…/***" in pages[1]


def test_an_empty_secret_keeps_the_old_one(admin_client: Client) -> None:
    channel = a_channel("slack", url=SECRET)
    admin_client.post(f"{LIST}{channel.pk}/edit/", {**FORM, "name": "Renamed", "setting_url": ""})
    channel.refresh_from_db()
    assert (channel.name, channel.config()) == ("Renamed", {"url": SECRET})


def test_settings_are_taken_away_when_asked(admin_client: Client) -> None:
    channel = a_channel("slack", url=SECRET)
    admin_client.post(f"{LIST}{channel.pk}/edit/", {**FORM, "setting_url": "", "forget": "on"})
    channel.refresh_from_db()
    assert channel.config() == {}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("slack", {"setting_url": "verysecretpart without address"}),
        ("pagerduty", {"setting_routing_key": "verysecretpart", "setting_url": ""}),
        ("email", {"setting_recipients": "ann@example.com\nverysecretpart"}),
        ("apprise", {"setting_url": "verysecretpart"}),
        ("slack", {"name": ""}),
        ("slack", {"least_level": "none"}),
        ("slack", {"name": "taken"}),
    ],
)
def test_settings_that_cannot_work_are_refused(
    kind: str, fields: dict[str, str], admin_client: Client
) -> None:
    a_channel("slack")
    NotificationChannel.objects.update(name="taken")
    answer = admin_client.post(f"{LIST}new-channel/?kind={kind}", {**FORM, **fields})
    assert answer.status_code == 400
    assert NotificationChannel.objects.count() == 1
    if kind != "email":
        assert "verysecretpart" not in answer.content.decode()


def test_the_test_button_sends_and_shows_the_answer(admin_client: Client, other: OtherSide) -> None:
    channel = a_channel("slack", url=other.url)
    path = f"{LIST}{channel.pk}/test/"
    assert admin_client.get(path).status_code == 200
    assert not other.got
    assert "Slack took it." in admin_client.post(path, follow=True).content.decode()
    assert len(other.got) == 1
    other.says((404, {}, b"no_service"))
    assert "no_service" in admin_client.post(path, follow=True).content.decode()


def test_a_test_to_an_internal_address_is_refused(admin_client: Client, settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = []
    with other_side() as side:
        channel = a_channel("slack", url=side.url)
        text = admin_client.post(f"{LIST}{channel.pk}/test/", follow=True).content.decode()
        assert "internal address" in text
        assert not side.got


def test_messages_in_files_are_listed_and_shown_as_text(admin_client: Client) -> None:
    for kind in ("slack", "email", "pagerduty"):
        channel = a_channel(kind)
        admin_client.post(f"{LIST}{channel.pk}/test/")
    text = admin_client.get(f"{LIST}files/").content.decode()
    for file in outbox.written():
        assert file.name in text
        shown = admin_client.get(f"{LIST}files/{file.name}/").content.decode()
        assert "Test of the channel" in shown
    nasty = outbox.write("slack", "json", b"<script>alert(1)</script>")
    assert "<script>alert" not in admin_client.get(f"{LIST}files/{nasty}/").content.decode()


@pytest.mark.parametrize(
    "name",
    ["secret_key", "..secret_key", "email-1.eml", "%00", "slack-20260101T000000000000-00000000.json"],
)
def test_no_other_file_is_shown(name: str, admin_client: Client) -> None:
    assert admin_client.get(f"{LIST}files/{name}/").status_code == 404


def test_settings_that_no_key_opens_are_entered_anew(admin_client: Client, settings: Settings) -> None:
    channel = a_channel("slack", url=SECRET)
    settings.SECRETS_KEYS = ["another key that is long enough for it"]
    for path in ("", f"{channel.pk}/change/", f"{channel.pk}/edit/"):
        assert admin_client.get(f"{LIST}{path}").status_code == 200
    admin_client.post(f"{LIST}{channel.pk}/edit/", FORM)
    channel.refresh_from_db()
    assert channel.config() == {"url": SECRET}


@pytest.mark.parametrize(
    ("role", "reads", "edits"),
    [("operator", 200, 302), ("integrator", 200, 302), ("analyst", 200, 403), ("sales rep", 403, 403)],
)
def test_each_role_does_what_it_may(role: str, reads: int, edits: int) -> None:
    channel = a_channel("slack")
    client = Client()
    client.force_login(a_person(role))
    assert client.get(f"{LIST}{channel.pk}/change/").status_code == reads
    assert client.post(f"{LIST}{channel.pk}/test/").status_code == edits
    assert client.post(f"{LIST}{channel.pk}/edit/", FORM).status_code == edits
