"""Waking a worker: a message is a hint, never the record.

The row that describes the work is committed first; a lost message only means that the sweep finds it later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

logger = structlog.get_logger(__name__)

Id = int | str | UUID


class Breaker:
    """After a failure, skips attempts for a while: a request must not wait for a broker known to be away."""

    def __init__(self, *, pause_seconds: float = 5.0, clock: Callable[[], float] = monotonic) -> None:
        self.pause_seconds = pause_seconds
        self.clock = clock
        self._closed_at = float("-inf")
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Whether to try now. After a pause, the first to ask is let through and the others wait another
        pause."""
        with self._lock:
            at = self.clock()
            if at < self._closed_at:
                return False
            if self._closed_at != float("-inf"):
                self._closed_at = at + self.pause_seconds
            return True

    def failed(self) -> None:
        with self._lock:
            self._closed_at = self.clock() + self.pause_seconds

    def succeeded(self) -> None:
        with self._lock:
            self._closed_at = float("-inf")


breaker = Breaker()


def enqueue(path: str, *args: Id, **kwargs: Id) -> None:
    """Wakes a worker for the task at dotted `path` once the current transaction is committed.

    Arguments are row ids only. Never raises for a broker that is away: the sweep does the work later.
    """
    positional = [_plain(path, value) for value in args]
    named = {name: _plain(path, value) for name, value in kwargs.items()}
    transaction.on_commit(lambda: _publish(path, positional, named), robust=True)


def _plain(path: str, value: Id) -> int | str:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise TypeError(
            f"{path} was queued with {type(value).__name__}; expected row ids (int, str or UUID)."
        )
    return value


def _publish(path: str, args: list[int | str], kwargs: dict[str, int | str]) -> None:
    eager = settings.CELERY_TASK_ALWAYS_EAGER
    if not eager and not breaker.allows():
        return
    try:
        import_string(path).apply_async(args=args, kwargs=kwargs, retry=False)
    except Exception as error:  # noqa: BLE001  # whatever went wrong, the row is there and the sweep finds it
        breaker.failed()
        logger.warning(
            "The broker does not answer; the sweep picks this up later.",
            task=path,
            error=f"{type(error).__name__}: {error}",
        )
    else:
        breaker.succeeded()
