"""The follower: releases are seen in the background, whatever goes wrong meanwhile."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, connection

from scoring import loader
from scoring.models import ModelVersion, Release
from tests.factories.rows import NOW, a_version
from tests.factories.trained import a_served_release

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


class Stopped(BaseException):
    """Ends the follower's loop in a test."""


def follow(monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """Run the follower's own loop in this thread for so many looks."""
    left = [looks]

    def pause(seconds: float) -> None:
        left[0] -= 1
        if not left[0]:
            raise Stopped

    monkeypatch.setattr(loader.time, "sleep", pause)
    monkeypatch.setattr(loader, "close_old_connections", lambda: None)
    with pytest.raises(Stopped):
        loader._loader._run()


@pytest.mark.parametrize("error", [DatabaseError("gone"), OSError("disk"), RuntimeError("bug")])
def test_the_follower_survives_whatever_goes_wrong_and_serves_on(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    a_served_release()
    loader.serving()
    real = loader.open_release
    looks: list[int] = []

    def sometimes() -> Any:
        looks.append(1)
        if len(looks) == 1:
            raise error
        return real()

    monkeypatch.setattr(loader, "open_release", sometimes)
    monkeypatch.setattr(connection, "close", lambda: None)
    follow(monkeypatch, 2)
    assert len(looks) == 2
    assert loader.status().warm


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_a_release_is_seen_by_a_running_follower(monkeypatch: pytest.MonkeyPatch) -> None:
    a_served_release()
    swapped, stop = threading.Event(), threading.Event()
    real = loader.load_version

    def noted(version: ModelVersion, **options: Any) -> Any:
        found = real(version, **options)
        if version.number == 2:
            swapped.set()
        return found

    def pause(seconds: float) -> None:
        if stop.wait(timeout=0.02):
            raise Stopped

    def run() -> None:
        with suppress(Stopped):
            inner._run()
        connection.close()

    monkeypatch.setattr(loader, "load_version", noted)
    monkeypatch.setattr(loader.time, "sleep", pause)
    inner = loader.Loader()
    follower = threading.Thread(target=run)
    follower.start()
    try:
        assert inner.serving().champion.number == 1
        a_served_release(seed=2)
        assert swapped.wait(timeout=10), "seen without a call asking for it"
    finally:
        stop.set()
        follower.join(timeout=10)


def test_the_newest_version_is_rehearsed_once_before_its_release(monkeypatch: pytest.MonkeyPatch) -> None:
    a_served_release()
    loader.serving()
    second = a_served_release(seed=2).champion
    Release.objects.filter(is_open=True).update(is_open=False, closed_at=NOW)
    Release.objects.filter(champion__number=1).update(is_open=True, closed_at=None)
    seen: list[int] = []
    real = loader.load_version

    def noted(version: ModelVersion, **options: Any) -> Any:
        seen.append(version.number)
        return real(version, **options)

    monkeypatch.setattr(loader, "load_version", noted)
    for _ in range(3):
        loader._loader.rehearse()
    assert seen == [second.number]
    assert loader.serving().champion.number == 1, "a rehearsal serves nothing"


def test_what_serves_is_not_rehearsed(monkeypatch: pytest.MonkeyPatch) -> None:
    a_served_release()
    loader.serving()
    monkeypatch.setattr(loader, "load_version", lambda version: pytest.fail("it is loaded already"))
    loader._loader.rehearse()


def test_a_version_that_cannot_be_used_is_rehearsed_once_and_harms_nothing() -> None:
    a_served_release()
    loader.serving()
    a_version(artefact_digest="f" * 64)
    loader._loader.rehearse()
    loader._loader.rehearse()
    assert loader.status().warm
    assert loader.status().error == "", "only a release can fail"


def test_without_any_version_there_is_nothing_to_rehearse() -> None:
    loader._loader.rehearse()
    assert not loader.status().warm
