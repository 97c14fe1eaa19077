"""Where the program keeps what it writes: everything lies under one directory, `VAR_DIR`."""

from __future__ import annotations

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

    @property
    def database(self) -> Path:
        return self.root / "db.sqlite3"

    @property
    def secret_key(self) -> Path:
        return self.root / "secret_key"

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
        """Directory of the embedded broker's socket: under the root, or a private one in the system's temporary
        directory when the root's path is too long for a socket name."""
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


def keep_secret_key(path: Path) -> str:
    """The secret key stored at `path`, made on first use and readable by its owner only.

    Two processes may start at once: the key is written aside and linked into place, so that one wins whole.
    """
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
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
