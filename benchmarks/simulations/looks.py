"""How often looks at data quality cry wolf: one every five minutes, for many quiet weeks.

Run `python -m benchmarks.simulations.looks` (about a minute a week of 60 leads a day and core); `--weeks`, `--leads`
and `--seed` change the run. Leads come by day and night (three in four within twelve hours), some values are missing
as they always are, and each look sees the last 5, 15 and 60 minutes, 6 and 24 hours, by all leads and by source, as the
service does. Bar: at most one week in a hundred with a warning (the error a week may spend), shown with its interval.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from monitoring.stats.comparison import segments_looked_at
from monitoring.stats.folding import Folder, Scored
from monitoring.stats.profiles import Layout, Profile
from monitoring.stats.surveillance import Stretch, defects
from scoring.ml.intervals import wilson
from scoring.ml.reference import ReferenceProfile, reference_profile
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_frame

SLICES_A_DAY, SLICES_A_WEEK = 288, 2016
WINDOWS = {5: 1, 15: 3, 60: 12, 360: 72, 1440: 288}
SOURCES = ("Website", "Referral", "Fair", "Mail", "Partner")
SCHEMA = FeatureSchema(
    (
        FeatureSpec("source", "Source", Kind.CATEGORY, segment=True),
        *(
            FeatureSpec(f"number {i}", f"Number {i}", Kind.NUMBER, minimum=-3.0, maximum=3.0)
            for i in range(8)
        ),
        *(FeatureSpec(f"category {i}", f"Category {i}", Kind.CATEGORY) for i in range(8)),
    )
)
Key = tuple[str, int]


def leads(rng: np.random.Generator, n: int) -> list[dict[str, Any]]:
    """Leads as they always come: numbers out of range in three of a thousand, up to 15 % missing."""
    rows: list[dict[str, Any]] = [
        {"source": str(one)} for one in rng.choice(SOURCES, n, p=[0.4, 0.25, 0.15, 0.12, 0.08])
    ]
    for i in range(8):
        values, gone = rng.normal(size=n).round(2).tolist(), (rng.random(n) < 0.02 * i).tolist()
        levels = rng.zipf(1.6, n).tolist()
        for row, value, absent, level in zip(rows, values, gone, levels, strict=True):
            row[f"number {i}"] = None if absent else value
            row[f"category {i}"] = f"level {min(level, 400)}"
    return rows


def reference(rng: np.random.Generator, n: int) -> ReferenceProfile:
    """What the version was judged against."""
    frame = parse_frame(SCHEMA, pd.DataFrame(leads(rng, n), dtype=object))
    return reference_profile(frame, SCHEMA, np.full(n, 0.2), np.full(n, 20))


def folded(folder: Folder, rows: Sequence[Mapping[str, Any]]) -> dict[Key, Profile]:
    ones = np.ones(len(rows))
    found = folder.fold(
        Scored([json.dumps(row) for row in rows], ones / 5, ones.astype(np.int64), ["C"] * len(rows), ones)
    )
    return {key: one.without_sketches() for key, one in found.items()}


def looks(rng: np.random.Generator, folder: Folder, a_day: float) -> Iterator[list[Stretch]]:
    """The looks of a week after a first day, where a slice brought leads; others see what was seen before, or less."""
    hours = np.arange(SLICES_A_WEEK + SLICES_A_DAY) % SLICES_A_DAY // 12
    rate = np.where((hours >= 8) & (hours < 20), 0.75, 0.25) * a_day / 144
    slices: list[dict[Key, Profile]] = []
    for place, came in enumerate(rng.poisson(rate).tolist()):
        slices.append(folded(folder, leads(rng, came)) if came else {})
        if came and place >= SLICES_A_DAY:
            yield [Stretch(minutes, total(folder, slices[-back:])) for minutes, back in WINDOWS.items()]


def total(folder: Folder, slices: Sequence[Mapping[Key, Profile]]) -> dict[Key, Profile]:
    found: dict[Key, Profile] = {("", 0): Profile.empty(folder.layout)}
    for one in slices:
        for key, profile in one.items():
            found[key] = found[key].merge(profile) if key in found else profile
    return found


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--weeks", type=int, default=200)
    parser.add_argument("--leads", type=float, default=60.0, help="leads a day")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    begin, warned, critical, seen = time.perf_counter(), 0, 0, 0
    for _ in range(asked.weeks):
        learned = reference(rng, 4000)
        folder = Folder(Layout.of(learned), SCHEMA)
        segments = segments_looked_at(learned)
        week = [
            one for stretches in looks(rng, folder, asked.leads)
            for one in [defects(learned, folder.layout, stretches, segments)]
        ]  # fmt: skip
        seen += len(week)
        warned += any(one.warning for found in week for one in found)
        critical += any(one.critical for found in week for one in found)
    share = wilson(warned, asked.weeks)
    print(
        f"{asked.weeks} quiet weeks of {asked.leads:g} leads a day, {seen:,} looks with new leads: "
        f"{warned} with a warning ({share.value:.1%}, 95 % interval {share.low:.1%} to {share.high:.1%}; bar 1 %), "
        f"{critical} critical; {time.perf_counter() - begin:.0f} s"
    )


if __name__ == "__main__":
    main()
