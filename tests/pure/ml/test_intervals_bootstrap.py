"""The BCa bootstrap, against SciPy's, and what it does when it cannot be computed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scoring.ml.intervals import NotEnoughData, bootstrap_estimate


def test_it_agrees_with_scipys_bca_interval() -> None:
    sample = np.random.default_rng(3).exponential(size=60)
    ours = bootstrap_estimate(np.mean, [sample], seed=1, reps=3000)
    theirs = stats.bootstrap((sample,), np.mean, method="BCa", n_resamples=9999, rng=4).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)
    assert ours.value == sample.mean()


def test_the_same_seed_gives_the_same_interval() -> None:
    sample = np.random.default_rng(3).normal(size=30)
    first, again, other = (bootstrap_estimate(np.median, [sample], seed=seed, reps=200) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_rows_of_all_arrays_are_drawn_together() -> None:
    x = np.arange(50.0)
    estimate = bootstrap_estimate(
        lambda a, b: float(np.corrcoef(a, b)[0, 1]), [x, 2 * x + 1], seed=0, reps=100
    )
    assert estimate.low == pytest.approx(1.0, abs=1e-9)


def test_strata_keep_their_sizes() -> None:
    y = np.repeat([0.0, 1.0], [47, 3])
    assert bootstrap_estimate(np.mean, [y], seed=0, reps=100, strata=y).low == pytest.approx(0.06)
    assert bootstrap_estimate(np.mean, [y], seed=0, reps=100).low < 0.05


def _rate_of_two(values: np.ndarray) -> float:
    if values.sum() < 1:
        raise NotEnoughData("no conversion")
    return float(values.mean())


def test_resamples_that_cannot_be_computed_are_counted_or_refused() -> None:
    with pytest.raises(NotEnoughData, match="resamples could be computed"):
        bootstrap_estimate(_rate_of_two, [np.array([1.0, 0.0, 0.0])], seed=0, reps=200)
    assert (
        "resamples" in bootstrap_estimate(_rate_of_two, [np.repeat([1.0, 0.0], 20)], seed=0, reps=50).method
    )


def test_one_row_is_not_enough_and_lengths_must_agree() -> None:
    with pytest.raises(NotEnoughData, match="at least 2 rows"):
        bootstrap_estimate(np.mean, [np.array([1.0])], seed=0)
    with pytest.raises(ValueError, match="same length"):
        bootstrap_estimate(np.mean, [np.ones(2), np.ones(3)], seed=0)


def test_a_statistic_without_spread_has_no_width() -> None:
    estimate = bootstrap_estimate(np.mean, [np.full(20, 3.0)], seed=0, reps=50)
    assert (estimate.low, estimate.high) == (3.0, 3.0)
