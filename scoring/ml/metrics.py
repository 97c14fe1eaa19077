"""The numbers a model is judged by, each with its interval and its sample, and the two curves beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.ml.delong import delong_auc
from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.losses import brier, ece, equal_mass_bins, log_loss
from scoring.ml.proportions import wilson, wilson_bounds
from scoring.ml.ranking import pr_auc, top_decile_lift, top_share_hits
from scoring.ml.recalibration import calibration_intercept, calibration_slope

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

METRICS = (
    "roc_auc",
    "pr_auc",
    "log_loss",
    "brier",
    "ece",
    "top_decile_lift",
    "base_rate",
    "calibration_intercept",
    "calibration_slope",
)


class MetricError(ValueError):
    """The arrays cannot be judged at all; the message says what was expected."""


class Evaluation(dict[str, Estimate]):
    """Metric name -> Estimate; ``left_out`` says of every metric that is absent why, in words."""

    left_out: dict[str, str]

    def __init__(self, estimates: dict[str, Estimate], left_out: dict[str, str]) -> None:
        super().__init__(estimates)
        self.left_out = left_out


def evaluate(y: NDArray[np.bool_], p: NDArray[np.float64], *, seed: int) -> Evaluation:
    """Judge calibrated probabilities ``p`` in [0, 1] against outcomes ``y`` (both shape n).

    Every metric of ``METRICS`` that the sample carries, with a 95 % interval; the rest is named in
    ``left_out``. ``seed`` serves the resampling behind the calibration error only. Raises ``MetricError``
    when there are no rows, the lengths differ, an outcome is missing or a probability lies outside [0, 1].
    """
    outcome, probability = _checked(y, p)
    metrics: dict[str, Callable[[], Estimate]] = {
        "roc_auc": lambda: delong_auc(outcome, probability),
        "pr_auc": lambda: pr_auc(outcome, probability),
        "log_loss": lambda: log_loss(outcome, probability),
        "brier": lambda: brier(outcome, probability),
        "ece": lambda: ece(outcome, probability, seed=seed),
        "top_decile_lift": lambda: top_decile_lift(outcome, probability),
        "base_rate": lambda: wilson(int(outcome.sum()), len(outcome)),
        "calibration_intercept": lambda: calibration_intercept(outcome, probability),
        "calibration_slope": lambda: calibration_slope(outcome, probability),
    }
    estimates: dict[str, Estimate] = {}
    left_out: dict[str, str] = {}
    for name in METRICS:
        try:
            estimates[name] = metrics[name]()
        except NotEnoughData as reason:
            left_out[name] = str(reason)
    return Evaluation(estimates, left_out)


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Rows with similar probabilities: mean ``predicted``, ``observed`` rate with its Wilson interval."""

    predicted: float
    observed: Estimate

    def to_json(self) -> dict[str, object]:
        """Return a JSON object."""
        return {"predicted": self.predicted, "observed": self.observed.to_json()}


def calibration_curve(
    y: NDArray[np.bool_], p: NDArray[np.float64], bins: int = 10
) -> tuple[CalibrationBin, ...]:
    """Return predicted and observed conversion rate over ``bins`` of equal mass, lowest first.

    Equal probabilities stay in one bin, so there may be fewer. Raises ``MetricError`` as ``evaluate`` does.
    """
    outcome, probability = _checked(y, p)
    index = equal_mass_bins(probability, bins)
    size = np.bincount(index)
    hits = np.bincount(index, weights=outcome.astype(np.float64))
    predicted = np.bincount(index, weights=probability) / size
    return tuple(
        CalibrationBin(float(mean), wilson(int(converted), int(n)))
        for mean, converted, n in zip(predicted, hits, size, strict=True)
    )


@dataclass(frozen=True, slots=True)
class GainPoint:
    """The best ``share`` of the rows holds ``captured`` of the conversions; ``rate`` is the rate in it."""

    share: float
    captured: float
    captured_low: float
    captured_high: float
    rate: float
    lift: float
    n: int

    def to_json(self) -> dict[str, float]:
        """Return a JSON object."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def gain_curve(y: NDArray[np.bool_], p: NDArray[np.float64], points: int = 20) -> tuple[GainPoint, ...]:
    """Return the share of all conversions held by the best 1/points, 2/points, ... of the rows.

    Ties are counted by expectation. ``captured_low`` and ``captured_high`` are Wilson bounds on the number of
    conversions (slightly wide, because the border is taken from the same rows); ``n`` is the number of rows
    in the share, rounded. Raises ``MetricError`` as ``evaluate`` does and when nobody converted.
    """
    outcome, probability = _checked(y, p)
    converted, n = int(outcome.sum()), len(outcome)
    if converted == 0:
        raise MetricError(f"a gain curve needs at least 1 conversion, got 0 in {n} rows")
    curve = []
    for step in range(1, points + 1):
        share = step / points
        hits = min(top_share_hits(outcome, probability, share), float(converted))
        low, high = (float(bound) for bound in wilson_bounds(hits, converted))
        captured, rate = hits / converted, hits / (share * n)
        curve.append(GainPoint(share, captured, low, high, rate, captured / share, round(share * n)))
    return tuple(curve)


def _checked(y: ArrayLike, p: ArrayLike) -> tuple[Bools, Floats]:
    outcome, probability = np.asarray(y), np.asarray(p, dtype=np.float64)
    if outcome.ndim != 1 or outcome.shape != probability.shape:
        raise MetricError(
            f"outcomes and probabilities must be two columns of one length, got shapes {outcome.shape} and "
            f"{probability.shape}"
        )
    if len(outcome) == 0:
        raise MetricError("nothing to judge: 0 rows")
    if outcome.dtype != np.bool_:
        if not bool(np.isin(outcome, (0, 1)).all()):
            raise MetricError("every outcome must be true or false (1 or 0), and none may be missing")
        outcome = outcome.astype(np.bool_)
    if not bool(((probability >= 0) & (probability <= 1)).all()):
        raise MetricError("every probability must be a number between 0 and 1")
    return outcome, probability
