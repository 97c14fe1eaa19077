"""What a model is judged by: values against scikit-learn, ties, edges and curves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn import metrics as sk

from scoring.ml.intervals import NotEnoughData, wilson
from scoring.ml.losses import brier, ece, equal_mass_bins, log_loss
from scoring.ml.metrics import METRICS, MetricError, calibration_curve, evaluate, gain_curve
from scoring.ml.ranking import pr_auc, top_decile_lift, top_share_hits


def _leads(n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = expit(-2 + rng.standard_normal(n))
    return rng.random(n) < p, p


def test_every_metric_agrees_with_scikit_learn() -> None:
    y, p = _leads()
    result = evaluate(y, p, seed=1)
    expected = {
        "roc_auc": sk.roc_auc_score(y, p),
        "pr_auc": sk.average_precision_score(y, p),
        "log_loss": sk.log_loss(y, p),
        "brier": sk.brier_score_loss(y, p),
        "base_rate": y.mean(),
    }
    for name, value in expected.items():
        assert result[name].value == pytest.approx(value, abs=1e-12), name
    assert tuple(result) == METRICS
    assert result.left_out == {}
    assert all(e.low <= e.value <= e.high and e.n == 4000 for e in result.values())


def test_ties_are_handled_as_scikit_learn_does() -> None:
    y, p = _leads()
    rounded = p.round(1)
    assert pr_auc(y, rounded).value == pytest.approx(sk.average_precision_score(y, rounded), abs=1e-12)
    assert evaluate(y, rounded, seed=0)["roc_auc"].value == pytest.approx(
        sk.roc_auc_score(y, rounded), abs=1e-12
    )


def test_the_order_of_the_rows_changes_nothing() -> None:
    y, p = _leads(500)
    p = p.round(2)
    shuffle = np.random.default_rng(9).permutation(500)
    first, second = evaluate(y, p, seed=1), evaluate(y[shuffle], p[shuffle], seed=1)
    for name in METRICS:
        assert first[name].value == pytest.approx(second[name].value, abs=1e-9), name
        assert first[name].low == pytest.approx(second[name].low, abs=0.005), name


def test_zeros_and_ones_are_taken_for_outcomes() -> None:
    y, p = _leads(200)
    assert evaluate(y.astype(int), p, seed=0) == evaluate(y, p, seed=0)


def test_one_class_leaves_out_what_cannot_be_said_and_says_why() -> None:
    result = evaluate(np.zeros(60, dtype=bool), np.linspace(0.01, 0.2, 60), seed=0)
    assert set(result) == {"ece", "base_rate"}
    assert set(result) | set(result.left_out) == set(METRICS)
    assert "0 converted of 60" in result.left_out["roc_auc"]


def test_equal_probabilities_have_no_slope_and_no_lift() -> None:
    y = np.arange(50) < 5
    result = evaluate(y, np.full(50, 0.1), seed=0)
    assert "all are equal" in result.left_out["calibration_slope"]
    assert (result["roc_auc"].low, result["roc_auc"].high) == (0.5, 0.5)
    assert (result["top_decile_lift"].low, result["top_decile_lift"].high) == (1.0, 1.0)
    assert result["pr_auc"].value == pytest.approx(0.1)
    assert result["calibration_intercept"].value == pytest.approx(0.0, abs=1e-9)


def test_separated_classes_leave_out_the_slope() -> None:
    result = evaluate(np.arange(50) < 25, np.linspace(0.9, 0.1, 50), seed=0)
    assert "separate" in result.left_out["calibration_slope"]
    assert result["pr_auc"].value == result["roc_auc"].value == 1.0


def test_a_single_row_has_a_base_rate_and_nothing_else() -> None:
    result = evaluate(np.array([True]), np.array([0.3]), seed=0)
    assert set(result) == {"base_rate"}
    assert result["base_rate"] == wilson(1, 1)


def test_certain_and_wrong_costs_much_but_stays_finite() -> None:
    y, p = np.array([True, False, True, False]), np.array([0.0, 0.0, 1.0, 1.0])
    assert log_loss(y, p).value == pytest.approx(-math.log(1e-15) / 2, rel=1e-4)
    assert brier(y, p).value == 0.5


@pytest.mark.parametrize(
    ("y", "p", "words"),
    [
        ([], [], "0 rows"),
        ([True], [0.1, 0.2], "one length"),
        ([True, False], [0.1, 1.2], "between 0 and 1"),
        ([True, False], [0.1, math.nan], "between 0 and 1"),
        ([True, False], [-0.1, 0.5], "between 0 and 1"),
        ([0.0, 2.0], [0.1, 0.5], "true or false"),
        ([0.0, math.nan], [0.1, 0.5], "none may be missing"),
        ([[True], [False]], [[0.1], [0.5]], "two columns"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(y: list[object], p: list[object], words: str) -> None:
    for judge in (lambda a, b: evaluate(a, b, seed=0), calibration_curve, gain_curve):
        with pytest.raises(MetricError, match=words):
            judge(np.array(y), np.array(p))


def test_lift_counts_the_best_tenth() -> None:
    y = np.zeros(100, dtype=bool)
    y[[0, 1, 2, 50, 60]] = True
    assert top_decile_lift(y, np.arange(100.0)[::-1]).value == pytest.approx(0.3 / 0.05)


def test_lift_takes_the_mean_over_all_ways_to_break_ties() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.random(40) < 0.3, rng.integers(0, 4, 40).astype(float)
    broken = [top_decile_lift(y, p + rng.random(40) * 1e-6).value for _ in range(1500)]
    assert top_decile_lift(y, p).value == pytest.approx(np.mean(broken), abs=0.07)


def test_a_border_inside_a_row_takes_its_share() -> None:
    # 15 rows: the best tenth is one and a half rows.
    y = np.zeros(15, dtype=bool)
    y[1] = True
    assert top_share_hits(y, np.arange(15.0)[::-1], 0.1) == pytest.approx(0.5)


def test_fewer_than_ten_rows_have_no_tenth() -> None:
    with pytest.raises(NotEnoughData, match="at least 10 rows"):
        top_decile_lift(np.array([True, False]), np.array([0.2, 0.1]))


def test_no_hit_in_the_top_still_has_room_above() -> None:
    estimate = top_decile_lift(np.arange(100) >= 95, np.arange(100.0)[::-1])
    assert (estimate.value, estimate.low) == (0.0, 0.0)
    assert 0.5 < estimate.high < 10


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=20, max_size=120))
def test_every_interval_holds_its_value_within_the_possible_range(rows: list[tuple[bool, int]]) -> None:
    y = np.array([row[0] for row in rows])
    p = np.array([row[1] for row in rows]) / 8
    result = evaluate(y, p, seed=0)
    for name, estimate in result.items():
        assert estimate.low <= estimate.value <= estimate.high
        if not name.startswith("calibration"):
            assert estimate.low >= 0
        if name in {"roc_auc", "pr_auc", "brier", "ece", "base_rate"}:
            assert estimate.value <= 1


def test_the_pr_variance_matches_leaving_rows_out_one_by_one() -> None:
    y, p = _leads(300, seed=5)
    value = sk.average_precision_score(y, p)
    rest = [sk.average_precision_score(np.delete(y, i), np.delete(p, i)) for i in range(300)]
    jackknife = math.sqrt(299 / 300 * ((np.array(rest) - np.mean(rest)) ** 2).sum())
    estimate = pr_auc(y, p)
    logit_half = (math.log(estimate.high / (1 - estimate.high)) - math.log(value / (1 - value))) / 2.0
    assert logit_half * value * (1 - value) == pytest.approx(jackknife, rel=0.15)


def test_calibration_error_is_the_weighted_gap_of_the_bins() -> None:
    y, p = _leads(1000, seed=2)
    order = np.argsort(p)
    gaps = [abs(y[part].mean() - p[part].mean()) * len(part) for part in np.array_split(order, 10)]
    assert ece(y, p, seed=0).value == pytest.approx(sum(gaps) / 1000, abs=1e-12)


def test_calibrated_predictions_are_not_called_uncalibrated() -> None:
    # 2.5 % are expected to be: 5 of 200.
    lows = [ece(*_leads(400, seed=seed), seed=0, reps=100).low for seed in range(100, 300)]
    assert sum(low > 0 for low in lows) <= 12


def test_predictions_twice_too_high_are_called_uncalibrated() -> None:
    y, p = _leads(2000, seed=3)
    estimate = ece(y, np.minimum(2 * p, 1.0), seed=0)
    assert estimate.low > 0.05


def test_calibration_error_needs_rows_in_its_bins() -> None:
    with pytest.raises(NotEnoughData, match="at least 20 rows"):
        ece(np.array([True] * 10), np.full(10, 0.5), seed=0)


def test_bins_hold_equal_mass_and_never_split_equal_values() -> None:
    p = np.random.default_rng(1).permutation(np.arange(1000) / 1000)
    assert np.bincount(equal_mass_bins(p, 10)).tolist() == [100] * 10
    tied = np.repeat([0.1, 0.2, 0.9], [5, 90, 5])
    bins = equal_mass_bins(tied, 10)
    assert len(set(zip(tied.tolist(), bins.tolist(), strict=True))) == 3
    assert equal_mass_bins(np.full(7, 0.3), 10).tolist() == [0] * 7
    with pytest.raises(ValueError, match="at least 1 bin"):
        equal_mass_bins(p, 0)


def test_the_calibration_curve_states_rates_with_their_intervals() -> None:
    y, p = _leads(1000, seed=2)
    curve = calibration_curve(y, p)
    assert len(curve) == 10
    assert sum(point.observed.n for point in curve) == 1000
    assert sum(point.observed.value * point.observed.n for point in curve) == pytest.approx(y.sum())
    assert sum(point.predicted * point.observed.n for point in curve) == pytest.approx(p.sum())
    assert [point.predicted for point in curve] == sorted(point.predicted for point in curve)
    lowest = np.argsort(p)[:100]
    assert curve[0].observed == wilson(int(y[lowest].sum()), 100)
    assert set(curve[0].to_json()) == {"predicted", "observed"}


def test_the_gain_curve_ends_with_everything() -> None:
    y, p = _leads(1000, seed=2)
    curve = gain_curve(y, p)
    assert [point.n for point in curve[:2]] == [50, 100]
    captured = [point.captured for point in curve]
    assert captured == sorted(captured)
    assert curve[-1].captured == curve[-1].lift == pytest.approx(1.0)
    assert curve[-1].rate == pytest.approx(y.mean())
    assert curve[1].lift == pytest.approx(top_decile_lift(y, p).value)
    assert all(point.captured_low <= point.captured <= point.captured_high for point in curve)
    assert curve[0].to_json()["share"] == 0.05


def test_a_gain_curve_without_conversions_is_refused() -> None:
    with pytest.raises(MetricError, match="at least 1 conversion"):
        gain_curve(np.zeros(10, dtype=bool), np.linspace(0, 1, 10))
