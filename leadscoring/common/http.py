"""The one way out: a call to an address that a person typed.

Where the name leads is looked at when the connection is made, and the connection goes to that very address: private,
loopback and other internal addresses are refused (requests-hardened), unless `OUTBOUND_ALLOW` names the host.
Redirects are not followed: a 3xx is an answer like any other, for the caller to refuse. Proxies of the environment
are not used, because behind one nobody knows where a name leads. No error holds the address: it may be a secret.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from leadscoring.common.errors import FixConfiguration, RetryLater

CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 5.0, 10.0, 30.0
LARGEST_ANSWER = 64 * 1024
AGENT = "leadscoring/1"


class NoAnswer(RetryLater):
    """The other side cannot be reached or does not answer in time."""

    kind = "no-answer"
    title = "No answer"


class AddressRefused(FixConfiguration):
    """The address is none that may be called."""

    kind = "address-refused"
    title = "The address may not be called"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (names in lower case) and the text, at most `LARGEST_ANSWER` bytes of it."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def retry_after(self) -> int | None:
        """Seconds of a `Retry-After`; None where there is none or it is a date."""
        value = self.headers.get("retry-after", "").strip()
        return min(int(value), 86_400) if value.isascii() and value.isdigit() and len(value) < 10 else None

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400


def post_json(url: str, document: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
    """Send a JSON document.

    Raises:
        AddressRefused: not http(s), no host, or an internal address that `OUTBOUND_ALLOW` does not name.
        NoAnswer: name, connection, encryption or time ran out; nobody knows whether it arrived.
    """
    import requests
    from requests_hardened import Config, HTTPSession
    from requests_hardened.ip_filter import InvalidIPAddress

    host, port = _parts(url)
    config = Config(
        ip_filter_enable=not allowed(host, port),
        ip_filter_allow_loopback_ips=False,
        never_redirect=True,
        default_timeout=(CONNECT_SECONDS, READ_SECONDS),
        user_agent_override=AGENT,
    )
    until = monotonic() + WHOLE_SECONDS
    try:
        with HTTPSession(config) as session:
            session.trust_env = False
            with session.post(url, json=document, headers=dict(headers or {}), stream=True) as response:
                body = _body(response, until)
                found = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, found, body.decode("utf-8", "replace"))
    except InvalidIPAddress:
        raise AddressRefused(
            f"{host} leads to an internal address, which is not called; expected a public one. An operator "
            "may allow the host in OUTBOUND_ALLOW."
        ) from None
    except requests.exceptions.SSLError:
        raise NoAnswer(f"{host} could not prove who it is (its certificate does not hold).") from None
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError):
        raise AddressRefused("The address cannot be read; expected https://host/path.") from None
    except requests.exceptions.Timeout:
        raise NoAnswer(f"{host} did not answer in time.") from None
    except (requests.exceptions.RequestException, OSError) as error:
        raise NoAnswer(f"{host} could not be reached ({type(error).__name__}).") from None


def _parts(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("The address cannot be read; expected https://host/path.") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise AddressRefused("The address is not one to call; expected https://host/path.")
    return parts.hostname.lower(), port or (443 if parts.scheme == "https" else 80)


def allowed(host: str, port: int) -> bool:
    """Whether the operator allows this host, wherever its name leads.

    `OUTBOUND_ALLOW` holds `host` (every port) or `host:port`, IPv6 in brackets.
    """
    name = f"[{host}]" if ":" in host else host
    wanted = {one.lower() for one in settings.OUTBOUND_ALLOW}
    return name in wanted or f"{name}:{port}" in wanted


def allowed_addresses() -> list[tuple[str, int]]:
    """Where the hosts of `OUTBOUND_ALLOW` lead now: (address, port), port 0 for every port."""
    found: list[tuple[str, int]] = []
    for one in settings.OUTBOUND_ALLOW:
        parts = urlsplit(f"//{one}")
        try:
            known = socket.getaddrinfo(parts.hostname, None, type=socket.SOCK_STREAM)
        except OSError:
            continue
        found += [(str(entry[4][0]), parts.port or 0) for entry in known]
    return found


def _body(response: Any, until: float) -> bytes:
    found = bytearray()
    for chunk in response.iter_content(8192):
        found += chunk
        if len(found) >= LARGEST_ANSWER:
            return bytes(found[:LARGEST_ANSWER])
        if monotonic() > until:
            raise NoAnswer("The answer took too long to arrive.")
    return bytes(found)
