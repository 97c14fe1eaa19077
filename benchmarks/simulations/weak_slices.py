"""Does the search for weak groups stay quiet where there are none, and does it find one that is planted?

Run `python -m benchmarks.simulations.weak_slices` (about ten minutes on one core); `--reps` and `--seed` change the
run. Each training fits the rung out of fold on fresh leads, calibrates it and looks for weak groups, as training does.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from scoring.ml.budget import Budget
from scoring.ml.fitting import OUT_OF_FOLD, Recipe, out_of_fold
from scoring.ml.judging import cross_calibrated
from scoring.ml.search import first_settings
from scoring.ml.slice_words import Slice
from scoring.ml.slices import find_slices
from scoring.ml.splits import stratified_folds
from scoring.ml.values import FeatureSpec, Kind

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FOLDS, MAX_PAIRS = 5, 24
SOURCES = ("Web", "Referral", "Fair", "Partner", "Newsletter", "Phone", "Ads", "Agent")
COUNTRIES = ("AE", "IN", "GB", "DE", "FR", "US", "CN", "EG", "PK", "SA")
TRAINABLE = (
    FeatureSpec("source", "Source", Kind.CATEGORY),
    FeatureSpec("country", "Country", Kind.CATEGORY),
    FeatureSpec("pages", "Pages", Kind.NUMBER),
    FeatureSpec("budget", "Budget", Kind.NUMBER),
    FeatureSpec("demo", "Demo requested", Kind.YES_NO),
    FeatureSpec("note", "Message", Kind.TEXT),
)
SENSITIVE = FeatureSpec("group", "Group", Kind.CATEGORY, sensitive=True)
"""Held out of training and looked at all the same: one lead in eight is in each of its eight levels."""
IMPORTANCE = {"source": 0.3, "budget": 0.3, "pages": 0.2, "demo": 0.15, "country": 0.05}


@dataclass(frozen=True, slots=True)
class Planted:
    """What is wrong for the leads of one group: log-odds added, and how much of the law holds there (1 = all)."""

    shift: float = 0.0
    strength: float = 1.0


def draw(n: int, planted: Planted, rng: np.random.Generator) -> tuple[pd.DataFrame, Bools]:
    """Leads of a world in which effects add up, but for the planted group; about one in four converts."""
    source, country = rng.integers(0, 8, n), rng.integers(0, 10, n)
    pages, budget = rng.poisson(4, n).astype(float), rng.normal(0, 1, n)
    demo, group = rng.random(n) < 0.3, rng.integers(0, 8, n)
    law = np.linspace(-0.9, 0.9, 8)[source] + np.linspace(-0.3, 0.3, 10)[country]
    law += 0.12 * (pages - 4) + 0.6 * budget + 0.7 * demo
    in_group = group == 0
    odds = -1.4 + np.where(in_group, planted.strength * law + planted.shift, law)
    y = rng.random(n) < expit(odds)
    pages[rng.random(n) < 0.1] = np.nan
    columns = {
        "source": np.array(SOURCES, dtype=object)[source],
        "country": np.array(COUNTRIES, dtype=object)[country],
        "pages": pages,
        "budget": budget,
        "demo": demo.astype(float),
        "note": np.where(rng.random(n) < 0.5, "asks for a call", np.array(None, dtype=object)),
        "group": np.array([f"group {k}" for k in range(8)], dtype=object)[group],
    }
    # Each column keeps its dtype: pandas would turn objects into its own strings.
    frame = pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in columns.items()})
    return frame, y


def look(n: int, rung: str, planted: Planted, seed: int) -> tuple[Slice, ...]:
    """The flagged groups of one training."""
    frame, y = draw(n, planted, np.random.default_rng(seed))
    settings: dict[str, float | int] = {"penalty": 10.0}
    if rung == "boosting":
        settings |= first_settings(n)
    recipe = Recipe(MAX_PAIRS, seed, rung, settings, rounds=60 if rung == "boosting" else 0)
    budget = Budget(1e9, lambda message, share: None, lambda: False, time.monotonic)
    margins = out_of_fold(TRAINABLE, frame, y, recipe, FOLDS, 1, budget)
    p = cross_calibrated(y, margins, FOLDS, seed)
    fold = stratified_folds(y, FOLDS, seed + OUT_OF_FOLD)
    return find_slices((*TRAINABLE, SENSITIVE), frame, y, p, fold, IMPORTANCE, seed=seed).weak


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=20261124)
    asked = parser.parse_args()
    print("| no weak group: model | n | trainings | with any flagged group | flagged groups a training |")
    print("| --- | --- | --- | --- | --- |")
    for rung, n in (("logistic", 2000), ("logistic", 8000), ("boosting", 4000)):
        found = [len(look(n, rung, Planted(), asked.seed + 7 * r)) for r in range(asked.reps)]
        quiet = np.array(found)
        print(
            f"| {rung} | {n:,} | {asked.reps} | {np.mean(quiet > 0):.1%} | {quiet.mean():.3f} |".replace(
                "%", " %"
            ),
            flush=True,
        )
    print("\n| one group in eight is weak: how | n | trainings | found | other groups flagged as well |")
    print("| --- | --- | --- | --- | --- |")
    for words, planted in (
        ("converts less: log-odds −0.7", Planted(shift=-0.7)),
        ("converts less: log-odds −1.2", Planted(shift=-1.2)),
        ("features tell nothing there", Planted(strength=0.0)),
        ("features tell the opposite there", Planted(strength=-1.0)),
    ):
        for n in (2000, 8000):
            reps = max(asked.reps // 5, 10)
            weak = [look(n, "logistic", planted, asked.seed + 11 * r) for r in range(reps)]
            hit = [any(one.name.startswith("Group: group 0") for one in found) for found in weak]
            other = [any("group 0" not in one.name for one in found) for found in weak]
            print(
                f"| {words} | {n:,} | {reps} | {np.mean(hit):.0%} | {np.mean(other):.0%} |".replace(
                    "%", " %"
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
