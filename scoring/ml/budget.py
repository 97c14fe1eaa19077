"""Time, progress and cancellation of one training run, behind one small object."""

from __future__ import annotations

from collections.abc import Callable

TICK_S = 0.2


class TrainingCancelled(Exception):
    """Somebody asked the run to stop; nothing of it is kept."""


class OutOfTime(Exception):
    """The time for trying further settings is over; what was tried so far stands."""


class Budget:
    """Reports progress, notices cancellation, and knows when trying further settings must end.

    `clock` returns seconds from any origin and never goes back. `tick` is cheap enough for every tree.
    """

    def __init__(
        self,
        timeout_s: float,
        progress: Callable[[str, float], None],
        cancelled: Callable[[], bool],
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._progress = progress
        self._cancelled = cancelled
        self._start = clock()
        self._timeout_s = timeout_s
        self._message, self._share = "Starting", 0.0
        self._last = -1.0
        self._stop_at: float | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._start

    @property
    def left(self) -> float:
        """Seconds until the time limit; negative past it."""
        return self._timeout_s - self.elapsed

    def report(self, message: str, share: float) -> None:
        """Tell where the run is (share 0..1, never going back). Raises TrainingCancelled."""
        self._message, self._share = message, min(1.0, max(self._share, share))
        self._say()

    def tick(self) -> None:
        """Called from inner loops: repeats the progress a few times a second and looks for a stop.

        Raises TrainingCancelled, or OutOfTime while `search_until` sets a limit.
        """
        now = self.elapsed
        if now - self._last >= TICK_S:
            self._say()
        if self._stop_at is not None and now > self._stop_at:
            raise OutOfTime

    def search_until(self, elapsed: float | None) -> None:
        """From now on `tick` raises OutOfTime past this many seconds; None lifts the limit."""
        self._stop_at = elapsed

    def _say(self) -> None:
        self._last = self.elapsed
        if self._cancelled():
            raise TrainingCancelled
        self._progress(self._message, self._share)
