"""How many planted leaks the audit holds out, and how many honest columns it holds out by mistake.

python -m benchmarks.leak_audit --files 40 [--holdout 20] [--first SEED] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.leak_files import LeadFile, make_file
from benchmarks.leak_holdout import make_holdout
from scoring.ml.drafting import draft_features
from scoring.ml.leakage import audit
from scoring.ml.proportions import wilson


@dataclass(slots=True)
class Tally:
    """Columns held out and columns seen, for each kind; and how long the audits took."""

    leaks: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    honest: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    undrafted: int = 0
    seconds: list[float] = field(default_factory=list)

    def add(self, file: LeadFile) -> None:
        """Draft and audit one file, and count what was held out."""
        started = time.perf_counter()
        draft = draft_features(file.frame, file.target, created=file.created)
        columns = audit(file.frame, draft.schema, file.target, created=file.created)
        self.seconds.append(time.perf_counter() - started)
        for column in columns:
            if column.name in file.leaks:
                self.leaks[file.leaks[column.name]].append(column.held_out)
            else:
                self.honest[file.honest[column.name]].append(column.held_out)
                self.undrafted += not draft.schema.by_name[column.name].trainable

    def to_json(self) -> dict[str, Any]:
        """Both rates with intervals, in total and by kind."""
        return {
            "leaks_held_out": _rate([hit for hits in self.leaks.values() for hit in hits]),
            "honest_held_out": _rate([hit for hits in self.honest.values() for hit in hits]),
            "honest_left_out_by_the_draft": self.undrafted,
            "slowest_file_seconds": round(max(self.seconds), 2),
            "leaks_by_kind": {kind: _rate(hits) for kind, hits in sorted(self.leaks.items())},
            "honest_by_kind": {kind: _rate(hits) for kind, hits in sorted(self.honest.items())},
        }


def run(make: Callable[[int], LeadFile], seeds: range) -> Tally:
    """Audit the files of these seeds."""
    tally = Tally()
    for seed in seeds:
        file = make(seed)
        tally.add(file)
        print(f"{file.name}: {len(file.target):,} rows, {file.target.mean():.1%} converted", file=sys.stderr)
    return tally


def _rate(hits: list[bool]) -> dict[str, Any]:
    found = wilson(sum(hits), len(hits))
    numbers = {"share": found.value, "low": found.low, "high": found.high}
    return {**{name: round(value, 4) for name, value in numbers.items()}, "n": found.n}


def _table(title: str, report: dict[str, Any]) -> list[str]:
    lines = [title]
    for name in ("leaks_held_out", "honest_held_out"):
        rate = report[name]
        interval = f"{rate['low']:.1%} to {rate['high']:.1%}, n = {rate['n']}"
        lines.append(f"  {name.replace('_', ' ')}: {rate['share']:.1%} ({interval})")
    lines.append(f"  honest columns left out by the draft: {report['honest_left_out_by_the_draft']}")
    lines.append(f"  slowest file: {report['slowest_file_seconds']} s for draft and audit")
    for side in ("leaks_by_kind", "honest_by_kind"):
        for kind, rate in report[side].items():
            lines.append(f"    {side.split('_')[0]:>6} {kind:<20} {rate['share']:>6.1%} of {rate['n']}")
    return lines


def main() -> None:
    """Run both sets of files and print the rates, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--files", type=int, default=40, help="files of the families the audit was built against"
    )
    parser.add_argument("--holdout", type=int, default=20, help="files of the families it was not")
    parser.add_argument("--first", type=int, default=1000, help="first seed")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    reports = {}
    if options.files:
        reports["files"] = run(make_file, range(options.first, options.first + options.files)).to_json()
    if options.holdout:
        seeds = range(options.first, options.first + options.holdout)
        reports["holdout"] = run(make_holdout, seeds).to_json()
    if options.json:
        print(json.dumps(reports, sort_keys=True))
        return
    for name, report in reports.items():
        print("\n".join(_table(f"{name}:", report)))


if __name__ == "__main__":
    main()
