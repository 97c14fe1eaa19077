"""Settings of the logistic and boosting rungs, chosen by cross-validated log loss with Optuna.

Each fold reports to Optuna, whose median pruner drops settings that are behind; the number of trees is
the one with the lowest log loss averaged over the folds, so no fold stops at its own best moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np
import optuna

from scoring.ml.budget import Budget, OutOfTime
from scoring.ml.designs import Design
from scoring.ml.estimators import (
    Bools,
    Linear,
    dataset,
    fit_logistic,
    lightgbm_parameters,
)
from scoring.ml.pipeline import Floats

PENALTY_START = 10.0
PATIENCE = 30


@dataclass(slots=True)
class FoldData:
    """One fold: the design of the other rows, its outcomes, and the held-out rows as numbers."""

    design: Design
    y: Bools
    held_matrix: Floats
    held_y: Bools


@dataclass(slots=True)
class SearchResult:
    """The best settings, the out-of-fold margins they gave (one array per fold), and how many were tried."""

    settings: dict[str, float | int]
    rounds: int
    loss: float
    margins: list[Floats]
    tried: int
    pruned: int
    longest_fit_s: float
    out_of_time: bool = False


@dataclass(slots=True)
class _Best:
    loss: float = math.inf
    settings: dict[str, float | int] = field(default_factory=dict)
    rounds: int = 0
    margins: list[Floats] = field(default_factory=list)


def log_loss(margin: Floats, y: Bools) -> float:
    """Mean log loss in nats of log-odds."""
    return float(np.mean(np.logaddexp(0.0, np.where(y, -margin, margin))))


def search_logistic(folds: list[FoldData], *, trials: int, seed: int, budget: Budget) -> SearchResult:
    """The L2 penalty with the lowest out-of-fold log loss."""
    study = _study(seed)
    study.enqueue_trial({"penalty": PENALTY_START})
    best, tried, pruned, longest = _Best(), 0, 0, 0.0
    starts: list[Linear | None] = [None] * len(folds)
    out_of_time = False
    for _ in range(max(1, trials)):
        trial = study.ask()
        penalty = trial.suggest_float("penalty", 0.3, 1000.0, log=True)
        margins: list[Floats] = []
        losses: list[float] = []
        try:
            for number, fold in enumerate(folds):
                began = budget.elapsed
                model = fit_logistic(
                    fold.design.matrix, fold.y, penalty, start=starts[number], tick=budget.tick
                )
                starts[number] = model
                margins.append(model.margins(fold.held_matrix))
                losses.append(log_loss(margins[-1], fold.held_y))
                longest = max(longest, budget.elapsed - began)
                trial.report(float(np.mean(losses)), number)
                if number + 1 < len(folds) and trial.should_prune():
                    raise optuna.TrialPruned
        except optuna.TrialPruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            tried, pruned = tried + 1, pruned + 1
            continue
        except OutOfTime:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            out_of_time = True
            break
        tried += 1
        loss = float(np.mean(losses))
        study.tell(trial, loss)
        if loss < best.loss:
            best = _Best(loss, {"penalty": penalty}, 0, margins)
    return SearchResult(best.settings, 0, best.loss, best.margins, tried, pruned, longest, out_of_time)


def first_settings(rows: int) -> dict[str, float | int]:
    """Settings that are good on most lead files; small ones get smaller, more regularised trees."""
    small = rows < 5000
    return {
        "learning_rate": 0.05,
        "num_leaves": 8 if small else 24,
        "max_depth": 4 if small else 7,
        "min_data_in_leaf": 30 if small else 50,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "lambda_l2": 10.0,
        "path_smooth": 1.0,
    }


def suggest_settings(trial: optuna.Trial, rows: int) -> dict[str, float | int]:
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
        "path_smooth": trial.suggest_float("path_smooth", 0.0, 20.0),
    }


def search_boosting(
    folds: list[FoldData],
    *,
    trials: int,
    max_rounds: int,
    seed: int,
    threads: int,
    reserve_fits: int,
    budget: Budget,
) -> SearchResult | None:
    """Boosting settings and number of trees with the lowest out-of-fold log loss; None when time allowed none.

    Stops early enough for `reserve_fits` more fits as long as the longest one seen.
    """
    data = [dataset(f.design.matrix, f.y, f.design.categorical, threads=threads) for f in folds]
    held = [
        d.create_valid(f.held_matrix, label=f.held_y.astype(np.float64), params=d.get_params()).construct()
        for f, d in zip(folds, data, strict=True)
    ]
    rows = sum(len(fold.held_y) for fold in folds)
    study = _study(seed)
    study.enqueue_trial(first_settings(rows))
    best, tried, pruned, longest, out_of_time = _Best(), 0, 0, 0.0, False
    for number in range(max(1, trials)):
        trial = study.ask()
        settings = suggest_settings(trial, rows)
        parameters = lightgbm_parameters(settings, seed=seed, threads=threads)
        boosters: list[lgb.Booster] = []
        curves: list[list[float]] = []
        try:
            for k in range(len(folds)):
                began = budget.elapsed
                booster, curve = _fit_fold(parameters, data[k], held[k], max_rounds, budget)
                longest = max(longest, budget.elapsed - began)
                boosters.append(booster)
                curves.append(curve)
                trial.report(float(np.mean([min(c) for c in curves])), k)
                if k + 1 < len(folds) and trial.should_prune():
                    raise optuna.TrialPruned
        except optuna.TrialPruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            tried, pruned = tried + 1, pruned + 1
        except OutOfTime:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            out_of_time = True
        else:
            tried += 1
            shortest = min(len(curve) for curve in curves)
            mean = np.mean([curve[:shortest] for curve in curves], axis=0)
            rounds, loss = int(np.argmin(mean)) + 1, float(mean.min())
            study.tell(trial, loss)
            if loss < best.loss:
                margins = [
                    np.asarray(b.predict(f.held_matrix, raw_score=True, num_iteration=rounds))
                    for b, f in zip(boosters, folds, strict=True)
                ]
                best = _Best(loss, settings, rounds, margins)
        reserve = reserve_fits * longest
        if number + 1 < trials and budget.left < reserve + longest:
            out_of_time = True
        if out_of_time:
            break
        budget.search_until(budget.elapsed + budget.left - reserve)
        budget.report(f"Tried {number + 1} of {trials} boosting settings", 0.25 + 0.4 * (number + 1) / trials)
    budget.search_until(None)
    if not best.margins:
        return None
    return SearchResult(
        best.settings, best.rounds, best.loss, best.margins, tried, pruned, longest, out_of_time
    )


def _fit_fold(
    parameters: dict[str, Any], data: lgb.Dataset, held: lgb.Dataset, max_rounds: int, budget: Budget
) -> tuple[lgb.Booster, list[float]]:
    booster = lgb.Booster(parameters, data)
    booster.add_valid(held, "held")
    curve: list[float] = []
    while len(curve) < max_rounds and len(curve) - int(np.argmin(curve or [0.0])) <= PATIENCE:
        finished = booster.update()
        budget.tick()
        curve.append(float(booster.eval_valid()[0][2]))
        if finished:
            break
    return booster, curve


def _study(seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=8, multivariate=False),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=0),
    )
