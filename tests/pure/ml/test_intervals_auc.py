"""ROC-AUC: DeLong's variance, the interval at its edges, and the paired comparison."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scoring.ml.delong import SMALLEST_CLASS
from scoring.ml.intervals import NotEnoughData, delong_auc, delong_paired

Y = np.array([0, 0, 1, 1, 0, 1, 0, 1, 1, 0], dtype=bool)
A = np.array([0.1, 0.4, 0.35, 0.8, 0.2, 0.9, 0.5, 0.6, 0.7, 0.3])
B = np.array([0.2, 0.3, 0.4, 0.6, 0.1, 0.7, 0.6, 0.5, 0.9, 0.35])


def _sample(n: int, seed: int, gap: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    score = rng.standard_normal(n) + gap * y
    return y, score, score + rng.standard_normal(n)


def test_the_check_values_of_the_contract_hold() -> None:
    paired = delong_paired(Y, A, B)
    assert (paired.auc_a, paired.auc_b) == pytest.approx((0.92, 0.90), abs=1e-12)
    assert (paired.var_a, paired.var_b, paired.cov) == pytest.approx((0.0088, 0.0120, 0.0050), abs=1e-12)
    assert paired.p_value == pytest.approx(0.84739, abs=5e-6)
    assert paired.difference.value == pytest.approx(0.02, abs=1e-12)
    assert delong_auc(Y, A).value == pytest.approx(0.92, abs=1e-12)


def test_variances_equal_the_definition_by_placement_values() -> None:
    y, a, b = _sample(80, 3)
    a, b = a.round(1), b.round(1)

    def placements(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pairs = np.sign(score[y][:, None] - score[~y][None, :]) / 2 + 0.5
        return pairs.mean(axis=1), pairs.mean(axis=0)

    (up_a, down_a), (up_b, down_b) = placements(a), placements(b)
    expected = np.cov(up_a, up_b) / y.sum() + np.cov(down_a, down_b) / (~y).sum()
    paired = delong_paired(y, a, b)
    assert paired.var_a == pytest.approx(expected[0, 0], rel=1e-10)
    assert paired.var_b == pytest.approx(expected[1, 1], rel=1e-10)
    assert paired.cov == pytest.approx(expected[0, 1], rel=1e-10)


def test_the_auc_equals_the_mann_whitney_statistic_with_ties() -> None:
    y, score, _ = _sample(300, 4)
    score = score.round(0)
    u = stats.mannwhitneyu(score[y], score[~y]).statistic
    assert delong_auc(y, score).value == pytest.approx(u / (y.sum() * (~y).sum()), abs=1e-12)


def test_the_large_sample_interval_is_delongs_on_the_logit_scale() -> None:
    y, a, b = _sample(3000, 5)
    estimate = delong_auc(y, a)
    spread = math.sqrt(delong_paired(y, a, b).var_a)
    centre = math.log(estimate.value / (1 - estimate.value))
    half = 1.959964 * spread / (estimate.value * (1 - estimate.value))
    assert estimate.low == pytest.approx(1 / (1 + math.exp(half - centre)), abs=2e-4)
    assert estimate.high == pytest.approx(1 / (1 + math.exp(-half - centre)), abs=2e-4)
    assert estimate.method == "DeLong, logit"


def test_the_small_sample_interval_solves_newcombes_equation() -> None:
    estimate = delong_auc(Y, A)
    assert estimate.method == "Newcombe score"
    average = (5 + 5) / 2 - 1
    for bound in (estimate.low, estimate.high):
        variance = (
            bound * (1 - bound) * (1 + average * ((1 - bound) / (2 - bound) + bound / (1 + bound))) / 25
        )
        assert abs(bound - 0.92) == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-5)


@pytest.mark.parametrize("each", [1, 2, SMALLEST_CLASS, 500])
def test_a_perfect_ranking_has_room_below_and_none_above(each: int) -> None:
    y = np.repeat([False, True], each)
    estimate = delong_auc(y, np.arange(2 * each) * 1.0)
    assert (estimate.value, estimate.high) == (1.0, 1.0)
    assert 0.0 < estimate.low < 1.0
    turned = delong_auc(~y, np.arange(2 * each) * 1.0)
    assert (turned.value, turned.low) == (0.0, 0.0)
    assert turned.high == pytest.approx(1 - estimate.low, abs=1e-9)


def test_the_perfect_interval_narrows_with_the_sample() -> None:
    lows = [delong_auc(np.repeat([False, True], k), np.arange(2.0 * k)).low for k in (2, 5, 20, 100)]
    assert lows == sorted(lows)


def test_constant_scores_rank_nobody_and_are_certain_of_it() -> None:
    estimate = delong_auc(Y, np.full(10, 0.3))
    assert (estimate.value, estimate.low, estimate.high) == (0.5, 0.5, 0.5)
    assert estimate.method == "constant scores"


@pytest.mark.parametrize("y", [[], [True], [False, False], [True, True, True]])
def test_one_class_is_not_enough(y: list[bool]) -> None:
    with pytest.raises(NotEnoughData, match="converted and other rows"):
        delong_auc(np.array(y, dtype=bool), np.arange(len(y)) * 1.0)


def test_a_comparison_needs_two_rows_of_each_class() -> None:
    with pytest.raises(NotEnoughData, match="1 converted and 3 others"):
        delong_paired(np.array([True, False, False, False]), np.arange(4.0), np.arange(4.0)[::-1])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        delong_auc(Y, np.append(A[:-1], bad))


def test_shapes_and_outcomes_are_checked() -> None:
    with pytest.raises(ValueError, match="shape"):
        delong_auc(Y, A[:-1])
    with pytest.raises(ValueError, match="one-dimensional"):
        delong_auc(Y.reshape(2, 5), A)
    with pytest.raises(ValueError, match="False/True"):
        delong_auc(np.array([0, 1, 2]), np.arange(3.0))


def test_a_score_against_its_own_rank_differs_by_nothing() -> None:
    paired = delong_paired(Y, A, np.exp(3 * A))
    assert (paired.difference.low, paired.difference.value, paired.difference.high) == (0.0, 0.0, 0.0)
    assert paired.p_value == 1.0


def test_two_different_perfect_rankings_are_not_called_equal_for_certain() -> None:
    paired = delong_paired(Y, Y + A / 10, Y + B / 10)
    assert paired.difference.value == 0.0
    assert paired.difference.low < -0.1 < 0.1 < paired.difference.high
    assert paired.p_value == 1.0


def test_a_perfect_ranking_beats_a_constant_one_although_no_variance_is_seen() -> None:
    better = delong_paired(Y, Y * 1.0, np.zeros(10))
    worse = delong_paired(Y, np.zeros(10), Y * 1.0)
    assert 0.0 < better.difference.low < better.difference.value == 0.5
    assert worse.difference.high == pytest.approx(-better.difference.low)
    assert better.p_value == pytest.approx(worse.p_value)
    assert better.p_value < 0.05


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=2, max_size=80))
def test_every_interval_holds_its_estimate_inside_zero_and_one(rows: list[tuple[bool, int]]) -> None:
    y = np.array([row[0] for row in rows])
    score = np.array([row[1] for row in rows], dtype=float)
    if y.all() or not y.any():
        return
    estimate = delong_auc(y, score)
    assert 0.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0
    mirrored = delong_auc(~y, score)
    assert mirrored.value == pytest.approx(1 - estimate.value, abs=1e-12)
    assert mirrored.low == pytest.approx(1 - estimate.high, abs=1e-6)
