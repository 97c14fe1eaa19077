"""Whether another process on this machine still works on something: a file lock, which the kernel lets go when its
process dies, however it dies.

It only tells a dead process from a living one at once instead of when a lease runs out. What keeps two of them from
writing is the claim of the row: its lease and its fence.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings


def here() -> str:
    """This machine and folder: locks taken here tell about processes that name the same."""
    return f"{socket.gethostname()}:{Path(settings.VAR_DIR).resolve()}"[:255]


@contextmanager
def holding(name: str) -> Iterator[bool]:
    """Hold the lock of this name for as long as the block runs; yields False when another process has it."""
    path = _path(name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def is_held(name: str) -> bool:
    """Whether a living process on this machine holds the lock of this name."""
    with holding(name) as free:
        return not free


def _path(name: str) -> Path:
    # Names hold what people type; the digest is a file name on every system. One small file for each name stays.
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return Path(settings.VAR_DIR) / "locks" / f"{digest}.lock"
