"""Other services, in a process whose sockets refuse internal addresses."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from leadscoring.common.errors import FixConfiguration, RetryLater
from monitoring.channels import CHANNELS
from monitoring.channels.apprise_child import Guard, internal
from tests.factories.watch import OtherSide, other_side
from tests.monitoring.channels.messages import a_message

APPRISE = CHANNELS.get("apprise")


def test_it_sends_through_apprise(other: OtherSide) -> None:
    outcome = APPRISE.send({"url": other.url.replace("http://", "json://")}, a_message())
    assert outcome == "The service took it."
    assert "95 % of the expected leads" in other.got[0]["message"]


def test_it_goes_to_no_internal_address(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = []
    with other_side() as side, pytest.raises(FixConfiguration, match="internal"):
        APPRISE.send({"url": side.url.replace("http://", "json://")}, a_message())
    assert not side.got


def test_it_follows_no_redirect_to_an_internal_address(settings: Settings) -> None:
    with other_side() as inner, other_side() as outer:
        settings.OUTBOUND_ALLOW = [outer.url.removeprefix("http://")]
        outer.says((307, {"Location": inner.url}, b""))
        with pytest.raises((FixConfiguration, RetryLater)):
            APPRISE.send({"url": outer.url.replace("http://", "json://")}, a_message())
        assert outer.got
        assert not inner.got


def test_a_kind_that_apprise_does_not_know_is_named() -> None:
    with pytest.raises(FixConfiguration, match="does not know") as found:
        APPRISE.send({"url": "nonsense://secret-token"}, a_message())
    assert "secret-token" not in str(found.value)


@pytest.mark.parametrize("address", [("localhost", 80), ("127.0.0.1", 81), "/run/socket", ("::1", 80, 0, 0)])
def test_the_guard_refuses_names_sockets_and_what_is_inside(address: object) -> None:
    guard = Guard([("127.0.0.1", 80)])
    guard.check(("127.0.0.1", 80))
    guard.check(("8.8.8.8", 443))
    with pytest.raises(OSError, match="internal"):
        guard.check(address)


def test_what_counts_as_internal() -> None:
    assert all(map(internal, ("0.0.0.0", "100.64.0.1", "fd00::1", "fe80::1%eth0", "64:ff9b::a00:1")))
    assert not internal("2606:4700::1111")


def test_without_settings_it_writes_a_file(settings: Settings, tmp_path: Path) -> None:
    from leadscoring.places import Places

    settings.PLACES = Places(tmp_path)
    assert "apprise-" in APPRISE.send({}, a_message())
