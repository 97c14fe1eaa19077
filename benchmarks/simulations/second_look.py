"""Does the forecast of the learning curve come true, and does the interval over repeated splits cover?

Run `python -m benchmarks.simulations.second_look` (about ten minutes on one core); `--reps` and `--seed` change the
run. The world is that of `weak_slices` without a weak group; the truth is read off 40,000 further leads.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.simulations.weak_slices import TRAINABLE, Planted, draw
from scoring.ml.calibration import Calibrator
from scoring.ml.delong import delong_auc
from scoring.ml.fitting import Recipe, fit_recipe
from scoring.ml.learning import LearningCurve, learning_curve, plan_learning
from scoring.ml.repeats import split_jobs, split_spread
from scoring.ml.splits import choose_split

Bools = NDArray[np.bool_]

LARGE = 40_000
TEST_SHARE = 0.2


def quiet() -> None:
    """Nothing to stop for."""


def auc_on(
    frame: pd.DataFrame, y: Bools, rows: NDArray[np.int64], recipe: Recipe, large: tuple[pd.DataFrame, Bools]
) -> float:
    """The true AUC of the recipe fitted on these rows, near enough."""
    model = fit_recipe(TRAINABLE, frame.iloc[rows], y[rows], recipe, quiet)
    return delong_auc(large[1], model.margins(large[0])).value


def one_curve(frame: pd.DataFrame, y: Bools, recipe: Recipe) -> LearningCurve:
    """The learning curve as training draws it."""
    split = choose_split(frame, y, None, "none", share=TEST_SHARE, seed=recipe.seed)
    plan = plan_learning(TRAINABLE, frame, y, split, recipe)
    assert not isinstance(plan, str)
    full = fit_recipe(TRAINABLE, frame.iloc[split.train], y[split.train], recipe, quiet)
    margins = [job(quiet) for _, job in plan.jobs]
    curve = learning_curve(
        plan,
        margins,
        y,
        split,
        Calibrator("identity"),
        full.margins(frame.iloc[split.test]),
        seed=recipe.seed,
    )
    assert curve is not None
    return curve


def forecasts(n: int, reps: int, seed: int) -> tuple[float, float, float, float]:
    """Share of intervals that hold the true expected gain, the mean forecast, the true gain, the mean width."""
    large = draw(LARGE, Planted(), np.random.default_rng(seed - 1))
    curves, gains = [], []
    for r in range(reps):
        recipe = Recipe(0, r, "logistic", {"penalty": 10.0})
        frame, y = draw(2 * n, Planted(), np.random.default_rng([seed, r]))
        curve = one_curve(frame.iloc[:n], y[:n], recipe)
        now = round(n * (1 - TEST_SHARE))
        curves.append(curve.gain)
        gains.append(
            auc_on(frame, y, np.arange(now + curve.more), recipe, large)
            - auc_on(frame, y, np.arange(now), recipe, large)
        )
    true = float(np.mean(gains))
    held = float(np.mean([gain.low <= true <= gain.high for gain in curves]))
    return held, mean([g.value for g in curves]), true, mean([g.high - g.low for g in curves])


def splits(n: int, reps: int, seed: int) -> tuple[float, float, float]:
    """Share of corrected and of plain intervals that hold the true expected AUC, and how often one more split fits."""
    large = draw(LARGE, Planted(), np.random.default_rng(seed - 1))
    test = round(n * TEST_SHARE)
    spreads, plain, aucs, fits = [], [], [], []
    for r in range(reps):
        recipe = Recipe(0, r, "logistic", {"penalty": 10.0})
        frame, y = draw(n, Planted(), np.random.default_rng([seed, r]))
        found = [job(quiet) for _, job in split_jobs(TRAINABLE, frame, y, recipe, test)]
        known = delong_auc(y, frame["budget"].to_numpy())
        made = split_spread(found[:-1], n, test_leads=test, test_auc=known, newest=False)
        assert made is not None
        spreads.append(made.spread)
        half = 2.306 * made.spread.deviation / 3.0
        plain.append((made.spread.mean.value - half, made.spread.mean.value + half))
        fits.append(made.spread.one_low <= found[-1] <= made.spread.one_high)
        aucs.append(auc_on(frame, y, np.arange(n - test), recipe, large))
    true = float(np.mean(aucs))
    corrected = float(np.mean([s.mean.low <= true <= s.mean.high for s in spreads]))
    return corrected, float(np.mean([low <= true <= high for low, high in plain])), float(np.mean(fits))


def mean(values: Sequence[float]) -> float:
    """The plain mean."""
    return float(np.mean(values))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20261125)
    asked = parser.parse_args()
    print("| leads | runs | interval holds the true gain | mean forecast | true gain | mean width |")
    print("| --- | --- | --- | --- | --- | --- |")
    for n in (1000, 4000):
        held, told, true, width = forecasts(n, asked.reps, asked.seed)
        print(
            f"| {n:,} | {asked.reps} | {held:.0%} | {told:.4f} | {true:.4f} | {width:.4f} |".replace(
                "%", " %"
            ),
            flush=True,
        )
    print(
        "\n| leads | runs | corrected interval covers | uncorrected one covers | one more split falls in its band |"
    )
    print("| --- | --- | --- | --- | --- |")
    for n in (1000, 4000):
        corrected, plain, fits = splits(n, asked.reps, asked.seed)
        print(
            f"| {n:,} | {asked.reps} | {corrected:.0%} | {plain:.0%} | {fits:.0%} |".replace("%", " %"),
            flush=True,
        )


if __name__ == "__main__":
    main()
