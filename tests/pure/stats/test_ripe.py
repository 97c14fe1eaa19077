"""Worse than promised, as one number and one p-value: against SciPy, closed forms and simulated null hypotheses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from monitoring.stats.ripe import auc_loss, calibration_gap, share_excess
from scoring.ml.estimates import Estimate, NotEnoughData


def drawn(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    p = 1 / (1 + np.exp(-rng.normal(-2.0, 1.2, n)))
    return rng.random(n) < p, p


def test_the_p_value_of_an_auc_loss_is_that_of_two_normals_on_the_logit_scale() -> None:
    half = 0.2 * stats.norm.ppf(0.975)

    def at(centre: float) -> Estimate:
        low, value, high = (1 / (1 + np.exp(-(centre + k * half))) for k in (-1, 0, 1))
        return Estimate(float(value), float(low), float(high), 500, "made")

    loss = auc_loss(at(1.4), at(0.9))
    assert loss.p == pytest.approx(stats.norm.sf(0.5 / np.hypot(0.2, 0.2)), rel=1e-9)
    assert loss.difference.value == pytest.approx(at(1.4).value - at(0.9).value)
    assert loss.difference.low < loss.difference.value < loss.difference.high


def test_a_better_auc_is_no_loss() -> None:
    loss = auc_loss(Estimate(0.75, 0.72, 0.78, 900, "made"), Estimate(0.85, 0.82, 0.88, 900, "made"))
    assert loss.difference.value < 0
    assert loss.p > 0.99


def test_a_perfect_ranking_without_spread_is_compared_all_the_same() -> None:
    assert auc_loss(Estimate(0.8, 0.8, 0.8, 9, "x"), Estimate(0.9, 0.9, 0.9, 9, "x")).p == 1.0
    assert auc_loss(Estimate(0.9, 0.9, 0.9, 9, "x"), Estimate(0.8, 0.8, 0.8, 9, "x")).p == 0.0


def test_the_share_test_is_the_chi_square_of_the_table_without_correction() -> None:
    excess = share_excess(60, 300, 30, 250)
    chi = stats.chi2_contingency([[60, 240], [30, 220]], correction=False)
    assert excess.p == pytest.approx(chi.pvalue / 2)
    assert excess.difference.value == pytest.approx(0.08)


def test_shares_of_few_leads_are_not_compared() -> None:
    with pytest.raises(NotEnoughData, match="29 leads"):
        share_excess(5, 29, 4, 400)


def test_equal_probabilities_leave_the_test_of_a_rate() -> None:
    y = np.arange(400) < 60
    gap = calibration_gap(y, np.full(400, 0.1))
    z = (60 - 40) / np.sqrt(400 * 0.1 * 0.9)
    assert gap.p == pytest.approx(stats.chi2.sf(z**2, 1))
    assert gap.relative == pytest.approx(0.5)
    assert (gap.converted, gap.promised) == (60, pytest.approx(40))


def test_right_probabilities_are_called_wrong_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(4)
    p_values = []
    for _ in range(2000):
        y, p = drawn(rng, 500)
        p_values.append(calibration_gap(y, p).p)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert np.mean(np.array(p_values) <= 0.01) <= 0.016


def test_a_redrawn_law_is_heard_although_as_many_leads_convert() -> None:
    rng = np.random.default_rng(5)
    y, p = drawn(rng, 400)
    shuffled = rng.permutation(p)
    gap = calibration_gap(y, shuffled)
    assert gap.p < 1e-6
    assert gap.relative > 0.5


def test_too_few_of_the_rarer_outcome_are_named() -> None:
    with pytest.raises(NotEnoughData, match="12 of 300 leads converted; at least 30"):
        calibration_gap(np.arange(300) < 12, np.full(300, 0.05))


def test_probabilities_of_nought_and_one_do_not_break_the_test() -> None:
    y = np.arange(200) < 100
    gap = calibration_gap(y, np.where(y, 1.0, 0.0))
    assert np.isfinite(gap.p)
    assert gap.relative < 0.01
