"""Does the watch of the service cry wolf, and how soon does it see a slow or failing interface?

    python -m benchmarks.simulations.operations [--weeks 26] [--json]

Quiet weeks: calls come by the hour of the day (up to the given rate), their times move with a slow drift (AR(1) from
minute to minute), one minute in an hour stalls (the calls of 12, or 30, seconds of it are ten times as slow), and
.2 % of the calls fail. Each look is the one that the program makes; counted are looks that are sure, and runs of
them, which are what people would be told. Then, in 200 runs each, the times become eight times as slow, 5 % of the
calls fail, or all do: minutes until the first sure look.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import deque
from typing import Any

import numpy as np

from monitoring.stats.latencies import PER_DECADE

DAY = 24 * 60


def minute_of(
    rng: np.random.Generator, n: int, level: float, *, slow: float, stalled: float = 0.0
) -> dict[int, int]:
    times = rng.lognormal(math.log(25.0) + level, 0.6, n) * slow
    times[: int(n * stalled)] *= 10.0
    places, counts = np.unique(
        np.floor(PER_DECADE * np.log10(times / 200.0)).astype(int).clip(-120, 90), return_counts=True
    )
    return dict(zip(places.tolist(), counts.tolist(), strict=True))


def look(window: deque[dict[int, int]], errors: deque[tuple[int, int]]) -> tuple[bool, bool]:
    from monitoring.services.operations_readings import errors as errors_of
    from monitoring.services.operations_readings import latency

    filled = [one for one in window if one]
    slow = latency("score-lead", filled, tests=3, rule=(200.0, 1000.0)).sure is not None
    hits, n = sum(k for k, _ in errors), sum(m for _, m in errors)
    bad = errors_of({"ok": n - hits, "error:unexpected": hits}, tests=3, rule=(0.01, 0.05)).sure is not None
    return slow, bad


def quiet(rng: np.random.Generator, weeks: int, per_minute: float, *, stall_s: float) -> dict[str, int]:
    window: deque[dict[int, int]] = deque(maxlen=5)
    errors: deque[tuple[int, int]] = deque(maxlen=15)
    found = {"looks": 0, "slow_looks": 0, "slow_told": 0, "error_looks": 0, "error_told": 0}
    level, before = 0.0, (False, False)
    for minute in range(weeks * 7 * DAY):
        level = 0.95 * level + rng.normal(0.0, 0.06)
        rate = per_minute * (0.55 - 0.45 * math.cos(2 * math.pi * minute / DAY))
        n = int(rng.poisson(rate))
        window.append(
            minute_of(rng, n, level, slow=1.0, stalled=stall_s / 60 * (rng.random() < 1 / 60)) if n else {}
        )
        errors.append((int(rng.binomial(n, 0.002)), n))
        now = look(window, errors)
        found["looks"] += 1
        for name, is_sure, was in zip(("slow", "error"), now, before, strict=True):
            found[f"{name}_looks"] += is_sure
            found[f"{name}_told"] += is_sure and not was
        before = now
    return found


def delays(rng: np.random.Generator, runs: int, per_minute: float, *, fails: float, slow: float) -> list[int]:
    found = []
    for _ in range(runs):
        window: deque[dict[int, int]] = deque(maxlen=5)
        errors: deque[tuple[int, int]] = deque(maxlen=15)
        for minute in range(-15, 60):
            n = int(rng.poisson(per_minute))
            broken = minute >= 0
            window.append(minute_of(rng, n, 0.0, slow=slow if broken else 1.0) if n else {})
            errors.append((int(rng.binomial(n, fails if broken else 0.002)), n))
            if broken and any(look(window, errors)):
                found.append(minute + 1)
                break
        else:
            found.append(60)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--weeks", type=int, default=26)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20261124)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadscoring.settings")
    import django

    django.setup()
    rng = np.random.default_rng(options.seed)
    found: dict[str, Any] = {"weeks": options.weeks, "runs": options.runs, "seed": options.seed}
    cases = {"slow_x8": (0.002, 8.0), "failing_5_percent": (0.05, 1.0), "all_failing": (1.0, 1.0)}
    for per_minute in (12, 120):
        for stall_s in (12, 30):
            name = f"quiet_{per_minute}_calls_a_minute_stalls_of_{stall_s}_s"
            found[name] = quiet(rng, options.weeks, per_minute, stall_s=stall_s)
        for name, (fails, slow) in cases.items():
            minutes = delays(rng, options.runs, per_minute, fails=fails, slow=slow)
            found[f"{name}_at_{per_minute}"] = {
                "median": float(np.median(minutes)),
                "p95": float(np.quantile(minutes, 0.95)),
                "most": max(minutes),
            }
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name.replace('_', ' '):<40} {value}")


if __name__ == "__main__":
    main()
