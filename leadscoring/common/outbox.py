"""What would leave the house, as files under `VAR_DIR/outbox`, where nothing is set up to send it with."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

NAME = re.compile(r"\A[a-z0-9][a-z0-9-]{0,40}-\d{8}T\d{12}-[0-9a-f]{8}\.(?:eml|json|txt)\Z")
MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Written:
    """One file: its name, what kind of message it is, when it was written, and its size in bytes."""

    name: str
    kind: str
    at: datetime
    size: int


def directory() -> Path:
    """Where the files lie."""
    return Path(settings.PLACES.outbox)


def write(kind: str, suffix: str, data: bytes) -> str:
    """Keep one message; returns the name of its file. It appears whole or not at all."""
    place = directory()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}.{suffix}"
    aside = place / f".{name}"
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    aside.rename(place / name)
    return name


def written() -> list[Written]:
    """The newest files, newest first, at most `MOST_SHOWN`."""
    place = directory()
    names = [path.name for path in place.iterdir() if NAME.match(path.name)] if place.is_dir() else []
    newest = sorted(names, key=lambda name: name.rsplit("-", 2)[1], reverse=True)[:MOST_SHOWN]
    return [_described(place / name) for name in newest]


def read(name: str) -> bytes | None:
    """One file's content; None when there is none of that name."""
    if not NAME.match(name):
        return None
    try:
        return (directory() / name).read_bytes()
    except FileNotFoundError:
        return None


def _described(path: Path) -> Written:
    kind, stamp, _ = path.name.rsplit("-", 2)
    return Written(
        path.name, kind, datetime.strptime(stamp, "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC), path.stat().st_size
    )


class MailFiles(BaseEmailBackend):
    """Django's mail as `.eml` files: the backend where `EMAIL_URL` is not set."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            write("email", "eml", message.message().as_bytes())
        return len(email_messages)
