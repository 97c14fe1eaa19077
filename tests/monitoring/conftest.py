"""Fixtures of the watch: mails stay in memory, and each test has its own place for files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from monitoring.selectors.profiles import watched
from monitoring.services import profiles
from tests.factories.people import a_person

SignIn = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    # A process keeps references by the version's key, and keys come again in the next test.
    watched.cache_clear()
    profiles._folders.clear()


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """A client signed in with a role; each call is another person."""

    def signed_in(role: str) -> Client:
        client = Client()
        client.force_login(
            a_person(role, name=f"{role} {len(role)}".replace(" ", "_")),
            backend="django.contrib.auth.backends.ModelBackend",
        )
        return client

    return signed_in


@pytest.fixture
def outbox(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where mails go as files, one for each."""
    settings.EMAIL_BACKEND = "leadscoring.common.outbox.MailFiles"
    monkeypatch.setattr("leadscoring.common.outbox.directory", lambda: tmp_path / "outbox")
    return tmp_path / "outbox"
