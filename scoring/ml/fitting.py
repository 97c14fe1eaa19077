"""One model from rows: encoder and estimator together, and the same over folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd

from scoring.ml.budget import Budget
from scoring.ml.designs import (
    Design,
    Levels,
    NamedPair,
    bayes_design,
    boosting_design,
    fit_levels,
    joined,
    linear_design,
    one_hot_design,
)
from scoring.ml.encoding import Encoder
from scoring.ml.estimators import (
    Bools,
    Boosting,
    Estimator,
    dataset,
    fit_logistic,
    fit_naive_bayes,
    fit_prior,
    fit_trees,
    lightgbm_parameters,
)
from scoring.ml.parallel import run_side_by_side
from scoring.ml.pipeline import Floats, transform
from scoring.ml.splits import stratified_folds
from scoring.ml.values import FeatureSpec

Specs = tuple[FeatureSpec, ...]
Tick = Callable[[], None]
OUT_OF_FOLD = 12
"""Added to the seed: which folds `out_of_fold` takes."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that must be said to fit a model again on other rows; with `pairs` they are not chosen anew."""

    max_pairs: int
    seed: int
    kind: str = "prior"
    settings: Mapping[str, float | int] = field(default_factory=dict)
    rounds: int = 0
    pairs: tuple[NamedPair, ...] | None = None

    def choosing(self, kind: str, settings: Mapping[str, float | int], rounds: int) -> Recipe:
        """The same encoding with a rung and its settings."""
        return replace(self, kind=kind, settings=settings, rounds=rounds)


@dataclass(frozen=True, slots=True)
class FittedModel:
    """An encoder and the estimator that reads it."""

    encoder: Encoder
    estimator: Estimator

    def margins(self, frame: pd.DataFrame) -> Floats:
        """Log-odds before calibration of parsed leads; shape (rows,)."""
        return self.estimator.margins(transform(self.encoder, frame))


def design_for(kind: str, levels: Levels, *, one_hot: bool = False) -> Design:
    """The design a rung is trained on; boosting has two, of which this is that of its trees.

    `one_hot` gives the logistic rung a column per level instead of one per key.
    """
    if kind == "naive_bayes":
        return bayes_design(levels)
    if kind == "logistic":
        return one_hot_design(levels) if one_hot else linear_design(levels)
    if kind == "boosting":
        return boosting_design(levels)
    return Design(Encoder((), ()), np.zeros((len(levels.y), 0)))


def fit_on_levels(levels: Levels, recipe: Recipe, tick: Tick) -> FittedModel:
    """The recipe's rung on levels already learnt."""
    if recipe.kind == "prior":
        return FittedModel(Encoder((), ()), fit_prior(levels.y))
    if recipe.kind == "naive_bayes":
        design = bayes_design(levels)
        return FittedModel(design.encoder, fit_naive_bayes(design.matrix, levels.y))
    one_hot = recipe.kind == "logistic" and recipe.settings.get("one_hot")
    design = one_hot_design(levels) if one_hot else linear_design(levels)
    linear = fit_logistic(design.matrix, levels.y, float(recipe.settings["penalty"]), tick=tick)
    if recipe.kind == "logistic":
        return FittedModel(design.encoder, linear)
    trees = boosting_design(levels)
    data = dataset(trees.matrix, levels.y, trees.categorical, linear.margins(design.matrix))
    settings = {name: value for name, value in recipe.settings.items() if name != "penalty"}
    booster = fit_trees(data, lightgbm_parameters(settings, seed=recipe.seed), recipe.rounds, tick=tick)
    return FittedModel(joined(design, trees).encoder, Boosting(linear, booster, recipe.rounds))


def fit_recipe(specs: Specs, frame: pd.DataFrame, y: Bools, recipe: Recipe, tick: Tick) -> FittedModel:
    """Encoder and estimator of the recipe on these rows."""
    levels = fit_levels(specs, frame, y, max_pairs=recipe.max_pairs, seed=recipe.seed, pairs=recipe.pairs)
    return fit_on_levels(levels, recipe, tick)


@dataclass(frozen=True, slots=True)
class LadderFold:
    """One fold of the training part: what was learnt from the other rows, and the held-out rows."""

    levels: Levels
    held: pd.DataFrame
    held_rows: np.ndarray[tuple[int], np.dtype[np.int64]]
    held_y: Bools


def ladder_folds(
    specs: Specs, frame: pd.DataFrame, y: Bools, recipe: Recipe, folds: int, threads: int, budget: Budget
) -> list[LadderFold]:
    """The stratified folds of the training part, each encoded without its held-out rows."""
    fold = stratified_folds(y, folds, recipe.seed + 11)

    def encode(k: int, tick: Tick) -> LadderFold:
        tick()
        rest, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        levels = fit_levels(specs, frame.iloc[rest], y[rest], max_pairs=recipe.max_pairs, seed=recipe.seed)
        return LadderFold(levels, frame.iloc[held], held, y[held])

    return run_side_by_side([partial(encode, k) for k in range(folds)], threads=threads, budget=budget)


def out_of_fold(
    specs: Specs, frame: pd.DataFrame, y: Bools, recipe: Recipe, folds: int, threads: int, budget: Budget
) -> Floats:
    """Log-odds of each row by a model that never met it; shape (rows,)."""
    fold = stratified_folds(y, folds, recipe.seed + OUT_OF_FOLD)

    def fit(k: int, tick: Tick) -> Floats:
        rest = np.flatnonzero(fold != k)
        model = fit_recipe(specs, frame.iloc[rest], y[rest], recipe, tick)
        return model.margins(frame.iloc[np.flatnonzero(fold == k)])

    parts = run_side_by_side([partial(fit, k) for k in range(folds)], threads=threads, budget=budget)
    margins = np.empty(len(y))
    for k, part in enumerate(parts):
        margins[fold == k] = part
    return margins
