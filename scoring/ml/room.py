"""Time for what comes after training: jobs are run side by side while there is room, and no longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from scoring.ml.budget import Budget, OutOfTime
from scoring.ml.parallel import Job, run_side_by_side

T = TypeVar("T")


class Room:
    """A span of the budget's time that several parts share, each beginning nothing past its own mark.

    `fit_s` is how long one fit on all leads should take: what a job is expected to take is its weight (1 = all
    leads) times the longest such time seen.
    """

    def __init__(self, budget: Budget, *, seconds: float, threads: int, fit_s: float) -> None:
        self._budget, self._threads, self._fit_s = budget, threads, fit_s
        self._start, self._seconds = budget.elapsed, seconds

    def run(self, jobs: Sequence[tuple[float, Job[T]]], *, until: float = 1.0) -> list[T]:
        """The results of the first jobs, in order: as many as are expected to end before `until`, a share 0..1 of
        the whole span.

        Jobs run in waves. A wave that takes longer than expected may pass the mark but not the end of the span,
        where it is dropped. Raises TrainingCancelled.
        """
        mark, end = (self._start + self._seconds * share for share in (until, 1.0))
        done: list[T] = []
        try:
            self._budget.search_until(end)
            for at in range(0, len(jobs), self._threads):
                wave = jobs[at : at + self._threads]
                weight = max(own for own, _ in wave)
                began = self._budget.elapsed
                if began + self._fit_s * weight > mark:
                    break
                done += run_side_by_side([job for _, job in wave], threads=self._threads, budget=self._budget)
                # A small part is not as cheap as its size: what does not shrink is not counted against the rest.
                self._fit_s = max(self._fit_s, (self._budget.elapsed - began) / max(weight, 0.5))
        except OutOfTime:
            pass
        finally:
            self._budget.search_until(None)
        return done
