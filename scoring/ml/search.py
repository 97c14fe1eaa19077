"""Settings of the logistic and boosting rungs, chosen by cross-validated log loss with Optuna.

Each fold reports to Optuna, whose median pruner drops settings that are behind; the number of trees is
the one with the lowest log loss averaged over the folds, so no fold stops at its own best moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from scoring.ml.budget import Budget, OutOfTime
from scoring.ml.designs import Design
from scoring.ml.estimators import (
    Bools,
    Linear,
    dataset,
    fit_logistic,
    lightgbm_parameters,
)
from scoring.ml.parallel import run_side_by_side
from scoring.ml.pipeline import Floats

if TYPE_CHECKING:
    import lightgbm as lgb
    import optuna

T = TypeVar("T")
Settings = dict[str, float | int]
Tick = Callable[[], None]

PENALTY_START = 10.0
PATIENCE = 30


@dataclass(frozen=True, slots=True)
class FoldData:
    """One fold: the design of the other rows, its outcomes, and the held-out rows as numbers.

    `start` and `held_start` are the log-odds that trees build on; empty for the logistic rung.
    """

    design: Design
    y: Bools
    held_matrix: Floats
    held_y: Bools
    start: Floats = field(default_factory=lambda: np.zeros(0))
    held_start: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The best settings, the out-of-fold margins they gave (one array per fold), and how many were tried."""

    settings: Settings
    rounds: int
    loss: float
    margins: list[Floats]
    tried: int
    pruned: int
    longest_fit_s: float
    out_of_time: bool = False


@dataclass(frozen=True, slots=True)
class _Held:
    """The held-out rows of a fold, raw and binned."""

    matrix: Floats
    y: Bools
    start: Floats
    data: lgb.Dataset


class _Search:
    """The bookkeeping both searches share: folds side by side, reports to Optuna, the best so far."""

    def __init__(self, study: optuna.Study, threads: int, budget: Budget) -> None:
        self.study = study
        self.out_of_time = False
        self.longest_fit_s = 0.0
        self._threads, self._budget = threads, budget
        self._tried = self._pruned = 0
        self._best: SearchResult | None = None

    def run(
        self, trial: optuna.Trial, fit: Callable[[int, Tick], tuple[float, T]], folds: int
    ) -> list[tuple[float, T]] | None:
        """Loss and more of each fold; None when the trial was pruned or time ran out."""
        from optuna.trial import TrialState

        fits: list[tuple[float, T]] = []
        for start in range(0, folds, self._threads):
            wave = range(start, min(start + self._threads, folds))
            began = self._budget.elapsed
            try:
                found = run_side_by_side(
                    [partial(fit, k) for k in wave], threads=self._threads, budget=self._budget
                )
            except OutOfTime:
                self.study.tell(trial, state=TrialState.FAIL)
                self.out_of_time = True
                return None
            self.longest_fit_s = max(self.longest_fit_s, self._budget.elapsed - began)
            for k, item in zip(wave, found, strict=True):
                fits.append(item)
                trial.report(float(np.mean([loss for loss, _ in fits])), k)
                if k + 1 < folds and trial.should_prune():
                    self.study.tell(trial, state=TrialState.PRUNED)
                    self._tried, self._pruned = self._tried + 1, self._pruned + 1
                    return None
        return fits

    def finish(
        self, trial: optuna.Trial, loss: float, settings: Settings, rounds: int, margins: list[Floats]
    ) -> None:
        """Record a complete trial."""
        self.study.tell(trial, loss)
        self._tried += 1
        if self._best is None or loss < self._best.loss:
            self._best = SearchResult(settings, rounds, loss, margins, 0, 0, 0.0)

    def result(self) -> SearchResult | None:
        """The best trial with the counts of all."""
        if self._best is None:
            return None
        return replace(
            self._best,
            tried=self._tried,
            pruned=self._pruned,
            longest_fit_s=self.longest_fit_s,
            out_of_time=self.out_of_time,
        )


def log_loss(margin: Floats, y: Bools) -> float:
    """Mean log loss in nats of log-odds."""
    return float(np.mean(np.logaddexp(0.0, np.where(y, -margin, margin))))


def search_logistic(
    folds: list[FoldData], *, trials: int, seed: int, threads: int, reserve_s: float, budget: Budget
) -> SearchResult | None:
    """The L2 penalty with the lowest out-of-fold log loss, leaving `reserve_s` seconds for what comes after."""
    search = _Search(_study(seed), threads, budget)
    search.study.enqueue_trial({"penalty": PENALTY_START})
    starts: list[Linear | None] = [None] * len(folds)
    for _ in range(max(1, trials)):
        trial = search.study.ask()
        penalty = trial.suggest_float("penalty", 0.3, 1000.0, log=True)

        def fit(k: int, tick: Tick, penalty: float = penalty) -> tuple[float, Floats]:
            fold = folds[k]
            model = fit_logistic(fold.design.matrix, fold.y, penalty, start=starts[k], tick=tick)
            starts[k] = model
            margins = model.margins(fold.held_matrix)
            return log_loss(margins, fold.held_y), margins

        fits = search.run(trial, fit, len(folds))
        if fits is not None:
            search.finish(
                trial, float(np.mean([f[0] for f in fits])), {"penalty": penalty}, 0, [f[1] for f in fits]
            )
        if search.out_of_time or budget.left < reserve_s:
            break
    return search.result()


def first_settings(rows: int) -> Settings:
    """Settings that are good on most lead files; small ones get smaller, more regularised trees."""
    small = rows < 5000
    return {
        "learning_rate": 0.05,
        "num_leaves": 6 if small else 12,
        "max_depth": 3 if small else 4,
        "min_data_in_leaf": 30 if small else 50,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "lambda_l2": 10.0,
        "path_smooth": 5.0,
    }


def suggest_settings(trial: optuna.Trial, rows: int) -> Settings:
    """One set of boosting settings; depth is bounded because exact reasons cost depth squared per leaf."""
    small = rows < 5000
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.15, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 16 if small else 48, log=True),
        "max_depth": trial.suggest_int("max_depth", 2, 5 if small else 8),
        "min_data_in_leaf": trial.suggest_int(
            "min_data_in_leaf", 10, max(40, min(300, rows // 50)), log=True
        ),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 100.0, log=True),
        "path_smooth": trial.suggest_float("path_smooth", 0.0, 40.0),
    }


def search_boosting(
    folds: Iterable[Callable[[], FoldData]],
    *,
    trials: int,
    max_rounds: int,
    seed: int,
    threads: int,
    reserve_fits: float,
    reserve_s: float,
    budget: Budget,
) -> SearchResult | None:
    """Boosting settings and number of trees with the lowest out-of-fold log loss; None if time allowed none.

    Trees are grown on top of each fold's `start`. The folds are made one after the other and binned, so that
    only one full matrix is in memory at a time.
    Stops early enough for `reserve_fits` more fits as long as the longest one seen and `reserve_s` seconds.
    """
    data: list[lgb.Dataset] = []
    held: list[_Held] = []
    for make in folds:
        fold = make()
        budget.tick()
        data.append(dataset(fold.design.matrix, fold.y, fold.design.categorical, fold.start))
        valid = data[-1].create_valid(
            fold.held_matrix,
            label=fold.held_y.astype(np.float64),
            init_score=fold.held_start,
            params=data[-1].get_params(),
        )
        held.append(_Held(fold.held_matrix, fold.held_y, fold.held_start, valid.construct()))
    rows = sum(len(one.y) for one in held)
    search = _Search(_study(seed), threads, budget)
    search.study.enqueue_trial(first_settings(rows))
    for number in range(max(1, trials)):
        trial = search.study.ask()
        settings = suggest_settings(trial, rows)
        parameters = lightgbm_parameters(settings, seed=seed)

        def fit(
            k: int, tick: Tick, parameters: dict[str, Any] = parameters
        ) -> tuple[float, tuple[lgb.Booster, list[float]]]:
            booster, curve = _fit_fold(parameters, data[k], held[k].data, max_rounds, tick)
            return min(curve), (booster, curve)

        fits = search.run(trial, fit, len(data))
        if fits is not None:
            curves = [curve for _, (_, curve) in fits]
            mean = np.mean([curve[: min(map(len, curves))] for curve in curves], axis=0)
            rounds = int(np.argmin(mean)) + 1
            margins = [
                one.start
                + np.asarray(b.predict(one.matrix, raw_score=True, num_iteration=rounds, num_threads=1))
                for (_, (b, _)), one in zip(fits, held, strict=True)
            ]
            search.finish(trial, float(mean.min()), settings, rounds, margins)
        reserve = reserve_fits * search.longest_fit_s + reserve_s
        if search.out_of_time or (number + 1 < trials and budget.left < reserve + search.longest_fit_s):
            search.out_of_time = True
            break
        budget.search_until(budget.elapsed + budget.left - reserve)
        budget.report(f"Tried {number + 1} of {trials} boosting settings", 0.25 + 0.4 * (number + 1) / trials)
    budget.search_until(None)
    return search.result()


def _fit_fold(
    parameters: dict[str, Any], data: lgb.Dataset, held: lgb.Dataset, max_rounds: int, tick: Tick
) -> tuple[lgb.Booster, list[float]]:
    import lightgbm as lgb

    booster = lgb.Booster(parameters, data)
    booster.add_valid(held, "held")
    curve: list[float] = []
    while len(curve) < max_rounds and len(curve) - int(np.argmin(curve or [0.0])) <= PATIENCE:
        finished = booster.update()
        tick()
        curve.append(float(booster.eval_valid()[0][2]))
        if finished:
            break
    return booster, curve


def _study(seed: int) -> optuna.Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=8, multivariate=False),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=0),
    )
