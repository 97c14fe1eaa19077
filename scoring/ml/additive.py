"""A quick additive model over the codes of all keys: what is known before any pair is looked at."""

from __future__ import annotations

import numpy as np

from scoring.ml.levels import Bools, log_odds
from scoring.ml.pipeline import Floats, Ints, sigmoid

PASSES = 4
RIDGE = 4.0
"""Prior precision of a code's effect: a standard deviation of one half in log-odds."""


def additive_margins(codes: list[Ints], sizes: list[int], y: Bools, fold: Ints, folds: int) -> Floats:
    """Log-odds of additive models with one effect per code; shape (folds + 1, rows).

    Row k of the result is the model fitted without fold k, told for all rows; the last row is the model
    fitted on all. Cyclic Newton steps with a normal prior on each effect, as in generalised additive models
    fitted by backfitting (Hastie & Tibshirani 1986, Statistical Science 1:297-310).
    """
    margins = np.empty((folds + 1, len(y)))
    for k in range(folds + 1):
        rest = fold != k
        effects, base = _fit([code[rest] for code in codes], sizes, y[rest].astype(np.float64))
        margins[k] = base
        for code, effect in zip(codes, effects, strict=True):
            margins[k] += effect[code]
    return margins


def _fit(codes: list[Ints], sizes: list[int], target: Floats) -> tuple[list[Floats], float]:
    base = float(log_odds(np.array([target.mean()]))[0])
    effects = [np.zeros(size) for size in sizes]
    margin = np.full(len(target), base)
    for _ in range(PASSES):
        for at, (code, size) in enumerate(zip(codes, sizes, strict=True)):
            p = sigmoid(margin)
            gradient = np.bincount(code, weights=target - p, minlength=size) - RIDGE * effects[at]
            curvature = np.bincount(code, weights=p * (1.0 - p), minlength=size) + RIDGE
            step = gradient / curvature
            effects[at] += step
            margin += step[code]
        p = sigmoid(margin)
        shift = float((target - p).sum() / (p * (1.0 - p)).sum())
        base += shift
        margin += shift
    return effects, base
