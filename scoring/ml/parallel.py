"""Independent fits on a few threads, while the calling thread keeps progress and cancellation alive.

LightGBM's own threads wait at a barrier after every small step: on two cores that are shared with anything
else, two of them were measured five times slower than one. So each fit runs on one thread and the fits
run side by side. Callbacks stay on the calling thread, which may hold a database connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

from scoring.ml.budget import TICK_S, Budget

T = TypeVar("T")
Job = Callable[[Callable[[], None]], T]


class Stopped(Exception):
    """Raised inside a job when the run ends early; never reaches the caller."""


def run_side_by_side(jobs: Sequence[Job[T]], *, threads: int, budget: Budget) -> list[T]:
    """The results of the jobs, in order. Each job gets a function to call often, which stops it when needed.

    Raises what a job raised, or TrainingCancelled or OutOfTime of the budget once all jobs have stopped.
    """
    stop = Event()

    def check() -> None:
        if stop.is_set():
            raise Stopped

    with ThreadPoolExecutor(max_workers=max(1, min(threads, len(jobs))), thread_name_prefix="fit") as pool:
        futures = [pool.submit(job, check) for job in jobs]
        try:
            pending = set(futures)
            while pending:
                done, pending = wait(pending, timeout=TICK_S)
                for future in done:
                    future.result()
                budget.tick()
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise
    return [future.result() for future in futures]


def run_aside(job: Job[T], budget: Budget) -> T:
    """One job off the calling thread, so that progress and cancellation stay alive while it works."""
    return run_side_by_side([job], threads=1, budget=budget)[0]
