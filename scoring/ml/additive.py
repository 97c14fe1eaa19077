"""A quick additive model over the codes of all keys: what is known before any pair is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.ml.levels import Bools, log_odds
from scoring.ml.pipeline import Floats, Ints, sigmoid

PASSES = 8
FIRST_RIDGE, LEAST_RIDGE, LARGEST_RIDGE = 4.0, 0.25, 2000.0
"""Prior precision of the effects of a key: 4 means a standard deviation of one half in log-odds."""


@dataclass(frozen=True, slots=True)
class Additive:
    """Additive models with one effect per code: one without each fold and, last, one of all rows.

    `margins` (folds + 1, rows) are the log-odds each model gives to all rows; `effects` hold per key an
    array (folds + 1, size) in log-odds, centred on the rows the model was fitted on.
    """

    margins: Floats
    effects: list[Floats]


def fit_additive(codes: list[Ints], sizes: list[int], y: Bools, fold: Ints, folds: int) -> Additive:
    """Cyclic Newton steps with a normal prior on the effects of each key, whose variance the data choose.

    Backfitting as in generalised additive models (Hastie & Tibshirani 1986, Statistical Science 1:297-310);
    variances by EM on the Laplace approximation (empirical Bayes, as in penalised quasi-likelihood: Breslow &
    Clayton 1993, JASA 88:9-25), so that hundreds of levels without signal shrink to nothing by themselves.
    """
    margins = np.empty((folds + 1, len(y)))
    effects = [np.zeros((folds + 1, size)) for size in sizes]
    for k in range(folds + 1):
        rest = fold != k
        found, base = _fit([code[rest] for code in codes], sizes, y[rest].astype(np.float64))
        margins[k] = base
        for store, code, effect in zip(effects, codes, found, strict=True):
            store[k] = effect
            margins[k] += effect[code]
    return Additive(margins, effects)


def _fit(codes: list[Ints], sizes: list[int], target: Floats) -> tuple[list[Floats], float]:
    base = float(log_odds(np.array([target.mean()]))[0])
    effects = [np.zeros(size) for size in sizes]
    ridges = [FIRST_RIDGE] * len(sizes)
    counts = [np.bincount(code, minlength=size) for code, size in zip(codes, sizes, strict=True)]
    margin = np.full(len(target), base)
    for _ in range(PASSES):
        for at, (code, size) in enumerate(zip(codes, sizes, strict=True)):
            p = sigmoid(margin)
            curvature = np.bincount(code, weights=p * (1.0 - p), minlength=size) + ridges[at]
            gradient = np.bincount(code, weights=target - p, minlength=size) - ridges[at] * effects[at]
            moved = effects[at] + gradient / curvature
            # Without centring, keys that miss the same rows would push a constant to and fro.
            moved -= float(moved @ counts[at]) / len(target)
            moved[counts[at] == 0] = 0.0
            margin += (moved - effects[at])[code]
            effects[at] = moved
            met = counts[at] > 0
            variance = float((moved[met] ** 2 + 1.0 / curvature[met]).mean())
            ridges[at] = min(max(1.0 / variance, LEAST_RIDGE), LARGEST_RIDGE)
        p = sigmoid(margin)
        shift = float((target - p).sum() / (p * (1.0 - p)).sum())
        base += shift
        margin += shift
    return effects, base
