"""Secrets at rest: what opens them, how keys change, and what is shown."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from leadscoring.common.crypto import CannotOpen, masked, reseal, scrubbed, seal, unseal
from monitoring.models import NotificationChannel
from tests.factories.watch import a_channel

OLD, NEW = "old key of thirty-two letters at least", "new key of thirty-two letters at least"
VALUES = {"url": "https://hooks.slack.com/services/T0/B0/secret", "recipients": ["ü@example.com"]}


def test_what_is_sealed_shows_nothing_and_opens_again() -> None:
    sealed = seal(VALUES)
    assert "secret" not in sealed
    assert sealed != seal(VALUES)
    assert unseal(sealed) == VALUES
    assert unseal("") == {}


def test_a_changed_or_foreign_text_does_not_open(settings: Settings) -> None:
    sealed = seal(VALUES)
    for wrong in (sealed[:-4] + "AAAA", "nonsense", "ü"):
        with pytest.raises(CannotOpen):
            unseal(wrong)
    settings.SECRETS_KEYS = [NEW]
    with pytest.raises(CannotOpen, match="another key"):
        unseal(sealed)


def test_a_key_is_retired_in_three_steps(settings: Settings) -> None:
    settings.SECRETS_KEYS = [OLD]
    sealed = seal(VALUES)
    settings.SECRETS_KEYS = [NEW, OLD]
    assert unseal(sealed) == VALUES
    fresh = reseal(sealed)
    settings.SECRETS_KEYS = [NEW]
    assert unseal(fresh) == VALUES


@pytest.mark.django_db
def test_the_command_seals_every_channel_anew_and_names_what_it_cannot_open(settings: Settings) -> None:
    NotificationChannel.objects.all().delete()
    settings.SECRETS_KEYS = [OLD]
    channel = a_channel("slack", url="https://a.example/secret")
    a_channel("slack")
    settings.SECRETS_KEYS = [NEW, OLD]
    out = StringIO()
    call_command("rotate_secrets", stdout=out)
    assert "Sealed anew: 1." in out.getvalue()
    settings.SECRETS_KEYS = [NEW]
    channel.refresh_from_db()
    assert channel.config() == {"url": "https://a.example/secret"}
    settings.SECRETS_KEYS = [OLD]
    with pytest.raises(CommandError, match="1 could not be opened"):
        call_command("rotate_secrets", stdout=out)


def test_a_secret_is_shown_as_its_host_at_most() -> None:
    assert masked(VALUES["url"]) == "https://hooks.slack.com/…/***"  # type: ignore[arg-type]  # it is text
    assert masked("tgram://token/chat") == "***"
    assert masked("http://[::1/x") == "***"


def test_the_parts_of_a_secret_are_taken_out_of_words() -> None:
    config = {"url": "https://x.example/services/T0/averylongsecretpart", "routing_key": "R" * 32}
    for text in (
        "see averylongsecretpart",
        f"key {'R' * 32}",
        "at /services/T0/averylongsecretpart of x.example",
    ):
        assert "***" in scrubbed(text, config)
        assert "averylong" not in scrubbed(text, config)
