"""How soon a source that stops is told, and how often a living one is called dead.

    python -m benchmarks.simulations.silence

A source brings leads day and night by a daily curve (Poisson), eight weeks are known, 16 sources are looked at every
five minutes over the last hour and the last 6 and 24 full hours, as the service does. At a random moment one stops.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from monitoring.stats.levels import CRITICAL_Q
from monitoring.stats.quality import volume
from monitoring.stats.surveillance import LOOKS_PER_WEEK

SOURCES, SPANS, WEEKS = 16, (1, 6, 24), 8
CURVE = 1 + 0.9 * np.sin(2 * np.pi * (np.arange(24) - 7) / 24)


def main() -> None:
    """Minutes until told, by leads an hour, and false alarms in quiet weeks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    rows = [measure(rng, rate, options.runs) for rate in (1, 5, 20, 50, 200)]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(
        "| leads an hour of the source, on average | told after: median | 95 of 100 | called dead in a quiet week |"
    )
    print("| --- | --- | --- | --- |")
    for row in rows:
        print(
            f"| {row['rate']} | {row['median']:.0f} min | {row['p95']:.0f} min | {row['false']} of {row['runs']} |"
        )


def measure(rng: np.random.Generator, rate: float, runs: int) -> dict[str, Any]:
    """One rate: minutes from the stop to the first critical look, and runs whose last quiet week had one."""
    waits, false = [], 0
    for _ in range(runs):
        hourly = rng.poisson(np.tile(CURVE, 7 * (WEEKS + 2)) * rate)
        stop = 168 * (WEEKS + 1) + rng.uniform(0, 24 * 7)
        # Quiet looks once an hour: those between share nearly all of their leads.
        false += any(dead(hourly, at, None) for at in range(168 * WEEKS + 24, 168 * (WEEKS + 1), 4))
        waits.append(wait(rng, hourly, stop))
    return {
        "rate": rate,
        "runs": runs,
        "median": float(np.median(waits)),
        "p95": float(np.quantile(waits, 0.95)),
        "false": false,
    }


def wait(rng: np.random.Generator, hourly: np.ndarray, stop: float) -> float:
    """Minutes until the first look that is sure."""
    at = np.floor(stop * 12 + 1) / 12
    while at - stop < 96:
        if dead(hourly, at, stop):
            return float((at - stop) * 60)
        at += 1 / 12
    return 96 * 60.0


def dead(hourly: np.ndarray, at: float, stop: float | None) -> bool:
    """Whether a look at this hour is sure that leads of the source stopped."""
    end = int(np.floor(at + 1e-9))
    smallest = 1.0
    for span in SPANS:
        if span == 1:
            came = _between(hourly, at - 1, at, stop)
            past = [_between(hourly, at - 1 - 168 * k, at - 168 * k, None) for k in range(1, WEEKS + 1)]
        else:
            came = _between(hourly, end - span, end, stop)
            past = [hourly[end - span - 168 * k : end - 168 * k].sum() for k in range(1, WEEKS + 1)]
        found = volume(round(came), past)
        if found is not None and found.came < found.expected:
            smallest = min(smallest, found.p_low)
    return smallest * SOURCES * len(SPANS) <= CRITICAL_Q / LOOKS_PER_WEEK


def _between(hourly: np.ndarray, start: float, end: float, stop: float | None) -> float:
    end = end if stop is None else min(end, stop)
    total, at = 0.0, start
    while at < end - 1e-9:
        hour = int(np.floor(at + 1e-9))
        until = min(hour + 1, end)
        total += hourly[hour] * (until - at)
        at = until
    return total


if __name__ == "__main__":
    main()
