"""API keys: made, rotated, revoked, and checked on every call.

A key is written `<prefix>.<secret>`. The secret is 256 random bits followed by six characters that follow
from the rest, so that a mistyped key is told from a wrong one without asking the database. Only a SHA-512
digest of the whole key is stored: with 256 random bits there is nothing to guess, so a slow hash would only
slow us down.

Each process remembers a key's row for `REMEMBERED_S` seconds. A key revoked, expired by hand or changed in
another process therefore keeps working there for at most that long.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db import DatabaseError, transaction
from django.db.models import Q

from scoring.contracts import ScoringError
from scoring.models import ApiKey

if TYPE_CHECKING:
    from django.contrib.auth.models import User

logger = logging.getLogger(__name__)

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX_LENGTH = 12
RANDOM_LENGTH = 43  # 62**43 > 2**256
CHECK_LENGTH = 6  # 62**6 > 2**32
LETTER = f"[{ALPHABET}]"
KEY_PATTERN = re.compile(
    rf"(ls{LETTER}{{{PREFIX_LENGTH - 2}}})\.({LETTER}{{{RANDOM_LENGTH}}})({LETTER}{{{CHECK_LENGTH}}})"
)
REMEMBERED_S = 2.0
REMEMBERED_MOST = 4096
USE_NOTED_EVERY = timedelta(minutes=1)
MOST_PER_MINUTE = 1_000_000


class Scope(StrEnum):
    """What a key may do. `admin` includes the others."""

    SCORE = "score"
    OUTCOMES = "outcomes"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key; `key` is the only place where its text is ever seen."""

    id: int
    name: str
    prefix: str
    key: str
    scopes: tuple[Scope, ...]
    source_system: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who calls: what a checked key stands for."""

    id: int
    name: str
    source_system: str
    scopes: frozenset[str]
    per_minute: int

    def may(self, scope: Scope) -> bool:
        """Whether the key carries this scope."""
        return scope.value in self.scopes or Scope.ADMIN.value in self.scopes


class KeyRefused(Exception):
    """The key cannot be used; `detail` says why, without helping anyone guess."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class KeyNotMade(ScoringError):
    """A key cannot be made as asked; the sentence names what was found and what was expected."""

    code = "key-not-made"


def _random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _check_characters(text: str) -> str:
    number = zlib.crc32(text.encode("ascii"))
    characters = []
    for _ in range(CHECK_LENGTH):
        number, index = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[index])
    return "".join(reversed(characters))


def _digest(key: str) -> str:
    return hashlib.sha512(key.encode("ascii")).hexdigest()


NOBODY = _digest("nobody")


def _read_scopes(scopes: Sequence[str]) -> tuple[Scope, ...]:
    known = ", ".join(scope.value for scope in Scope)
    wanted = []
    for scope in scopes:
        if scope not in {s.value for s in Scope}:
            raise KeyNotMade(f"Scope {scope!r} is not known; expected one of {known}.")
        wanted.append(Scope(scope))
    if not wanted:
        raise KeyNotMade(f"A key needs at least one scope; expected one or more of {known}.")
    return tuple(scope for scope in Scope if scope in wanted)


def _plain(value: str, name: str, longest: int) -> str:
    value = value.strip()
    if not value or len(value) > longest or not value.isprintable():
        raise KeyNotMade(f"{name} is {value[:40]!r}; expected 1 to {longest} printable characters.")
    return value


def create_key(
    *,
    name: str,
    scopes: Sequence[str],
    source_system: str,
    as_of: datetime,
    per_minute: int = 6000,
    expires_at: datetime | None = None,
    by: User | None = None,
) -> IssuedKey:
    """Make a key and return it with its text, which is not kept and cannot be shown again.

    Raises:
        KeyNotMade: the name, scopes, source system, rate or expiry cannot be used; says which and why.
    """
    wanted = _read_scopes(scopes)
    name = _plain(name, "The key's name", 255)
    source_system = _plain(source_system, "The source system", 64)
    if not 1 <= per_minute <= MOST_PER_MINUTE:
        raise KeyNotMade(f"Calls a minute is {per_minute}; expected 1 to {MOST_PER_MINUTE:,}.")
    if expires_at is not None and expires_at <= as_of:
        raise KeyNotMade(f"The expiry {expires_at.isoformat()} has passed; expected a later time.")
    prefix = "ls" + _random_text(PREFIX_LENGTH - 2)
    body = f"{prefix}.{_random_text(RANDOM_LENGTH)}"
    key = body + _check_characters(body)
    row = ApiKey.objects.create(
        name=name,
        prefix=prefix,
        secret_hash=_digest(key),
        scopes=[scope.value for scope in wanted],
        source_system=source_system,
        per_minute=per_minute,
        created_at=as_of,
        created_by=by,
        expires_at=expires_at,
    )
    return IssuedKey(row.pk, name, prefix, key, wanted, source_system, expires_at)


def rotate_key(
    *, key_id: int, as_of: datetime, overlap: timedelta = timedelta(days=7), by: User | None = None
) -> IssuedKey:
    """Make a successor with the same name, scopes, source system and rate; the old key ends after `overlap`.

    A key that would have ended sooner keeps its end. The successor lives as long as the old one was given.

    Raises:
        KeyNotMade: there is no such key, it is revoked or has expired, or the overlap is negative.
    """
    if overlap < timedelta(0):
        raise KeyNotMade(f"The overlap is {overlap}; expected zero or more.")
    with transaction.atomic():
        old = ApiKey.objects.select_for_update().filter(pk=key_id).first()
        if old is None or not old.usable(as_of):
            raise KeyNotMade(
                f"Key {key_id} does not exist, is revoked or has expired; make a new one instead."
            )
        lifetime = None if old.expires_at is None else old.expires_at - old.created_at
        issued = create_key(
            name=old.name,
            scopes=old.scopes,
            source_system=old.source_system,
            per_minute=old.per_minute,
            as_of=as_of,
            expires_at=None if lifetime is None else as_of + lifetime,
            by=by,
        )
        end = as_of + overlap
        ApiKey.objects.filter(Q(pk=key_id), Q(expires_at=None) | Q(expires_at__gt=end)).update(expires_at=end)
    _remembered.pop(old.prefix, None)
    return issued


def revoke_key(*, key_id: int, as_of: datetime) -> bool:
    """Revoke a key; True if it was not revoked before. Other processes follow within `REMEMBERED_S`
    seconds."""
    changed = ApiKey.objects.filter(pk=key_id, revoked_at=None).update(revoked_at=as_of)
    forget_keys()
    return bool(changed)


# Read and replaced whole under the interpreter's own lock; a lost entry only costs one more query.
_remembered: dict[str, tuple[float, ApiKey]] = {}
_use_noted: dict[int, datetime] = {}


def forget_keys() -> None:
    """Drop what this process remembers about keys."""
    _remembered.clear()
    _use_noted.clear()


def _find(prefix: str) -> ApiKey | None:
    now = time.monotonic()
    known = _remembered.get(prefix)
    if known is not None and now - known[0] < REMEMBERED_S:
        return known[1]
    row = ApiKey.objects.filter(prefix=prefix).first()
    # Only keys that exist are remembered, so that made-up prefixes cannot fill the memory.
    if row is None:
        _remembered.pop(prefix, None)
        return None
    if len(_remembered) >= REMEMBERED_MOST:
        _remembered.clear()
    _remembered[prefix] = (now, row)
    return row


def check_key(key: str, *, as_of: datetime) -> KeyHolder:
    """Whom a key stands for.

    Raises:
        KeyRefused: it is mistyped, unknown, revoked or expired.
    """
    match = KEY_PATTERN.fullmatch(key)
    if match is None or not hmac.compare_digest(_check_characters(key[:-CHECK_LENGTH]), match[3]):
        raise KeyRefused(
            "The API key is mistyped or cut short: its last characters do not fit the rest. "
            "Copy it again, as <prefix>.<secret>."
        )
    row = _find(match[1])
    fits = hmac.compare_digest(_digest(key), NOBODY if row is None else row.secret_hash)
    if row is None or not fits:
        raise KeyRefused("The API key is not known here.")
    if row.revoked_at is not None:
        raise KeyRefused("The API key was revoked.")
    if not row.usable(as_of):
        ended = row.expires_at.isoformat(timespec="seconds") if row.expires_at else ""
        raise KeyRefused(f"The API key expired at {ended}.")
    _note_use(row, as_of)
    return KeyHolder(row.pk, row.name, row.source_system, frozenset(row.scopes), row.per_minute)


def _note_use(row: ApiKey, as_of: datetime) -> None:
    """Write `last_used_at` at most once a minute; never let that fail the call it belongs to."""
    last = _use_noted.get(row.pk) or row.last_used_at
    if last is not None and as_of - last < USE_NOTED_EVERY:
        return
    _use_noted[row.pk] = as_of
    try:
        with transaction.atomic():
            stale = Q(last_used_at=None) | Q(last_used_at__lte=as_of - USE_NOTED_EVERY)
            ApiKey.objects.filter(stale, pk=row.pk).update(last_used_at=as_of)
    except DatabaseError:
        logger.warning("could not note the use of API key %s", row.prefix, exc_info=True)
