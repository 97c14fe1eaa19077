"""The climb: every allowed rung, tuned and judged out of fold on the training part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from scoring.ml.budget import Budget
from scoring.ml.estimators import Bools, fit_logistic, fit_naive_bayes, fit_prior
from scoring.ml.fitting import LadderFold, design_for
from scoring.ml.pipeline import Floats, transform
from scoring.ml.results import TrainingConfig
from scoring.ml.search import PENALTY_START, FoldData, SearchResult, search_boosting, search_logistic
from scoring.ml.selection import NAMES, Candidate, choose

LOGISTIC_TRIALS = 8
ONE_HOT_BELOW = 5000
"""With fewer training leads the logistic rung is also tried with a column per level."""
FITS_AFTER_SEARCH = 6.0
"""Boosting fits still to come, in waves of two: five folds, the test model, the ordered split, the refit."""


@dataclass(slots=True)
class Climbed:
    """Out-of-fold margins of each rung on the training part, how each was set, and which one won."""

    y: Bools
    margins: dict[str, Floats] = field(default_factory=dict)
    settings: dict[str, Mapping[str, float | int]] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def chosen(self) -> Candidate:
        """The winning rung."""
        return next(candidate for candidate in self.candidates if candidate.chosen)


def climb(
    folds: Sequence[LadderFold],
    y: Bools,
    ladder: Sequence[str],
    config: TrainingConfig,
    reserve_s: float,
    budget: Budget,
) -> Climbed:
    """Tune and judge the rungs of `ladder` on the folds of the training part with outcomes `y` (rows,).

    Settings are tried until the budget has `reserve_s` seconds left beside the fits still to come.
    """
    climbed = Climbed(y)
    penalty = PENALTY_START
    if "prior" in ladder:
        # The same number for all: fold-wise rates would rank rows by their fold and give an AUC below .5.
        climbed.margins["prior"] = fit_prior(y).margins(np.zeros((len(y), 0)))
    if "naive_bayes" in ladder:
        budget.report("Fitting naive Bayes", 0.1)
        climbed.margins["naive_bayes"] = _gather(folds, [_bayes(fold) for fold in folds], len(y))
    if "logistic" in ladder:
        budget.report("Tuning logistic regression", 0.15)
        found = _logistic(folds, config, reserve_s, budget, one_hot=False)
        if found is not None:
            penalty = float(found.settings["penalty"])
        if len(y) < ONE_HOT_BELOW:
            found = _better(found, _logistic(folds, config, reserve_s, budget, one_hot=True))
        _take(climbed, "logistic", folds, found)
    if "boosting" in ladder:
        budget.report("Tuning gradient boosting", 0.25)
        trees = search_boosting(
            [partial(_tree_data, fold, penalty, budget.tick) for fold in folds],
            trials=config.trials,
            max_rounds=config.max_rounds,
            seed=config.seed,
            threads=config.threads,
            reserve_fits=FITS_AFTER_SEARCH,
            reserve_s=reserve_s,
            budget=budget,
        )
        _take(climbed, "boosting", folds, trees)
        if "boosting" in climbed.settings:
            climbed.settings["boosting"] = {**climbed.settings["boosting"], "penalty": penalty}
        if trees is not None and trees.out_of_time:
            climbed.notes.append(
                f"The time limit of {config.timeout_s:.0f} s ended the search after {trees.tried} of "
                f"{config.trials} boosting settings; a longer limit may find better ones."
            )
    climbed.candidates = choose(y, climbed.margins, ladder)
    return climbed


def _logistic(
    folds: Sequence[LadderFold], config: TrainingConfig, reserve_s: float, budget: Budget, *, one_hot: bool
) -> SearchResult | None:
    found = search_logistic(
        [_fold_data("logistic", fold, one_hot=one_hot) for fold in folds],
        trials=min(LOGISTIC_TRIALS, config.trials),
        seed=config.seed,
        threads=config.threads,
        reserve_s=reserve_s,
        budget=budget,
    )
    if found is None or not one_hot:
        return found
    return replace(found, settings={**found.settings, "one_hot": 1})


def _better(one: SearchResult | None, other: SearchResult | None) -> SearchResult | None:
    """The one with the lower out-of-fold log loss, with the counts of both."""
    if one is None or other is None:
        return one or other
    best = min(one, other, key=lambda found: found.loss)
    return replace(best, tried=one.tried + other.tried, pruned=one.pruned + other.pruned)


def _take(climbed: Climbed, kind: str, folds: Sequence[LadderFold], found: SearchResult | None) -> None:
    if found is None:
        climbed.notes.append(f"The time limit left no room to try {NAMES[kind]}.")
        return
    climbed.margins[kind] = _gather(folds, found.margins, len(climbed.y))
    climbed.settings[kind] = found.settings
    climbed.rounds[kind] = found.rounds
    climbed.notes.append(
        f"{NAMES[kind].capitalize()}: {found.tried} settings tried, {found.pruned} of them dropped early."
    )


def _bayes(fold: LadderFold) -> Floats:
    design = design_for("naive_bayes", fold.levels)
    return fit_naive_bayes(design.matrix, fold.levels.y).margins(transform(design.encoder, fold.held))


def _fold_data(kind: str, fold: LadderFold, *, one_hot: bool = False) -> FoldData:
    design = design_for(kind, fold.levels, one_hot=one_hot)
    return FoldData(design, fold.levels.y, transform(design.encoder, fold.held), fold.held_y)


def _tree_data(fold: LadderFold, penalty: float, tick: Callable[[], None]) -> FoldData:
    """The fold for trees, with the logistic regression they build on fitted on its other rows."""
    data = _fold_data("boosting", fold)
    linear = _fold_data("logistic", fold)
    start = fit_logistic(linear.design.matrix, linear.y, penalty, tick=tick)
    return replace(
        data, start=start.margins(linear.design.matrix), held_start=start.margins(linear.held_matrix)
    )


def _gather(folds: Sequence[LadderFold], parts: Sequence[Floats], rows: int) -> Floats:
    margins = np.empty(rows)
    for fold, part in zip(folds, parts, strict=True):
        margins[fold.held_rows] = part
    return margins
