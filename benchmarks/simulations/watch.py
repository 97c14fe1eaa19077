"""The watch as a whole on the simulated business, through services and rows: quiet half years, and how soon each
breakage is told.

    python -m benchmarks.simulations.watch --seeds 20        # hours; one seed of each is about half an hour
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: Per scenario: leads a week, quiet weeks before, weeks after the onset, hours between looks outside the onset, and the
#: kinds of alert that tell it.
PLAYS: dict[str, tuple[int, int, int, int, tuple[str, ...]]] = {
    "quiet": (600, 13, 13, 6, ()),
    "broken-field": (1_500, 5, 1, 6, ("missing_values", "feature_drift")),
    "dead-source": (1_500, 5, 1, 6, ("volume", "feature_drift")),
    "covariate-shift": (1_500, 5, 5, 12, ("feature_drift", "score_drift", "slow_change")),
    "changed-law": (800, 4, 18, 12, ("ranking", "calibration", "grade_order", "estimated_ranking")),
}


def main() -> None:
    """Play every scenario with every seed; print what came when."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--scenario", choices=sorted(PLAYS), action="append")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {
        name: [summary(name, play(name, seed)) for seed in range(1, options.seeds + 1)]
        for name in options.scenario or PLAYS
    }
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print("| scenario | seeds | told by | alerts before the onset | alerts in all |")
    print("| --- | --- | --- | --- | --- |")
    for name, runs in found.items():
        told = [run["hours"] for run in runs if run["hours"] is not None]
        words = f"{len(told)} of {len(runs)}" + (f", after {median(told):.1f} h (median)" if told else "")
        before = sum(run["before"] for run in runs)
        levels = Counter(level for run in runs for level in run["levels"])
        print(
            f"| {name} | {len(runs)} | {'–' if name == 'quiet' else words} | {before} | "
            f"{', '.join(f'{n} {level}' for level, n in sorted(levels.items())) or 'none'} |"
        )


def play(name: str, seed: int) -> dict[str, Any]:
    """One drill in a database of its own."""
    per_week, before, weeks, hours, _ = PLAYS[name]
    words = [
        sys.executable, str(ROOT / "manage.py"), "drill", name, "--json", f"--seed={seed}", f"--per-week={per_week}",
        f"--before={before}", f"--weeks={weeks}", f"--look-hours={hours}",
    ]  # fmt: skip
    ended = subprocess.run(words, capture_output=True, text=True, check=True)
    return dict(json.loads(ended.stdout))


def summary(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """When the first alert of the kinds that tell the scenario came after its onset, and all levels."""
    kinds = PLAYS[name][4]
    after = [
        one["hours_after"] for one in found["alerts"] if one["kind"] in kinds and one["hours_after"] >= 0
    ]
    return {
        "seed": found["seed"],
        "hours": min(after, default=None),
        "before": sum(one["hours_after"] < 0 for one in found["alerts"]) if name != "quiet" else 0,
        "levels": [one["level"] for one in found["alerts"]],
        "titles": [one["title"] for one in found["alerts"]],
        "leads": found["leads"],
    }


if __name__ == "__main__":
    main()
