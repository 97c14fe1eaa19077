"""Secrets at rest: sealed with the newest of the keys, opened with any of them.

Keys are derived from `SECRETS_KEY` (several, newest first, separated by commas) by HKDF-SHA256 (RFC 5869), and used by
Fernet (AES-128-CBC with HMAC-SHA256). A key is retired by putting the new one first, sealing everything anew
(`manage.py rotate_secrets`) and taking the old one away.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from leadscoring.common.errors import FixConfiguration

MASK = "***"


class CannotOpen(FixConfiguration):
    """None of the keys opens what is stored."""

    kind = "secret-unreadable"
    title = "A stored secret cannot be read"


@lru_cache(maxsize=8)
def _box(secrets: tuple[str, ...]) -> MultiFernet:
    keys = [
        HKDF(algorithm=SHA256(), length=32, salt=None, info=b"leadscoring secrets v1").derive(one.encode())
        for one in secrets
    ]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def _own_box() -> MultiFernet:
    return _box(tuple(settings.SECRETS_KEYS))


def seal(values: Mapping[str, Any]) -> str:
    """A JSON object as text that only a holder of a key can read or change."""
    return _own_box().encrypt(json.dumps(dict(values)).encode()).decode("ascii")


def unseal(sealed: str) -> dict[str, Any]:
    """What was sealed; an empty text holds nothing.

    Raises:
        CannotOpen: it was sealed with a key that is not among `SECRETS_KEY`, or was changed.
    """
    if not sealed:
        return {}
    try:
        found = json.loads(_own_box().decrypt(sealed.encode("ascii", "replace")))
    except InvalidToken:
        raise CannotOpen(
            "What is stored was sealed with another key; expected one of SECRETS_KEY. Put the old key back, or enter "
            "the settings anew."
        ) from None
    return dict(found)


def reseal(sealed: str) -> str:
    """The same, sealed with the newest key."""
    if not sealed:
        return ""
    return seal(unseal(sealed))


def masked(value: str) -> str:
    """How a secret is shown: of an address its host, of anything else nothing.

    >>> masked("https://hooks.slack.com/services/T0/B0/abc"), masked("abcdef"), masked("")
    ('https://hooks.slack.com/…/***', '***', '')
    """
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        host = parts.hostname if parts.scheme in {"http", "https"} else None
    except ValueError:
        host = None
    return f"{parts.scheme}://{host}/…/{MASK}" if host else MASK


def scrubbed(text: str, values: Mapping[str, Any]) -> str:
    """The text with every secret among `values`, and the last parts of their addresses, replaced.

    >>> scrubbed("no route to /services/T0/abcdef", {"url": "https://x.example/services/T0/abcdef"})
    'no route to ***'
    """
    found: set[str] = set()
    for value in values.values():
        if not isinstance(value, str):
            continue
        found.add(value)
        if "://" in value:
            rest = value.partition("://")[2]
            path = "/" + rest.partition("/")[2]
            found |= {rest, path, *(piece for piece in path.split("/") if len(piece) > 12)}
    for secret in sorted((one for one in found if len(one) >= 6), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text
