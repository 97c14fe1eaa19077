"""How often a drift check cries wolf, and how often it hears one: 40 features, weekly, for a year.

Run `python -m benchmarks.simulations.drift` (about five minutes on one core); `--years`, `--shifts` and `--seed` change
the run. Features are of every kind: bell-shaped and skewed numbers, numbers of few values, with and without missing
ones, yes/no and categories of 3 to 30 levels. The reference is drawn once a year and binned as a version's is.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.stats.drift import Drift, Window, compare, rows_needed
from monitoring.stats.levels import Level, Limits, judge, level_of_one
from scoring.ml.feature_bins import FeatureBins, bins_of_categories, bins_of_numbers

Draw = Callable[[np.random.Generator, int, float], NDArray[np.generic]]
SIZES = (50, 200, 1000, 20_000)
REFERENCE_ROWS, WEEKS, FEATURES = 10_000, 52, 40
LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Feature:
    """How values of a feature arise, and the bins and counts of its reference."""

    draw: Draw
    bins: FeatureBins
    reference: Window

    @property
    def ordered(self) -> int:
        """Bins on a line."""
        return self.bins.size - 1 if self.bins.edges is not None else 0

    def week(self, rng: np.random.Generator, n: int, shift: float = 0.0) -> Drift:
        """A week of `n` leads, its numbers moved by so many standard deviations, beside the reference."""
        current = Window(self.bins.count(self.draw(rng, n, shift)))
        return compare(current, self.reference, ordered=self.ordered)


def _normal(rng: np.random.Generator, n: int, shift: float) -> NDArray[np.float64]:
    return rng.normal(shift, size=n)


def _skewed(rng: np.random.Generator, n: int, shift: float) -> NDArray[np.float64]:
    return np.exp(rng.normal(shift, size=n))


def _few_values(rng: np.random.Generator, n: int, shift: float) -> NDArray[np.float64]:
    return rng.poisson(2 + shift * np.sqrt(2), size=n).astype(np.float64)


def _gaps(rng: np.random.Generator, n: int, shift: float) -> NDArray[np.float64]:
    return np.where(rng.random(n) < 0.15, np.nan, rng.normal(shift, size=n))


def _yes_no(rng: np.random.Generator, n: int, shift: float) -> NDArray[np.float64]:
    return np.where(rng.random(n) < 0.02, np.nan, (rng.random(n) < 0.3).astype(np.float64))


def _levels(count: int) -> Draw:
    names = np.array([f"level {index}" for index in range(count)], dtype=object)
    weight = 1 / np.arange(1, count + 1)
    share = np.cumsum(weight / weight.sum())

    def draw(rng: np.random.Generator, n: int, shift: float) -> NDArray[np.object_]:
        found = names[np.searchsorted(share, rng.random(n) * share[-1])]
        found[rng.random(n) < 0.03] = None
        return found

    return draw


DRAWS: tuple[Draw, ...] = (
    _normal,
    _skewed,
    _few_values,
    _gaps,
    _yes_no,
    _levels(3),
    _levels(8),
    _levels(30),
)


def features(rng: np.random.Generator) -> list[Feature]:
    """Forty features with fresh references."""
    found = []
    for index in range(FEATURES):
        draw = DRAWS[index % len(DRAWS)]
        column = draw(rng, REFERENCE_ROWS, 0.0)
        bins = (
            bins_of_categories(column)
            if column.dtype == object
            else bins_of_numbers(column.astype(np.float64))
        )
        found.append(Feature(draw, bins, Window(bins.count(column))))
    return found


def check(rows: Sequence[Feature], drifts: Sequence[Drift], looks: float) -> list[Level]:
    """Levels of one check."""
    alone = level_of_one(len(rows), looks_per_week=looks)
    needed = [rows_needed(one.reference.counts, psi=LIMITS.warning, p=alone) for one in rows]
    return [one.level for one in judge(drifts, [LIMITS] * len(rows), needed, looks_per_week=looks)]


def quiet_years(n: int, years: int, seed: int) -> tuple[int, int, int]:
    """Years with any critical row, years with any warning or worse, and rows that warned, when nothing changes."""
    critical = warned = rows = 0
    for year in range(years):
        rng = np.random.default_rng([seed, n, year])
        known = features(rng)
        levels = [level for _ in range(WEEKS) for level in check(known, [f.week(rng, n) for f in known], 1.0)]
        loud = [level for level in levels if level in (Level.WARNING, Level.CRITICAL)]
        critical += Level.CRITICAL in loud
        warned += bool(loud)
        rows += len(loud)
    return critical, warned, rows


def heard(n: int, shift: float, times: int, looks: float, seed: int) -> float:
    """Share of first weeks in which one number moved by `shift` standard deviations warns or worse."""
    hits = 0
    for turn in range(times):
        rng = np.random.default_rng([seed, n, turn, 7])
        known = features(rng)
        drifts = [one.week(rng, n, shift if index == 0 else 0.0) for index, one in enumerate(known)]
        hits += check(known, drifts, looks)[0] in (Level.WARNING, Level.CRITICAL)
    return hits / times


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--years", type=int, default=20, help="quiet years at each size (20)")
    parser.add_argument("--shifts", type=int, default=200, help="moved weeks at each size (200)")
    parser.add_argument("--seed", type=int, default=20261124)
    options = parser.parse_args()
    begin = time.perf_counter()
    print(
        "| nothing changes: leads a week | years | with a critical row | with any warning | rows that warned |"
    )
    print("| --- | --- | --- | --- | --- |")
    for n in SIZES:
        critical, warned, rows = quiet_years(n, options.years, options.seed)
        print(f"| {n:,} | {options.years} | {critical} | {warned} | {rows} |", flush=True)
    print("\n| one number moves by: leads a week | weeks | heard at once, weekly check | daily check |")
    print("| --- | --- | --- | --- |")
    for n, shift in ((200, 0.6), (1000, 0.6), (20_000, 0.6), (200, 1.0), (1000, 0.5)):
        weekly, daily = (heard(n, shift, options.shifts, looks, options.seed) for looks in (1.0, 7.0))
        print(f"| {shift} sd: {n:,} | {options.shifts} | {weekly:.1%} | {daily:.1%} |", flush=True)
    print(f"\n{time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main()
