"""Calibrated probabilities: order kept, strictly inside (0, 1), one value as many, JSON exact."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from scoring.ml.calibration import ISOTONIC_POSITIVES, Calibrator, CalibratorError, fit_calibrator
from scoring.ml.intervals import NotEnoughData, delong_auc
from scoring.ml.isotonic import fit_knots
from scoring.ml.recalibration import (
    calibration_intercept,
    calibration_slope,
    fit_logistic,
    log_odds,
    mean_log_loss,
)


def _leads(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    chance = expit(-1.5 + 1.2 * rng.standard_normal(n))
    return rng.random(n) < chance, chance


def _bent(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Predictions bent as no logistic curve can straighten."""
    y, chance = _leads(n, seed)
    return y, np.where(chance < 0.2, chance / 4, 0.05 + (chance - 0.2) * 0.9)


def test_platt_is_used_below_a_thousand_conversions() -> None:
    y, chance = _bent(3000)
    assert y.sum() < ISOTONIC_POSITIVES
    calibrator = fit_calibrator(y, chance, seed=0)
    assert calibrator.kind == "platt"
    assert "1,000" in calibrator.reason


def test_isotonic_wins_where_the_bend_is_not_logistic() -> None:
    y, bent = _bent(20_000)
    calibrator = fit_calibrator(y, bent, seed=0)
    assert calibrator.kind == "isotonic"
    assert calibrator.log_loss["isotonic"] < calibrator.log_loss["platt"]
    assert mean_log_loss(y, calibrator.apply(bent)) < mean_log_loss(y, bent) - 0.01


def test_platt_wins_where_the_bend_is_logistic() -> None:
    y, chance = _leads(8000)
    calibrator = fit_calibrator(y, expit(0.5 + 1.7 * log_odds(chance)), seed=0)
    assert calibrator.kind == "platt"
    assert calibrator.slope == pytest.approx(1 / 1.7, rel=0.1)
    assert calibrator.intercept == pytest.approx(-0.5 / 1.7, abs=0.1)


def test_platt_equals_scikit_learn_on_platts_targets() -> None:
    y, chance = _leads(2000)
    positives, negatives = y.sum(), (~y).sum()
    weights = np.concatenate([np.where(y, (positives + 1) / (positives + 2), 1 / (negatives + 2))] * 2)
    weights[len(y) :] = 1 - weights[len(y) :]
    twice = np.tile(log_odds(chance), 2)[:, None]
    target = np.repeat([1, 0], len(y))
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(twice, target, sample_weight=weights)
    ours = fit_calibrator(y, chance, seed=0)
    assert ours.slope == pytest.approx(theirs.coef_[0, 0], rel=1e-4)
    assert ours.intercept == pytest.approx(theirs.intercept_[0], abs=1e-4)


@pytest.mark.parametrize("make", [_leads, _bent])
@pytest.mark.parametrize("n", [400, 20_000])
def test_calibration_keeps_the_ranking(make: object, n: int) -> None:
    y, raw = make(n)  # type: ignore[operator]
    calibrated = fit_calibrator(y, raw, seed=0).apply(raw)
    assert delong_auc(y, calibrated).value == pytest.approx(delong_auc(y, raw).value, abs=1e-6)
    order = np.argsort(raw)
    assert (np.diff(calibrated[order]) > 0).sum() >= (np.diff(raw[order]) > 0).sum() - 1


def test_new_leads_are_calibrated_by_a_curve_fitted_on_others() -> None:
    y, bent = _bent(20_000)
    fresh_y, fresh = _bent(20_000, seed=1)
    calibrated = fit_calibrator(y, bent, seed=0).apply(fresh)
    slope, intercept = calibration_slope(fresh_y, calibrated), calibration_intercept(fresh_y, calibrated)
    assert slope.value == pytest.approx(1, abs=0.1)
    assert intercept.value == pytest.approx(0, abs=0.1)
    assert not 0.8 < calibration_slope(fresh_y, fresh).value < 1.2


KINDS = [
    Calibrator("identity"),
    Calibrator("platt", intercept=-0.7, slope=1.9),
    Calibrator("platt", intercept=300.0, slope=40.0),
    Calibrator("isotonic", x=(0.0, 0.1, 0.5, 1.0), value=(0.01, 0.2, 0.3, 0.9)),
    Calibrator("isotonic", x=(0.2, 0.3), value=(0.1, 0.8)),
]


@pytest.mark.parametrize("calibrator", KINDS)
@settings(max_examples=60)
@given(p=st.floats(0, 1))
def test_one_value_equals_many_and_stays_strictly_inside(calibrator: Calibrator, p: float) -> None:
    many = float(calibrator.apply(np.array([p]))[0])
    assert calibrator.apply_one(p) == pytest.approx(many, abs=1e-12)
    assert 0 < many < 1


@pytest.mark.parametrize("calibrator", KINDS)
def test_a_calibrator_survives_json_exactly(calibrator: Calibrator) -> None:
    stored = json.loads(json.dumps(calibrator.to_json(), allow_nan=False))
    assert Calibrator.from_json(stored) == calibrator


def test_a_fitted_calibrator_survives_json_exactly() -> None:
    y, bent = _bent(20_000)
    calibrator = fit_calibrator(y, bent, seed=0)
    again = Calibrator.from_json(json.loads(json.dumps(calibrator.to_json(), allow_nan=False)))
    assert again == calibrator
    assert (again.apply(bent) == calibrator.apply(bent)).all()
    assert (
        max(
            abs(again.apply_one(float(p)) - q)
            for p, q in zip(bent[:500], calibrator.apply(bent[:500]), strict=True)
        )
        < 1e-12
    )


@pytest.mark.parametrize("positives", [0, 1, 299, 300])
def test_too_few_outcomes_change_nothing_and_say_so(positives: int) -> None:
    calibrator = fit_calibrator(np.arange(300) < positives, np.linspace(0.1, 0.2, 300), seed=0)
    assert calibrator.kind == "identity"
    assert f"{positives} of 300" in calibrator.reason
    assert calibrator.apply_one(0.15) == 0.15


def test_equal_predictions_change_nothing_and_say_so() -> None:
    calibrator = fit_calibrator(np.arange(300) < 30, np.full(300, 0.1), seed=0)
    assert calibrator.kind == "identity"
    assert "equal" in calibrator.reason


def test_separated_classes_are_calibrated_without_certainty() -> None:
    y = np.arange(100) >= 50
    calibrator = fit_calibrator(y, np.linspace(0.01, 0.99, 100), seed=0)
    assert calibrator.kind == "platt"
    assert 0.9 < calibrator.apply_one(0.99) < 1


def test_predictions_worse_than_chance_are_not_turned_round() -> None:
    y, chance = _leads(2000)
    calibrator = fit_calibrator(y, 1 - chance, seed=0)
    assert calibrator.slope > 0
    assert "no better than chance" in calibrator.reason
    assert calibrator.apply(1 - chance).mean() == pytest.approx(y.mean(), abs=0.01)


def test_predictions_of_exactly_zero_and_one_are_allowed() -> None:
    y, chance = _leads(6000)
    raw = np.where(chance < 0.05, 0.0, np.where(chance > 0.7, 1.0, chance))
    for calibrator in (fit_calibrator(y, raw, seed=0), Calibrator("isotonic", **_knots(y, raw))):
        calibrated = calibrator.apply(raw)
        assert calibrated.min() > 0
        assert calibrated.max() < 1


def _knots(y: np.ndarray, p: np.ndarray) -> dict[str, tuple[float, ...]]:
    knots = fit_knots(y, p)
    return {"x": knots.x, "value": knots.value}


def test_each_knot_sits_at_the_mean_of_an_isotonic_step() -> None:
    y, chance = _leads(3000)
    steps = IsotonicRegression(out_of_bounds="clip").fit(chance, y).predict(chance)
    knots = fit_knots(y, chance)
    inner = dict(zip(knots.x[1:-1], knots.value[1:-1], strict=True))
    for level in np.unique(steps)[1:-1]:
        centre = chance[np.isclose(steps, level)].mean()
        nearest = min(inner, key=lambda x: abs(x - centre))
        assert nearest == pytest.approx(centre, abs=1e-9)
        assert inner[nearest] == pytest.approx(level, abs=1e-9)
    assert (knots.x[0], knots.x[-1]) == (0.0, 1.0)


@pytest.mark.parametrize("y", [[True, True], [False, False], [True, False], [False, True]])
def test_knots_of_the_smallest_samples_stay_inside(y: list[bool]) -> None:
    knots = fit_knots(np.array(y), np.array([0.2, 0.8]))
    assert all(0 < value < 1 for value in knots.value)
    assert list(knots.x) == sorted(set(knots.x))
    assert list(knots.value) == sorted(set(knots.value))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "forest"}, "calibrator.kind: expected one of identity, platt, isotonic"),
        ({"slope": 0}, "slope above 0"),
        ({"slope": "1"}, "calibrator.slope: expected a finite number"),
        ({"intercept": math.inf}, "calibrator.intercept"),
        ({"kind": "isotonic", "x": [0.1], "value": [0.2]}, "at least 2"),
        (
            {"kind": "isotonic", "x": [0.1, 0.1], "value": [0.2, 0.3]},
            "calibrator.x: expected strictly increasing",
        ),
        ({"kind": "isotonic", "x": [0.1, 0.2], "value": [0.3, 0.2]}, "calibrator.value: expected strictly"),
        ({"kind": "isotonic", "x": [0.1, 2.0], "value": [0.2, 0.3]}, "between 0 and 1"),
        ({"kind": "isotonic", "x": [0.1, None], "value": [0.2, 0.3]}, r"calibrator.x\[1\]"),
        ({"x": "0.1"}, "calibrator.x: expected a list"),
        ({"log_loss": 3}, "calibrator.log_loss"),
    ],
)
def test_a_broken_stored_calibrator_is_refused_by_name(change: dict[str, object], words: str) -> None:
    good = Calibrator("platt", intercept=0.1, slope=1.1).to_json()
    with pytest.raises(CalibratorError, match=words):
        Calibrator.from_json({**good, **change})
    with pytest.raises(CalibratorError, match="JSON object"):
        Calibrator.from_json([])  # type: ignore[arg-type]


def test_what_cannot_be_calibrated_is_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        fit_calibrator(np.array([True]), np.array([0.1, 0.2]), seed=0)
    with pytest.raises(ValueError, match="one length"):
        fit_calibrator(np.array([], dtype=bool), np.array([]), seed=0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        fit_calibrator(np.array([True, False]), np.array([0.1, math.nan]), seed=0)


def test_the_seed_decides_the_folds() -> None:
    y, bent = _bent(20_000)
    first, again, other = (fit_calibrator(y, bent, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.log_loss != other.log_loss


def test_the_slope_equals_scikit_learns_and_its_error_the_inverse_information() -> None:
    y, chance = _leads(500)
    theirs = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000).fit(log_odds(chance)[:, None], y)
    fitted = theirs.predict_proba(log_odds(chance)[:, None])[:, 1]
    design = np.column_stack([np.ones(500), log_odds(chance)])
    covariance = np.linalg.inv((design * (fitted * (1 - fitted))[:, None]).T @ design)
    slope = calibration_slope(y, chance)
    assert slope.value == pytest.approx(theirs.coef_[0, 0], rel=1e-5)
    assert (slope.high - slope.low) / 2 == pytest.approx(1.959964 * math.sqrt(covariance[1, 1]), rel=1e-4)


def test_the_intercept_solves_its_equation() -> None:
    y, chance = _leads(500)
    shifted = expit(log_odds(chance) + 0.8)
    root = brentq(lambda c: float((y - expit(c + log_odds(shifted))).sum()), -5, 5)
    estimate = calibration_intercept(y, shifted)
    assert estimate.value == pytest.approx(root, abs=1e-8)
    assert estimate.high < 0


def test_a_logistic_fit_without_a_maximum_says_so() -> None:
    design = np.column_stack([np.ones(6), np.arange(6.0)])
    with pytest.raises(NotEnoughData, match="no finite fit"):
        fit_logistic(design, np.array([0.0, 0, 0, 1, 1, 1]))
    with pytest.raises(NotEnoughData, match="no finite fit"):
        fit_logistic(np.ones((6, 2)), np.array([0.0, 0, 1, 0, 1, 1]))
