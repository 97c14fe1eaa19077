"""Typed readers of environment variables.

Each reader returns a value of the right type or raises :class:`ImproperlyConfigured` with the variable's
name, the value it found and what was expected. A blank variable counts as not set. Values of secrets are
never shown.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
POSTGRES_OPTIONS = frozenset(
    {
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "application_name",
        "target_session_attrs",
        "connect_timeout",
    }
)
# How the connection to a mail server is encrypted, and the port it then has.
MAIL_SCHEMES = {"smtp": ("", 25), "smtp+starttls": ("starttls", 587), "smtps": ("ssl", 465)}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over: security is "", "starttls" or "ssl"."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    security: str


class Environment:
    """Reads variables from a mapping (the process environment unless told otherwise)."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self.variables: Mapping[str, str] = os.environ if variables is None else variables

    def _raw(self, name: str) -> str:
        return self.variables.get(name, "").strip()

    def _refuse(self, name: str, expected: str, *, shown: str | None = None) -> ImproperlyConfigured:
        found = repr(self._raw(name)) if shown is None else shown
        return ImproperlyConfigured(f"Environment variable {name} is {found}; expected {expected}.")

    def text(self, name: str, default: str = "") -> str:
        """Text with surrounding blanks removed."""
        return self._raw(name) or default

    def secret(self, name: str, *, minimum_length: int) -> str:
        """A secret of at least `minimum_length` characters, or "" when it is not set."""
        value = self._raw(name)
        if value and len(value) < minimum_length:
            raise self._refuse(
                name, f"at least {minimum_length} characters", shown=f"{len(value)} characters long (hidden)"
            )
        return value

    def secrets(self, name: str, *, minimum_length: int) -> list[str]:
        """Secrets separated by commas, each of at least `minimum_length` characters."""
        found = [part.strip() for part in self._raw(name).split(",")] if self._raw(name) else []
        if any(len(part) < minimum_length for part in found):
            raise self._refuse(
                name,
                f"one or more secrets of at least {minimum_length} characters, separated by commas",
                shown=f"{len(found)} values, one of them shorter (hidden)",
            )
        return found

    def mail(self, name: str) -> MailServer | None:
        """A mail server: `smtp+starttls://user:password@host:587`, `smtps://…` or `smtp://…`; None when not set.
        User and password are percent-encoded."""
        value = self.url(name, schemes=tuple(MAIL_SCHEMES))
        if not value:
            return None
        parts = urlsplit(value)
        if not parts.hostname or parts.path not in {"", "/"} or parts.query:
            raise self._refuse(name, "smtp+starttls://user:password@host:587", shown="another form (hidden)")
        security, port = MAIL_SCHEMES[parts.scheme]
        return MailServer(
            parts.hostname,
            parts.port or port,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            security,
        )

    def address(self, name: str, default: str) -> str:
        """An e-mail address, with or without a name: `Leads <leads@example.com>`."""
        value = self._raw(name)
        if not value:
            return default
        mailbox = parseaddr(value)[1]
        if not mailbox.count("@") == 1 or mailbox.startswith("@") or mailbox.endswith("@"):
            raise self._refuse(name, "an e-mail address such as Leads <leads@example.com>")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Yes or no: 1/0, true/false, yes/no, on/off."""
        value = self._raw(name).casefold()
        if not value:
            return default
        if value in TRUE_WORDS:
            return True
        if value in FALSE_WORDS:
            return False
        raise self._refuse(name, "one of 1, true, yes, on, 0, false, no, off")

    def integer(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        """A whole number between `minimum` and `maximum`, both included."""
        value = self._raw(name)
        if not value:
            return default
        expected = f"a whole number from {minimum} to {maximum}"
        if not (value.isascii() and value.removeprefix("-").isdigit() and len(value) <= 18):
            raise self._refuse(name, expected)
        number = int(value)
        if not minimum <= number <= maximum:
            raise self._refuse(name, expected)
        return number

    def choice(self, name: str, default: str, *, allowed: Sequence[str]) -> str:
        """One of a few words, compared without regard to case."""
        value = self._raw(name)
        if not value:
            return default
        for word in allowed:
            if word.casefold() == value.casefold():
                return word
        raise self._refuse(name, "one of " + ", ".join(allowed))

    def words(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """Comma-separated words without blanks inside."""
        value = self._raw(name)
        if not value:
            return list(default)
        parts = [part.strip() for part in value.split(",")]
        if any(not part or len(part.split()) != 1 for part in parts):
            raise self._refuse(name, "words separated by single commas, such as a.example,b.example")
        return parts

    def label(self, name: str, *, maximum_length: int) -> str:
        """A name of letters, digits and `.`, `_`, `-`, or "" when it is not set."""
        value = self._raw(name)
        plain = value.isascii() and all(letter.isalnum() or letter in "._-" for letter in value)
        if not plain or len(value) > maximum_length:
            raise self._refuse(name, f"at most {maximum_length} letters, digits and . _ -")
        return value

    def directory(self, name: str, default: Path) -> Path:
        """An absolute directory path; it need not exist yet, but must not be a file."""
        value = self._raw(name)
        path = (Path(value).expanduser() if value else default).absolute()
        if "\x00" in str(path) or (path.exists() and not path.is_dir()):
            raise self._refuse(name, "a directory, or a path where one can be made")
        return path

    def url(self, name: str, default: str = "", *, schemes: Sequence[str]) -> str:
        """A URL with one of `schemes`. The value may hold a password, so an error shows only the scheme."""
        value = self._raw(name)
        if not value:
            return default
        expected = "a URL starting with " + " or ".join(f"{scheme}:" for scheme in schemes)
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError as error:
            raise self._refuse(name, expected, shown="not a readable URL (value hidden)") from error
        if parts.scheme not in schemes:
            raise self._refuse(name, expected, shown=f"a value with scheme {parts.scheme!r} (rest hidden)")
        return value

    def origins(self, name: str) -> list[str]:
        """Comma-separated web origins such as https://leads.example."""
        values = self.words(name)
        for value in values:
            parts = urlsplit(value)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
                raise self._refuse(name, "origins such as https://leads.example, separated by commas")
        return [value.rstrip("/") for value in values]

    def database(self, name: str, *, sqlite_default: Path, pool_size: int) -> dict[str, Any]:
        """A Django database entry: `postgresql://…`, `sqlite:///path`, or SQLite at `sqlite_default`.

        A PostgreSQL server reached by Unix socket is named by `postgresql:///name?host=/directory`.
        """
        value = self.url(name, schemes=("postgresql", "postgres", "sqlite"))
        if not value:
            return sqlite(sqlite_default)
        parts = urlsplit(value)
        if parts.scheme == "sqlite":
            if parts.netloc or len(parts.path) < 2:
                raise self._refuse(
                    name, "sqlite:///relative.db or sqlite:////absolute.db", shown="another form"
                )
            return sqlite(Path(unquote(parts.path[1:])).absolute())
        query = dict(parse_qsl(parts.query))
        host = unquote(parts.hostname or "") or query.pop("host", "")
        database = unquote(parts.path.removeprefix("/"))
        unknown = sorted(set(query) - POSTGRES_OPTIONS)
        if not database or unknown:
            expected = "postgresql://user:password@host:port/database"
            shown = (
                f"a URL with unknown options {', '.join(unknown)}" if unknown else "a URL without a database"
            )
            raise self._refuse(name, expected, shown=shown)
        options: dict[str, Any] = {"connect_timeout": 5, **query}
        if pool_size:
            options["pool"] = {"min_size": 0, "max_size": pool_size, "timeout": 10}
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": database,
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": host,
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 0 if pool_size else 60,
            "CONN_HEALTH_CHECKS": not pool_size,
            "OPTIONS": options,
        }


def sqlite(path: Path) -> dict[str, Any]:
    """A Django entry for SQLite: WAL, immediate transactions, 20 s of patience with other writers.

    Immediate transactions take the write lock at BEGIN: a deferred one that reads and then writes fails at
    once with "database is locked" whenever another writer committed in between, whatever the busy timeout.
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": 60,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000; "
                "PRAGMA foreign_keys=ON; PRAGMA cache_size=-20000; PRAGMA temp_store=MEMORY"
            ),
        },
    }
