"""How a group is ranked: equal to plain definitions, blind to folds, and fair under its own promise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from scoring.ml.concordance import rank_leads, sorted_leads
from scoring.ml.delong import delong_auc, delong_covariance
from scoring.ml.estimates import NotEnoughData

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def drawn(n: int, seed: int, folds: int = 5) -> tuple[Bools, Floats, NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    p = np.round(1 / (1 + np.exp(-rng.normal(-1, 1, n))), 2).clip(0.01, 0.99)
    return rng.random(n) < p, p, rng.integers(0, folds, n)


def test_it_counts_the_pairs_of_each_fold_and_ties_as_half() -> None:
    y, p, fold = drawn(60, 1, folds=3)
    wins = pairs = promised = comparable = 0.0
    for i in range(60):
        for j in range(60):
            if i == j or fold[i] != fold[j]:
                continue
            order = float(p[i] > p[j]) + 0.5 * float(p[i] == p[j])
            wins += order * y[i] * (not y[j])
            pairs += y[i] * (not y[j])
            promised += order * p[i] * (1 - p[j])
            comparable += p[i] * (1 - p[j])
    found = rank_leads(sorted_leads(y, p, fold)[0])
    assert found.auc == pytest.approx(wins / pairs)
    assert found.promised == pytest.approx(promised / comparable)


def test_in_one_fold_auc_and_error_are_delongs() -> None:
    y, p, fold = drawn(500, 2, folds=1)
    found = rank_leads(sorted_leads(y, p, fold)[0])
    aucs, covariance = delong_covariance(y, p[None, :])
    assert found.auc == pytest.approx(aucs[0])
    assert found.standard_error == pytest.approx(np.sqrt(covariance[0, 0]), rel=0.02)
    plain, ours = delong_auc(y, p), found.estimate(500)
    assert (ours.low, ours.high) == pytest.approx((plain.low, plain.high), abs=0.003)


def test_the_order_of_the_rows_does_not_matter() -> None:
    y, p, fold = drawn(300, 3)
    mixed = np.random.default_rng(0).permutation(300)
    one, other = (
        rank_leads(sorted_leads(y, p, fold)[0]),
        rank_leads(sorted_leads(y[mixed], p[mixed], fold[mixed])[0]),
    )
    assert (one.auc, one.promised) == pytest.approx((other.auc, other.promised))
    assert (one.p_value, one.standard_error) == pytest.approx((other.p_value, other.standard_error))


def test_folds_that_were_predicted_from_one_another_do_not_rank_a_group_backwards() -> None:
    """The rate of a group without signal, predicted from its other folds, is low just where it is high."""
    rng = np.random.default_rng(4)
    pooled, within = [], []
    for _ in range(200):
        fold, y = np.repeat(np.arange(5), 30), rng.random(150) < 0.2
        p = np.array([y[fold != k].mean() for k in range(5)])[fold]
        pooled.append(delong_auc(y, p).value)
        within.append(rank_leads(sorted_leads(y, p, fold)[0]).p_value)
    assert np.mean(pooled) < 0.45
    assert min(within) == 1.0, "equal leads promise nothing and break no promise"


def test_right_probabilities_give_p_values_as_they_should_be() -> None:
    p_values = []
    for seed in range(600):
        y, p, fold = drawn(200, seed)
        p_values.append(rank_leads(sorted_leads(y, p, fold)[0]).p_value)
    assert kstest(p_values, "uniform").statistic < 0.07
    assert np.mean(np.array(p_values) < 0.01) < 0.03


def test_a_group_ranked_worse_than_promised_is_seen() -> None:
    y, p, fold = drawn(800, 5)
    shuffled = np.random.default_rng(0).permutation(y)
    assert rank_leads(sorted_leads(shuffled, p, fold)[0]).p_value < 1e-6


def test_its_interval_covers() -> None:
    truth = np.mean([rank_leads(sorted_leads(*drawn(4000, 9000 + s))[0]).auc for s in range(20)])
    held = []
    for seed in range(400):
        y, p, fold = drawn(150, seed)
        auc = rank_leads(sorted_leads(y, p, fold)[0]).estimate(150)
        held.append(auc.low <= truth <= auc.high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.035)


def test_without_both_outcomes_in_a_fold_there_is_nothing_to_rank() -> None:
    with pytest.raises(NotEnoughData, match="no fold holds"):
        rank_leads(sorted_leads(np.array([True, False]), np.array([0.4, 0.5]), np.array([0, 1]))[0])


def test_the_covariance_is_that_of_the_paired_comparison() -> None:
    y = np.array([0, 0, 1, 1, 0, 1, 0, 1, 1, 0], dtype=bool)
    scores = np.array(
        [
            [0.1, 0.4, 0.35, 0.8, 0.2, 0.9, 0.5, 0.6, 0.7, 0.3],
            [0.2, 0.3, 0.4, 0.6, 0.1, 0.7, 0.6, 0.5, 0.9, 0.35],
        ]
    )
    aucs, covariance = delong_covariance(y, scores)
    assert aucs == pytest.approx([0.92, 0.90])
    assert covariance == pytest.approx(np.array([[0.0088, 0.0050], [0.0050, 0.0120]]))
    with pytest.raises(NotEnoughData, match="2 rows of each class"):
        delong_covariance(np.array([True, False, False]), np.ones((1, 3)))
