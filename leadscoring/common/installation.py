"""Which installation this is: what keeps two of them apart on one Redis database.

Web server, worker and beat of one installation share its database, however each of them spells the address,
and two installations never do. So the name lies there: a random token in a row, made at first use. On
PostgreSQL the database's own number is added, so that a copy made for trying something out is another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Literal

from django.conf import settings
from django.db import connection

Role = Literal["worker", "beat"]


@cache
def redis_prefix() -> str:
    """What every key and channel of this installation starts with in Redis; read once in each process.

    `REDIS_PREFIX` where it is set. Raises `DatabaseError` while the database is away or has no tables.
    """
    return f"{settings.REDIS_PREFIX or _own_name()}:"


def _own_name() -> str:
    from leadscoring.common.models import Installation

    with _brief_connection():
        token = Installation.this().token
        if connection.vendor != "postgresql":
            return f"leadscoring:{token}"
        with connection.cursor() as cursor:
            cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
            (number,) = cursor.fetchone()
    return f"leadscoring:{token}.{number}"


def installation_token() -> str:
    """The installation's own name, for systems outside that keep what it sends apart."""
    from leadscoring.common.models import Installation

    return Installation.this().token


@contextmanager
def _brief_connection() -> Iterator[None]:
    """Closes a connection that was opened meanwhile: the worker asks before it forks, and none survives a
    fork. One that was open before is left to its owner."""
    opened_here = connection.connection is None
    try:
        yield
    finally:
        if opened_here:
            connection.close()


def note_start(role: Role) -> None:
    """Keeps the prefix under which worker or beat has just been started, for :func:`strangers`."""
    from leadscoring.common.models import Installation

    with _brief_connection():
        Installation.objects.filter(pk=Installation.this().pk).update(**{f"{role}_prefix": redis_prefix()})


def strangers() -> list[Role]:
    """Which of worker and beat were last started under another prefix than this process uses: possible only
    where `REDIS_PREFIX` is set for some of them. Their messages and this process's pass each other by."""
    from leadscoring.common.models import Installation

    row = Installation.objects.filter(pk=1).first()
    started: dict[Role, str] = {"worker": row.worker_prefix, "beat": row.beat_prefix} if row else {}
    return [role for role, prefix in started.items() if prefix not in {"", redis_prefix()}]
