"""Logistic regression of the outcome on the log-odds of the predictions: calibration intercept and slope."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri, xlogy

from scoring.ml.estimates import Estimate, NotEnoughData

Floats = NDArray[np.float64]

#: Probabilities are moved this far off 0 and 1 before their log-odds are taken.
EDGE = 1e-15
_STEPS = 60
_TOLERANCE = 1e-10
#: Beyond this the likelihood climbs without end: the predictions separate the classes.
_LARGEST = 1e4


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """Maximum-likelihood coefficients (shape k) and their covariance (k x k, inverse Fisher information)."""

    coefficients: Floats
    covariance: Floats


def log_odds(p: NDArray[np.float64]) -> Floats:
    """Return ln(p / (1 - p)) with p moved into [1e-15, 1 - 1e-15]."""
    clipped = np.clip(np.asarray(p, dtype=np.float64), EDGE, 1 - EDGE)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def fit_logistic(
    design: NDArray[np.float64], target: NDArray[np.float64], *, offset: NDArray[np.float64] | None = None
) -> LogisticFit:
    """Fit P(y = 1) = expit(design @ b + offset) by Newton's method with step halving.

    ``design`` has shape n x k, ``target`` shape n with values in [0, 1]. Raises ``NotEnoughData`` when no
    finite maximum exists (one class, perfect separation, a column without spread). Source: McCullagh &
    Nelder (1989), Generalized Linear Models, §4.4.
    """
    fixed = np.zeros(len(target)) if offset is None else offset
    b = np.zeros(design.shape[1])
    loss = _loss(design @ b + fixed, target)
    for _ in range(_STEPS):
        fitted = expit(design @ b + fixed)
        information = (design * (fitted * (1 - fitted))[:, None]).T @ design
        gradient = design.T @ (target - fitted)
        step = _solve(information, gradient)
        scale = 1.0
        while scale > 1e-8:
            candidate = b + scale * step
            new = _loss(design @ candidate + fixed, target)
            if new <= loss + 1e-12 * abs(loss):
                break
            scale /= 2
        b, loss = b + scale * step, new
        if float(np.abs(b).max()) > _LARGEST:
            break
        if float(np.abs(scale * step).max()) <= _TOLERANCE * (1 + float(np.abs(b).max())):
            fitted = expit(design @ b + fixed)
            information = (design * (fitted * (1 - fitted))[:, None]).T @ design
            return LogisticFit(b, _solve(information, np.eye(len(b))))
    raise NotEnoughData("the predictions separate converted from other rows: no finite fit exists")


def _loss(eta: Floats, target: Floats) -> float:
    return float((np.logaddexp(0.0, eta) - target * eta).sum())


def _solve(information: Floats, right: Floats) -> Floats:
    try:
        solution = np.linalg.solve(information, right)
    except np.linalg.LinAlgError:
        solution = np.full_like(right, np.nan)
    if not bool(np.isfinite(solution).all()):
        raise NotEnoughData("no finite fit exists: the predictions separate the outcomes or have no spread")
    return np.asarray(solution)


def calibration_intercept(y: NDArray[np.bool_], p: NDArray[np.float64]) -> Estimate:
    """Return calibration in the large: the constant to add to the log-odds of ``p`` (slope held at 1).

    0 is right; below 0 the predictions are too high on average. Wald interval with the sandwich variance,
    because a slope held at 1 is a wrong model whenever the slope is not 1 (the model variance covered 92 %).
    Raises ``NotEnoughData`` when a class is absent. Sources: Cox (1958), Biometrika 45:562-565; Van Calster
    et al. (2019), BMC Medicine 17:230; White (1982), Econometrica 50:1-25 (sandwich).
    """
    _both_classes(y)
    n, x = len(y), log_odds(p)
    fit = fit_logistic(np.ones((n, 1)), y.astype(np.float64), offset=x)
    value, information = float(fit.coefficients[0]), 1 / float(fit.covariance[0, 0])
    score = float(((y - expit(value + x)) ** 2).sum()) * n / (n - 1)
    half = float(ndtri(0.975)) * math.sqrt(score) / information
    return Estimate(value, value - half, value + half, n, "Wald, sandwich")


def calibration_slope(y: NDArray[np.bool_], p: NDArray[np.float64]) -> Estimate:
    """Return the slope of the outcome's log-odds on those of ``p`` (free intercept), with a Wald interval.

    1 is right; below 1 the predictions are too extreme. Raises ``NotEnoughData`` when a class is absent, all
    predictions are equal, or they separate the classes. Sources as for ``calibration_intercept``.
    """
    _both_classes(y)
    x = log_odds(p)
    if float(x.max() - x.min()) < 1e-9:
        raise NotEnoughData("a calibration slope needs predictions that differ, all are equal")
    # Centring keeps the two coefficients apart; the slope does not change.
    fit = fit_logistic(np.column_stack([np.ones(len(x)), x - x.mean()]), y.astype(np.float64))
    value = float(fit.coefficients[1])
    half = float(ndtri(0.975)) * math.sqrt(float(fit.covariance[1, 1]))
    return Estimate(value, value - half, value + half, len(y), "Wald")


def _both_classes(y: NDArray[np.bool_]) -> None:
    positives = int(y.sum())
    if positives in (0, len(y)):
        raise NotEnoughData(f"recalibration needs converted and other rows, got {positives} of {len(y)}")


def mean_log_loss(target: NDArray[np.float64] | NDArray[np.bool_], p: NDArray[np.float64]) -> float:
    """Return the mean negative log-likelihood in nats, p moved into [1e-15, 1 - 1e-15]."""
    clipped = np.clip(np.asarray(p, dtype=np.float64), EDGE, 1 - EDGE)
    y = np.asarray(target, dtype=np.float64)
    return float(-(xlogy(y, clipped) + xlogy(1 - y, 1 - clipped)).mean())
