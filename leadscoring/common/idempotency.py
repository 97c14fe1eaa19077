"""`Idempotency-Key`: the same request twice has one effect and one answer (IETF draft-07).

The effect is local, so one transaction carries everything: the rows written, the key and the answer commit
together. A crash or a server error leaves no key, and the retry runs afresh. Two parallel calls with one key:
on PostgreSQL the second is told at once to come back (409); on SQLite, which has one writer, it waits and
gets the first's answer.

    answer = idempotency.run(
        caller=str(api_key.pk), method="POST", route="score-lead", key=idempotency.parse_key(header),
        fingerprint=idempotency.fingerprint(path, payload), act=score_and_render,
    )
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from leadscoring.common.errors import FieldError, InFlight, Invalid, Stop
from leadscoring.common.models import IdempotencyRecord

KEPT_FOR = timedelta(hours=72)
LONGEST_KEY = 255

# RFC 8941 §3.3.3: a string in quotes, in which only the quote and the backslash are escaped.
QUOTED = re.compile(r'"((?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
BARE = re.compile(r"[\x21\x23-\x2b\x2d-\x7e]+")


class BadKey(Stop):
    """The header is not a usable key."""

    kind = "idempotency-key"
    title = "The Idempotency-Key header is not usable"


class KeyReused(Invalid):
    """The key was used before with another request."""

    kind = "idempotency-key-reused"
    title = "The Idempotency-Key belongs to another request"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller, byte for byte."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    replayed: bool = False


def parse_key(header: str | None) -> str | None:
    """The key in a header value: a structured-field string in quotes, or bare. None when there is no header.

    A header sent twice arrives joined by a comma, which is why a bare key must hold none.
    """
    if header is None:
        return None
    value = header.strip()
    quoted = QUOTED.fullmatch(value)
    key = re.sub(r'\\(["\\])', r"\1", quoted[1]) if quoted else value
    if not (quoted or BARE.fullmatch(value)) or not 1 <= len(key) <= LONGEST_KEY:
        expected = f"one header with 1 to {LONGEST_KEY} visible ASCII characters, in quotes or without commas"
        shown = value if len(value) <= 80 else f"{value[:80]}… ({len(value)} characters)"
        raise BadKey(
            f"Idempotency-Key is {shown!a}; expected {expected}.",
            errors=[FieldError("header:Idempotency-Key", ascii(shown), expected)],
        )
    return key


def fingerprint(path: str, payload: object) -> str:
    """SHA-256 of the canonical request: its path and its JSON with sorted keys, so spacing does not
    matter."""
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{len(path)}:{path}{canonical}".encode()).hexdigest()


def run(
    *,
    caller: str,
    method: str,
    route: str,
    key: str | None,
    fingerprint: str,
    act: Callable[[], Answer],
    now: datetime | None = None,
) -> Answer:
    """Runs `act` in a transaction, once per key, and returns its answer or the stored one (`replayed`).

    `act` does the work and returns the finished bytes; an exception undoes everything and leaves no key. Only
    answers below 300 are kept under the key: after any other, nothing that a retry could double was done, and
    what
    `act` did write (a lead kept for later, say) is committed.
    Without a key, `act` runs in a transaction and nothing is kept.

    Raises :class:`InFlight` (409) while the same key is being answered, :class:`KeyReused` (422) for another
    payload.
    """
    if key is None:
        with transaction.atomic():
            return act()
    at = now or timezone.now()
    where = {"caller": caller, "method": method, "route": route, "key": key}
    with transaction.atomic():
        _take_turn(where)
        stored = IdempotencyRecord.objects.filter(**where).first()
        if stored is not None and stored.expires_at > at:
            return _replay(stored, fingerprint)
        answer = act()
        if answer.status < 300:
            if stored is not None:
                stored.delete()
            _keep(where, fingerprint, answer, at)
    return answer


def prune(*, now: datetime | None = None) -> int:
    """Deletes expired keys; returns how many."""
    deleted, _ = IdempotencyRecord.objects.filter(expires_at__lte=now or timezone.now()).delete()
    return deleted


def _take_turn(where: dict[str, str]) -> None:
    """Holds this key until the transaction ends. SQLite's immediate transactions already do."""
    if connection.vendor != "postgresql":
        return
    name = json.dumps(["idempotency", *where.values()])
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        row = cursor.fetchone()
    if row is None or not row[0]:
        raise _in_flight()


def _in_flight() -> InFlight:
    return InFlight(
        "A request with this Idempotency-Key is being answered; expected to be asked again after it is done.",
        retry_after=1,
    )


def _replay(stored: IdempotencyRecord, fingerprint: str) -> Answer:
    if stored.fingerprint != fingerprint:
        raise KeyReused(
            "This Idempotency-Key was used with another request body; expected the same body or a new key.",
            errors=[
                FieldError(
                    "header:Idempotency-Key", stored.key, "the body of the first request, or a new key"
                )
            ],
        )
    headers = tuple((str(name), str(value)) for name, value in stored.headers)
    return Answer(status=stored.status, body=bytes(stored.body), headers=headers, replayed=True)


def _keep(where: dict[str, str], fingerprint: str, answer: Answer, at: datetime) -> None:
    try:
        with transaction.atomic():
            IdempotencyRecord.objects.create(
                **where,
                fingerprint=fingerprint,
                status=answer.status,
                headers=[list(pair) for pair in answer.headers],
                body=answer.body,
                expires_at=at + KEPT_FOR,
            )
    except IntegrityError as error:
        raise _in_flight() from error
