"""The rungs of the ladder: prior, naive Bayes, L2 logistic regression, gradient boosting.

Each is fitted on a design matrix, gives margins (log-odds, before calibration), and turns into the
`estimator` part of a model document: numbers and LightGBM's text, never code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scoring.ml.pipeline import Floats, sigmoid

if TYPE_CHECKING:
    import lightgbm as lgb


Bools = NDArray[np.bool_]
LADDER = ("prior", "naive_bayes", "logistic", "boosting")
NEWTON_STEPS = 30
NEWTON_TOLERANCE = 1e-7


class Estimator(Protocol):
    """What training needs of a fitted rung."""

    def margins(self, matrix: Floats) -> Floats:
        """Log-odds of each row; shape (rows,)."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The `estimator` part of a model document."""
        ...


@dataclass(frozen=True, slots=True)
class Prior:
    """The overall conversion rate for everybody."""

    margin: float

    def margins(self, matrix: Floats) -> Floats:
        """The same log-odds for each row."""
        return np.full(len(matrix), self.margin)

    def to_json(self) -> dict[str, Any]:
        """Kind and margin."""
        return {"kind": "prior", "margin": self.margin}


@dataclass(frozen=True, slots=True)
class Linear:
    """A weighted sum of columns: naive Bayes (weights 1 on log-likelihood ratios) or logistic regression.

    `means` are the training means of the columns; contributions are told from there.
    """

    kind: str
    intercept: float
    weights: Floats
    means: Floats

    def margins(self, matrix: Floats) -> Floats:
        """Intercept plus the weighted sum."""
        result: Floats = self.intercept + matrix @ self.weights
        return result

    def to_json(self) -> dict[str, Any]:
        """Kind, intercept, weights and means."""
        return {
            "kind": self.kind,
            "intercept": self.intercept,
            "weights": self.weights.tolist(),
            "means": self.means.tolist(),
        }


@dataclass(frozen=True, slots=True)
class Boosting:
    """LightGBM trees on top of a linear start: the first columns feed the start, the others the trees.

    Margin = start + trees, so contributions of both parts add up exactly.
    """

    start: Linear
    booster: lgb.Booster
    rounds: int

    def margins(self, matrix: Floats) -> Floats:
        """The start's log-odds plus the raw scores of the first `rounds` trees."""
        width = len(self.start.weights)
        raw = self.booster.predict(
            matrix[:, width:], raw_score=True, num_iteration=self.rounds, num_threads=1
        )
        return self.start.margins(matrix[:, :width]) + np.asarray(raw, dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """The start and LightGBM's text model, without the parameters of the machine it was made on."""
        text = self.booster.model_to_string(num_iteration=self.rounds, importance_type="gain")
        trees = text[: text.index("end of trees") + len("end of trees")] + "\n"
        return {**self.start.to_json(), "kind": "boosting", "model": trees}


def fit_prior(y: Bools) -> Prior:
    """The overall rate of `y` (rows,), which holds both outcomes."""
    rate = float(y.mean())
    return Prior(math.log(rate / (1.0 - rate)))


def fit_naive_bayes(matrix: Floats, y: Bools) -> Linear:
    """Prior odds times the likelihood ratios that are the columns of `matrix` (rows, columns)."""
    return Linear("naive_bayes", fit_prior(y).margin, np.ones(matrix.shape[1]), _means(matrix))


def fit_logistic(
    matrix: Floats, y: Bools, penalty: float, *, start: Linear | None = None, tick: Callable[[], None]
) -> Linear:
    """L2 logistic regression: minimises summed log loss + penalty/2 · |weights|², the intercept free.

    Newton's method with step halving (Hastie, Tibshirani & Friedman, ESL 2nd ed., §4.4.1); `penalty` > 0.
    """
    target = y.astype(np.float64)
    means = _means(matrix)
    design = np.column_stack([np.ones(len(y)), matrix - means])
    ridge = np.full(design.shape[1], penalty)
    ridge[0] = 1e-9
    weights = np.zeros(design.shape[1])
    weights[0] = fit_prior(y).margin
    if start is not None:
        weights = np.concatenate([[start.intercept + float(means @ start.weights)], start.weights])
    loss = _penalised(design, target, weights, ridge)
    for _ in range(NEWTON_STEPS):
        tick()
        p = sigmoid(design @ weights)
        gradient = design.T @ (p - target) + ridge * weights
        curvature = (design * (p * (1.0 - p))[:, None]).T @ design
        curvature[np.diag_indices_from(curvature)] += ridge + 1e-9
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while True:
            moved = weights - size * step
            new = _penalised(design, target, moved, ridge)
            if new <= loss or size < 1e-4:
                break
            size /= 2.0
        done = loss - new < NEWTON_TOLERANCE * len(y)
        weights, loss = moved, new
        if done:
            break
    own = weights[1:]
    return Linear("logistic", float(weights[0] - means @ own), own, means)


def _penalised(design: Floats, target: Floats, weights: Floats, ridge: Floats) -> float:
    margin = design @ weights
    return float((np.logaddexp(0.0, margin) - target * margin).sum() + 0.5 * (ridge * weights**2).sum())


def _means(matrix: Floats) -> Floats:
    result: Floats = matrix.mean(axis=0) if matrix.shape[1] else np.zeros(0)
    return result


def lightgbm_parameters(settings: Mapping[str, float | int], *, seed: int) -> dict[str, Any]:
    """Parameters of one LightGBM training: our settings and what makes it repeatable and quiet."""
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "verbosity": -1,
        "seed": seed,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
        "max_cat_to_onehot": 8,
        "bagging_freq": 1,
        **settings,
    }


def dataset(matrix: Floats, y: Bools, categorical: Sequence[int], start: Floats) -> lgb.Dataset:
    """A binned LightGBM dataset that many settings can be trained on; `start` are log-odds to build on."""
    import lightgbm as lgb

    data = lgb.Dataset(
        matrix,
        label=y.astype(np.float64),
        init_score=start,
        categorical_feature=list(categorical),
        params={"feature_pre_filter": False, "verbosity": -1, "num_threads": 1, "max_bin": 255},
        free_raw_data=True,
    )
    return data.construct()


def fit_trees(
    data: lgb.Dataset, parameters: Mapping[str, Any], rounds: int, *, tick: Callable[[], None]
) -> lgb.Booster:
    """`rounds` trees; `tick` runs after each and may raise to stop."""
    import lightgbm as lgb

    booster = lgb.Booster(dict(parameters), data)
    for _ in range(rounds):
        finished = booster.update()
        tick()
        if finished:
            break
    return booster
