"""Where the program keeps what it writes: everything lies under one directory, `VAR_DIR`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

# The kernel refuses longer names for Unix sockets (108 bytes with the closing NUL on Linux, 104 on macOS).
LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True, slots=True)
class Places:
    """Paths under the directory the program writes to."""

    root: Path

    def prepare(self) -> None:
        """Makes the root, open to its owner only: it holds people's data and the secret key. An unwritable
        place is left to the system checks, which can say so in words."""
        with contextlib.suppress(OSError):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def database(self) -> Path:
        return self.root / "db.sqlite3"

    @property
    def secret_key(self) -> Path:
        return self.root / "secret_key"

    @property
    def secrets_key(self) -> Path:
        return self.root / "secrets_key"

    @property
    def mlflow_database(self) -> Path:
        return self.root / "mlflow.sqlite3"

    @property
    def mlflow_artifacts(self) -> Path:
        return self.root / "mlflow"

    @property
    def static(self) -> Path:
        return self.root / "static"

    @property
    def media(self) -> Path:
        return self.root / "media"

    @property
    def outbox(self) -> Path:
        return self.root / "outbox"

    @property
    def broker_directory(self) -> Path:
        """Directory of the embedded broker's socket: under the root, or a private one in the system's
        temporary directory when the root's path is too long for a socket name."""
        directory = self.root / "broker"
        if len(os.fsencode(directory / "valkey.sock")) <= LONGEST_SOCKET_PATH:
            return directory
        name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"leadscoring-{os.getuid()}-{name}"

    @property
    def broker_socket(self) -> Path:
        return self.broker_directory / "valkey.sock"

    @property
    def broker_url(self) -> str:
        """The embedded broker's address, in the spelling of redis-py."""
        return f"unix://{self.broker_socket}"


def celery_url(redis_url: str) -> str:
    """Celery's spelling of a Redis address: `unix://` sockets are `redis+socket://` there."""
    scheme, separator, rest = redis_url.partition("://")
    return f"redis+socket://{rest}" if separator and scheme == "unix" else redis_url


def keep_secret_key(path: Path) -> str:
    """The secret key stored at `path`, made on first use and readable by its owner only.

    Two processes may start at once: the key is written aside and linked into place, so that one wins whole.
    """
    with contextlib.suppress(FileNotFoundError):
        return path.read_text(encoding="ascii").strip()
    aside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(64))
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
    return path.read_text(encoding="ascii").strip()
