"""Whether a model does worse on ripe leads than was promised: one number in a unit people know, and one p-value.

Each p-value is that of a test whose null hypothesis keeps the model right, so that a redrawn law is heard at the first
cohort whose outcomes are there, while a quiet business stays quiet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, expit, logit, ndtr, ndtri

from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.proportions import newcombe
from scoring.ml.recalibration import fit_logistic, log_odds

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAST_OF_EACH = 30
"""Fewer leads in the rarer outcome, and neither ranking nor calibration is judged: below it an interval covers less
than it says (`scoring.ml.delong`), and the chi-square of the calibration test is not yet one."""
_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Loss:
    """By how much something is worse than it was to be: `difference` with its 95 % interval, above 0 is worse; `p` is
    one-sided, how likely at least as much is by chance alone."""

    difference: Estimate
    p: float


def auc_loss(promised: Estimate, found: Estimate) -> Loss:
    """How far an AUC lies below another one from other leads; both with 95 % intervals.

    The test is done on the logit scale, where both intervals are symmetric; the interval of the difference combines
    theirs by squared distances (Zou & Donner 2008, Statistics in Medicine 27:1693-1702).
    """
    error = math.hypot(_logit_error(promised), _logit_error(found))
    gap = float(logit(_inside(promised.value)) - logit(_inside(found.value)))
    p = float(ndtr(-gap / error)) if error > 0 else float(gap <= 0)
    value = promised.value - found.value
    low = value - math.hypot(promised.value - promised.low, found.high - found.value)
    high = value + math.hypot(promised.high - promised.value, found.value - found.low)
    return Loss(Estimate(value, low, high, found.n, "two AUC intervals combined"), p)


@dataclass(frozen=True, slots=True)
class Gap:
    """How far probabilities lie from what happened.

    `relative`: mean distance between the probabilities and their recalibration, as a share of the mean probability.
    `converted` of `n` leads did, `promised` were to. `p`: chance of outcomes as far from probabilities that are right.
    """

    relative: float
    converted: int
    promised: float
    n: int
    p: float


def calibration_gap(y: NDArray[np.bool_], p: ArrayLike) -> Gap:
    """Whether probabilities (shape n) are right for outcomes (bool, shape n), level and spread in one test.

    Cox's test of intercept 0 and slope 1 as a score test with 2 degrees of freedom: its null distribution is that of
    outcomes drawn from the probabilities, nothing is fitted. It hears a base rate that moved as well as a law in which
    the features count otherwise, which leaves the base rate as it was. Sources: Cox (1958), Biometrika 45:562-565;
    Miller, Hui & Tierney (1991), Statistics in Medicine 10:1213-1226.

    Raises:
        NotEnoughData: fewer than 30 leads of the rarer outcome.
    """
    values = np.asarray(p, dtype=np.float64)
    enough_of_each(y)
    x = log_odds(np.clip(values, _EDGE, 1 - _EDGE))
    centred = x - x.mean()
    flat = float(np.abs(centred).max()) < 1e-9
    design = np.ones((len(x), 1)) if flat else np.column_stack([np.ones(len(x)), centred])
    weight = np.clip(values * (1 - values), _EDGE, None)
    score = design.T @ (y - values)
    information = (design * weight[:, None]).T @ design
    statistic = float(score @ np.linalg.solve(information, score))
    try:
        fit = fit_logistic(design, y.astype(np.float64))
        recalibrated = expit(design @ fit.coefficients)
    except NotEnoughData:
        # Separated outcomes: the fit grows without end towards the outcomes themselves.
        recalibrated = y.astype(np.float64)
    promised = float(values.sum())
    return Gap(
        float(np.abs(recalibrated - values).sum()) / promised,
        int(y.sum()),
        promised,
        len(values),
        float(chdtrc(design.shape[1], statistic)),
    )


def share_excess(hits_a: int, n_a: int, hits_b: int, n_b: int) -> Loss:
    """By how much share a lies above share b: Newcombe's interval, and the pooled score test, one-sided.

    Raises:
        NotEnoughData: a group has fewer than 30 leads.
    """
    if min(n_a, n_b) < LEAST_OF_EACH:
        raise NotEnoughData(f"{min(n_a, n_b)} leads; at least {LEAST_OF_EACH} are needed in each group")
    pooled = (hits_a + hits_b) / (n_a + n_b)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    gap = hits_a / n_a - hits_b / n_b
    return Loss(newcombe(hits_a, n_a, hits_b, n_b), float(ndtr(-gap / error)) if error > 0 else 1.0)


def enough_of_each(y: NDArray[np.bool_]) -> None:
    """Raises:
    NotEnoughData: fewer than 30 leads of the rarer outcome; says how many there are.
    """
    converted = int(y.sum())
    rarer = min(converted, len(y) - converted)
    if rarer < LEAST_OF_EACH:
        raise NotEnoughData(
            f"{converted:,} of {len(y):,} leads converted; at least {LEAST_OF_EACH} of the rarer outcome are needed"
        )


def _logit_error(estimate: Estimate) -> float:
    width = float(logit(_inside(estimate.high)) - logit(_inside(estimate.low)))
    return width / (2 * float(ndtri(0.975)))


def _inside(value: float) -> float:
    return min(max(value, _EDGE), 1 - _EDGE)
