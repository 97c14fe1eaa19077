"""Turning a model's raw probabilities into calibrated ones, without changing their order."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from scoring.ml.estimates import NotEnoughData
from scoring.ml.isotonic import Knots, fit_knots
from scoring.ml.recalibration import EDGE, fit_logistic, log_odds, mean_log_loss

Floats = NDArray[np.float64]

KINDS = ("identity", "platt", "isotonic")
#: Isotonic regression needs this many conversions to beat a two-parameter curve reliably.
ISOTONIC_POSITIVES = 1000
FOLDS = 5
#: Every calibrated probability lies inside [FLOOR, 1 - FLOOR].
FLOOR = 1e-9
#: A slope of 0 or below would erase or reverse the ranking; the order is the model's, not the calibrator's.
LEAST_SLOPE = 0.01


class CalibratorError(ValueError):
    """A stored calibrator cannot be used; the message names the field, its value and what was expected."""


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A strictly increasing map from raw to calibrated probability, both in (0, 1).

    ``identity`` changes nothing. ``platt`` is expit(intercept + slope * log-odds). ``isotonic`` runs in
    straight lines through the knots ``x`` -> ``value`` (centred isotonic regression). ``reason`` says in
    words why this kind was chosen; ``log_loss`` holds the cross-validated log loss (nats) of each kind tried.
    """

    kind: str
    intercept: float = 0.0
    slope: float = 1.0
    x: tuple[float, ...] = ()
    value: tuple[float, ...] = ()
    reason: str = ""
    log_loss: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise CalibratorError(f"calibrator.kind: expected one of {', '.join(KINDS)}, got {self.kind!r}")
        if not (math.isfinite(self.intercept) and math.isfinite(self.slope) and self.slope > 0):
            raise CalibratorError(
                "calibrator: expected a finite intercept and a slope above 0, "
                f"got {self.intercept!r} and {self.slope!r}"
            )
        if self.kind == "isotonic":
            _check_knots(self.x, self.value)

    def apply(self, p: NDArray[np.float64]) -> Floats:
        """Return the calibrated probabilities for raw ones of any shape; each lies strictly inside (0, 1)."""
        raw = np.clip(np.asarray(p, dtype=np.float64), EDGE, 1 - EDGE)
        if self.kind == "platt":
            raw = np.asarray(expit(self.intercept + self.slope * log_odds(raw)))
        elif self.kind == "isotonic":
            raw = np.asarray(np.interp(raw, self.x, self.value))
        return np.asarray(np.clip(raw, FLOOR, 1 - FLOOR))

    def apply_one(self, p: float) -> float:
        """Return what ``apply`` returns for one probability (to 1e-12), without arrays."""
        raw = min(max(p, EDGE), 1 - EDGE)
        if self.kind == "platt":
            eta = self.intercept + self.slope * (math.log(raw) - math.log1p(-raw))
            raw = 1 / (1 + math.exp(-eta)) if eta >= 0 else math.exp(eta) / (1 + math.exp(eta))
        elif self.kind == "isotonic":
            raw = self._between_knots(raw)
        return min(max(raw, FLOOR), 1 - FLOOR)

    def _between_knots(self, p: float) -> float:
        right = bisect_right(self.x, p)
        if right == 0:
            return self.value[0]
        if right == len(self.x):
            return self.value[-1]
        x0, x1, v0, v1 = self.x[right - 1], self.x[right], self.value[right - 1], self.value[right]
        return (v1 - v0) / (x1 - x0) * (p - x0) + v0

    def to_json(self) -> dict[str, object]:
        """Return a JSON object; every float survives ``json.dumps`` and back unchanged."""
        return {
            "kind": self.kind,
            "intercept": self.intercept,
            "slope": self.slope,
            "x": list(self.x),
            "value": list(self.value),
            "reason": self.reason,
            "log_loss": dict(self.log_loss),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what ``to_json`` wrote; raises ``CalibratorError`` in words on anything else."""
        if not isinstance(data, Mapping):
            raise CalibratorError(f"calibrator: expected a JSON object, got {type(data).__name__}")
        losses = data.get("log_loss", {})
        if not isinstance(losses, Mapping):
            raise CalibratorError(f"calibrator.log_loss: expected a JSON object, got {type(losses).__name__}")
        return cls(
            kind=str(data.get("kind")),
            intercept=_number("intercept", data.get("intercept", 0.0)),
            slope=_number("slope", data.get("slope", 1.0)),
            x=_numbers("x", data.get("x", [])),
            value=_numbers("value", data.get("value", [])),
            reason=str(data.get("reason", "")),
            log_loss={str(kind): _number(f"log_loss.{kind}", loss) for kind, loss in losses.items()},
        )


def fit_calibrator(y: NDArray[np.bool_], p_oof: NDArray[np.float64], *, seed: int) -> Calibrator:
    """Fit the calibrator on out-of-fold probabilities ``p_oof`` (shape n) of outcomes ``y`` (shape n).

    Isotonic or Platt, whichever has the lower log loss over 5 stratified folds; Platt below 1,000
    conversions; identity when a class has fewer than 2 rows or all probabilities are equal. ``seed`` draws
    the folds. Raises ``ValueError`` on unequal lengths, no rows or a probability outside [0, 1]. Sources:
    Platt (1999), "Probabilistic outputs for support vector machines" (targets moved off 0 and 1);
    Zadrozny & Elkan (2002), KDD (isotonic); Oron & Flournoy (2017), Statistics in Biopharmaceutical
    Research 9:258-267 (centred isotonic regression, which has no flat steps).
    """
    outcome, raw = np.asarray(y, dtype=np.bool_), np.asarray(p_oof, dtype=np.float64)
    if outcome.ndim != 1 or outcome.shape != raw.shape or len(raw) == 0:
        raise ValueError(f"expected two columns of one length, got shapes {outcome.shape} and {raw.shape}")
    if not bool(((raw >= 0) & (raw <= 1)).all()):
        raise ValueError("every probability must lie between 0 and 1")
    positives = int(outcome.sum())
    if min(positives, len(outcome) - positives) < 2:
        return Calibrator(
            "identity", reason=f"too few outcomes to calibrate: {positives} of {len(outcome)} converted"
        )
    if float(np.ptp(log_odds(raw))) < 1e-9:
        return Calibrator("identity", reason="all predictions are equal: there is nothing to calibrate")
    if positives < ISOTONIC_POSITIVES:
        reason = f"Platt: {positives:,} conversions, isotonic needs {ISOTONIC_POSITIVES:,}"
        return _platt(outcome, raw, reason=reason)
    losses = _cross_validated(outcome, raw, seed)
    platt, isotonic = losses["platt"], losses["isotonic"]
    if isotonic < platt:
        reason = f"isotonic: cross-validated log loss {isotonic:.5f} against {platt:.5f} for Platt"
        return _isotonic(outcome, raw, reason=reason, losses=losses)
    reason = f"Platt: cross-validated log loss {platt:.5f} against {isotonic:.5f} for isotonic"
    return _platt(outcome, raw, reason=reason, losses=losses)


def _platt(
    y: NDArray[np.bool_], p: Floats, *, reason: str = "", losses: Mapping[str, float] | None = None
) -> Calibrator:
    positives = float(y.sum())
    negatives = len(y) - positives
    target = np.where(y, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    x = log_odds(p)
    centre = float(x.mean())
    try:
        fit = fit_logistic(np.column_stack([np.ones(len(x)), x - centre]), target)
        intercept, slope = (
            float(fit.coefficients[0]) - float(fit.coefficients[1]) * centre,
            float(fit.coefficients[1]),
        )
    except NotEnoughData as error:
        return Calibrator("identity", reason=f"Platt could not be fitted: {error}")
    if slope < LEAST_SLOPE:
        slope = LEAST_SLOPE
        intercept = float(fit_logistic(np.ones((len(x), 1)), target, offset=slope * x).coefficients[0])
        reason += "; the predictions rank no better than chance, so they are drawn close to the base rate"
    return Calibrator("platt", intercept=intercept, slope=slope, reason=reason, log_loss=dict(losses or {}))


def _isotonic(
    y: NDArray[np.bool_], p: Floats, *, reason: str = "", losses: Mapping[str, float] | None = None
) -> Calibrator:
    knots: Knots = fit_knots(y, p)
    return Calibrator("isotonic", x=knots.x, value=knots.value, reason=reason, log_loss=dict(losses or {}))


def _cross_validated(y: NDArray[np.bool_], p: Floats, seed: int) -> dict[str, float]:
    fold = _stratified_folds(y, seed)
    totals = {"platt": 0.0, "isotonic": 0.0}
    for held_out in range(FOLDS):
        test, train = fold == held_out, fold != held_out
        for kind, fitted in (
            ("platt", _platt(y[train], p[train])),
            ("isotonic", _isotonic(y[train], p[train])),
        ):
            totals[kind] += mean_log_loss(y[test], fitted.apply(p[test])) * int(test.sum())
    return {kind: total / len(y) for kind, total in totals.items()}


def _stratified_folds(y: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    fold = np.empty(len(y), dtype=np.int64)
    for level in (False, True):
        rows = rng.permutation(np.flatnonzero(y == level))
        fold[rows] = np.arange(len(rows)) % FOLDS
    return fold


def _check_knots(x: tuple[float, ...], value: tuple[float, ...]) -> None:
    if len(x) != len(value) or len(x) < 2:
        raise CalibratorError(
            f"calibrator: expected as many x as value, at least 2, got {len(x)} and {len(value)}"
        )
    for name, points in (("x", x), ("value", value)):
        if any(b <= a for a, b in pairwise(points)):
            raise CalibratorError(f"calibrator.{name}: expected strictly increasing numbers")
        if not (points[0] >= 0 and points[-1] <= 1):
            raise CalibratorError(f"calibrator.{name}: expected numbers between 0 and 1")


def _number(name: str, raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        raise CalibratorError(f"calibrator.{name}: expected a finite number, got {raw!r}")
    return float(raw)


def _numbers(name: str, raw: object) -> tuple[float, ...]:
    if not isinstance(raw, list | tuple):
        raise CalibratorError(f"calibrator.{name}: expected a list of numbers, got {type(raw).__name__}")
    return tuple(_number(f"{name}[{index}]", item) for index, item in enumerate(raw))
