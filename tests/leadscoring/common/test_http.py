"""The one way out: where it goes, what it refuses, and what each trouble is called."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pytest_django.fixtures import Settings

from leadscoring.common import http
from leadscoring.common.http import AddressRefused, NoAnswer, post_json
from tests.factories.watch import other_side


@contextmanager
def silent() -> Iterator[str]:
    """A port that takes connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


@contextmanager
def dripping() -> Iterator[str]:
    """A server whose answer never ends."""
    stop = threading.Event()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while not stop.wait(0.01):
                    try:
                        connection.sendall(b"x" * 8192)
                    except OSError:
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        stop.set()
        thread.join(5)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "https://[64:ff9b::a00:1]/",
    ],
)
def test_internal_addresses_are_refused_however_they_are_written(address: str) -> None:
    with pytest.raises(AddressRefused):
        post_json(address, {})


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ftp://a.example/",
        "//a.example",
        "https://",
        "https://user:pw@a.example/",
        "http://a:port/",
        "http://[::1/",
        "file:///etc/passwd",
        "https://a..b\ud800/",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises((AddressRefused, NoAnswer)) as found:
        post_json(address, {})
    assert "pw" not in str(found.value)


def test_an_allowed_host_is_called_and_no_other_port_of_it(settings: Settings) -> None:
    with other_side() as side, other_side() as neighbour:
        settings.OUTBOUND_ALLOW = [side.url.removeprefix("http://")]
        assert post_json(side.url, {"a": 1}).text == "ok"
        assert side.got == [{"a": 1}]
        with pytest.raises(AddressRefused):
            post_json(neighbour.url, {})
        assert not neighbour.got


def test_a_redirect_is_an_answer_and_is_not_followed(settings: Settings) -> None:
    with other_side() as inner, other_side() as outer:
        settings.OUTBOUND_ALLOW = ["127.0.0.1"]
        outer.says((307, {"Location": inner.url}, b""))
        answer = post_json(outer.url, {})
        assert (answer.status, answer.is_redirect, inner.got) == (307, True, [])


def test_the_environments_proxy_is_not_used(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    with other_side() as side:
        assert post_json(side.url, {}).status == 200


def test_nobody_listening_is_no_answer_and_names_no_path(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with pytest.raises(NoAnswer) as found:
        post_json("http://127.0.0.1:9/services/secretpart", {})
    assert "secretpart" not in str(found.value)


def test_a_side_that_says_nothing_is_given_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    monkeypatch.setattr(http, "READ_SECONDS", 0.2)
    with silent() as url, pytest.raises(NoAnswer, match="in time"):
        post_json(url, {})


def test_an_answer_without_end_is_cut(settings: Settings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with dripping() as url:
        assert len(post_json(url, {}).text) == http.LARGEST_ANSWER


def test_an_unknown_name_is_no_answer() -> None:
    with pytest.raises(NoAnswer):
        post_json("https://no-such-name.invalid/", {})
