"""How far the probabilities lie from what happened: log loss, Brier score, expected calibration error."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.proportions import wilson_bounds
from scoring.ml.recalibration import EDGE

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def log_loss(y: NDArray[np.bool_], p: NDArray[np.float64]) -> Estimate:
    """Return the mean negative log-likelihood in nats (0 is perfect), p moved into [1e-15, 1 - 1e-15].

    The interval is that of ``_mean_by_class``. Raises ``NotEnoughData`` when a class is absent.
    """
    clipped = np.clip(p, EDGE, 1 - EDGE)
    return _mean_by_class(y, -np.where(y, np.log(clipped), np.log1p(-clipped)))


def brier(y: NDArray[np.bool_], p: NDArray[np.float64]) -> Estimate:
    """Return the mean squared error of the probabilities (0 is perfect).

    The interval is that of ``_mean_by_class``. Raises ``NotEnoughData`` when a class is absent. Source: Brier
    (1950), Monthly Weather Review 78:1-3.
    """
    return _mean_by_class(y, (p - y) ** 2)


def _mean_by_class(y: Bools, loss: Floats) -> Estimate:
    """Return the mean loss with an interval built from its three parts.

    Mean loss = rate x loss of the converted + (1 - rate) x loss of the others. Most of the spread comes from
    the rate, whose Wilson interval is lopsided where conversions are few, as the loss is; Student's t on the
    plain mean covers 87 % there. The parts are combined by squared distances (Zou & Donner 2008, Statistics
    in Medicine 27:1693-1702).
    """
    n, m = len(y), int(y.sum())
    if m in (0, n):
        raise NotEnoughData(f"an interval for a loss needs converted and other rows, got {m} of {n}")
    rate = m / n
    value = float(loss.mean())
    rate_low, rate_high = (float(bound) for bound in wilson_bounds(m, n))
    jump = float(loss[y].mean()) - float(loss[~y].mean())
    rarer = float(stdtrit(max(min(m, n - m) - 1, 2), 0.975))
    within = math.hypot(
        *(
            (rarer if 2 * size <= n else float(ndtri(0.975))) * size / n * _standard_error(loss[rows], loss)
            for rows, size in ((y, m), (~y, n - m))
        )
    )
    down, up = (rate - rate_low) * jump, (rate_high - rate) * jump
    if jump < 0:
        down, up = -up, -down
    return Estimate(
        value, max(value - math.hypot(down, within), 0.0), value + math.hypot(up, within), n, "by class"
    )


def _standard_error(part: Floats, whole: Floats) -> float:
    # A class of one row shows no spread of its own: that of all rows stands in.
    return float((part if len(part) > 1 else whole).std(ddof=1)) / math.sqrt(len(part))


def equal_mass_bins(p: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Return the bin (0, 1, ...) of each row so that bins hold equally many rows; equal values stay together.

    Fewer bins come back when there are fewer distinct values. Raises ``ValueError`` for bins < 1.
    """
    if bins < 1:
        raise ValueError(f"expected at least 1 bin, got {bins}")
    _, index, count = np.unique(p, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - count / 2
    bin_of_value = np.minimum((middle / len(p) * bins).astype(np.int64), bins - 1)
    _, compact = np.unique(bin_of_value, return_inverse=True)
    return np.asarray(compact[index], dtype=np.int64)


def ece(
    y: NDArray[np.bool_], p: NDArray[np.float64], *, seed: int, bins: int = 10, reps: int = 500
) -> Estimate:
    """Return the expected calibration error: the mean distance of predicted from observed rate over bins.

    ``bins`` of equal mass, weighted by their rows; ``value`` is the plain error, which is above 0 even for
    perfect predictions. The interval allows for that: the quantiles of resampled gaps, less the bias they
    show (for the lower end also half the error of perfect predictions), and a lower end of 0 unless the
    error exceeds 97.5 % of those of ``reps`` outcomes drawn from ``p`` itself (consistency resampling). A sum
    of absolute values has no exact interval; this one covered 92 to 99 % in simulation. Raises
    ``NotEnoughData`` below 2 rows per bin. Sources: Naeini, Cooper & Hauskrecht (2015), AAAI; Bröcker & Smith
    (2007), Weather and Forecasting 22:651-661.
    """
    n = len(y)
    if n < 2 * bins:
        raise NotEnoughData(f"calibration error over {bins} bins needs at least {2 * bins} rows, got {n}")
    rng = np.random.default_rng(seed)
    bin_of_row = equal_mass_bins(p, bins)
    order = np.argsort(bin_of_row, kind="stable")
    starts = np.flatnonzero(np.diff(bin_of_row[order], prepend=-1))
    size = np.diff(np.append(starts, n)).astype(np.float64)
    predicted, outcome = p[order], y[order].astype(np.float64)
    gap = np.add.reduceat(outcome - predicted, starts) / size
    value = float((np.abs(gap) * size).sum() / n)
    rate = (np.add.reduceat(outcome, starts) + 0.5) / (size + 1)
    drawn = gap + rng.standard_normal((2000, len(gap))) * np.sqrt(rate * (1 - rate) / size)
    errors = (np.abs(drawn) * size).sum(axis=1) / n
    bias = float(errors.mean()) - value
    perfect = _calibrated_errors(predicted, starts, size, reps, rng)
    quantiles = np.quantile(errors, (0.025, 0.975))
    low = float(quantiles[0]) - bias - float(perfect.mean()) / 2
    high = float(quantiles[1]) - 1.5 * bias
    if value <= np.quantile(perfect, 0.975):
        low = 0.0
    return Estimate(
        value, min(max(low, 0.0), value), min(max(high, value), 1.0), n, "resampled, bias removed"
    )


def _calibrated_errors(
    p: Floats, starts: NDArray[np.intp], size: Floats, reps: int, rng: np.random.Generator
) -> Floats:
    """Return the errors that outcomes drawn from ``p`` itself would show (``p`` sorted by bin)."""
    expected = np.add.reduceat(p, starts)
    rows = max(1, 1_000_000 // len(p))
    errors = []
    for begin in range(0, reps, rows):
        drawn = rng.random((min(rows, reps - begin), len(p))) < p
        hits = np.add.reduceat(drawn, starts, axis=1, dtype=np.int64)
        errors.append(np.abs(hits - expected).sum(axis=1) / float(size.sum()))
    return np.concatenate(errors)
