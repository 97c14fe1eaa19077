"""Proportions, means and the Estimate itself, against SciPy and published values."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scoring.ml.intervals import (
    Estimate,
    NotEnoughData,
    clopper_pearson,
    mean,
    newcombe,
    welch,
    wilson,
    wilson_bounds,
)
from scoring.ml.moments import Moments

COUNTS = [(0, 1), (1, 1), (0, 50), (50, 50), (3, 10), (7, 200), (199, 200), (500, 1000)]


@pytest.mark.parametrize(("successes", "n"), COUNTS)
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
def test_proportion_intervals_agree_with_scipy(successes: int, n: int, confidence: float) -> None:
    for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        theirs = stats.binomtest(successes, n).proportion_ci(confidence, method=method)
        estimate = ours(successes, n, confidence=confidence)
        assert (estimate.low, estimate.high) == pytest.approx((theirs.low, theirs.high), abs=1e-10)
        assert (estimate.value, estimate.n) == (successes / n, n)


def test_zero_of_fifty_gives_the_published_upper_bound() -> None:
    assert clopper_pearson(0, 50).high == pytest.approx(0.0711217, abs=5e-8)
    assert clopper_pearson(0, 50).low == 0.0


def test_wilson_matches_the_published_example_of_newcombe() -> None:
    # Newcombe (1998), Statistics in Medicine 17:857-872, table I: 81/263 and 1/29.
    assert wilson(81, 263).low == pytest.approx(0.2553, abs=5e-5)
    assert wilson(81, 263).high == pytest.approx(0.3662, abs=5e-5)
    assert wilson(1, 29).low == pytest.approx(0.0061, abs=5e-5)
    assert wilson(1, 29).high == pytest.approx(0.1718, abs=5e-5)


def test_the_difference_of_proportions_matches_newcombes_table() -> None:
    # Newcombe (1998), Statistics in Medicine 17:873-890, table II, method 10.
    published = {
        (56, 70, 48, 80): (0.0524, 0.3339),
        (9, 10, 3, 10): (0.1705, 0.8090),
        (10, 10, 0, 10): (0.6075, 1.0),
        (0, 10, 0, 10): (-0.2775, 0.2775),
    }
    for (hits_a, n_a, hits_b, n_b), (low, high) in published.items():
        estimate = newcombe(hits_a, n_a, hits_b, n_b)
        assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)
        assert estimate.n == n_a + n_b


def test_the_vectorised_bounds_equal_the_single_ones() -> None:
    successes, n = (np.array(column) for column in zip(*COUNTS, strict=True))
    low, high = wilson_bounds(successes, n)
    singles = [wilson(*pair) for pair in COUNTS]
    assert low.tolist() == [single.low for single in singles]
    assert high.tolist() == [single.high for single in singles]


def test_nothing_observed_says_nothing_and_a_single_estimate_refuses() -> None:
    low, high = wilson_bounds([0, 1], [0, 2])
    assert (low[0], high[0]) == (0.0, 1.0)
    for function in (wilson, clopper_pearson):
        with pytest.raises(NotEnoughData, match="at least 1 observation"):
            function(0, 0)
    with pytest.raises(NotEnoughData):
        newcombe(1, 2, 0, 0)


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="successes"):
        wilson(successes, n)
    with pytest.raises(ValueError, match="successes"):
        wilson_bounds([successes], [n])


@pytest.mark.parametrize("confidence", [0.0, 1.0, math.nan])
def test_an_impossible_confidence_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        wilson(1, 2, confidence=confidence)


@given(n=st.integers(1, 400), share=st.floats(0, 1))
def test_the_exact_interval_always_covers_at_least_what_it_promises(n: int, share: float) -> None:
    # The interval misses p exactly when the tail beyond the observation is below 2.5 %.
    successes = round(share * n)
    estimate = clopper_pearson(successes, n)
    if successes > 0:
        assert stats.binom.sf(successes - 1, n, estimate.low) == pytest.approx(0.025, abs=1e-8)
    if successes < n:
        assert stats.binom.cdf(successes, n, estimate.high) == pytest.approx(0.025, abs=1e-8)


def test_the_mean_interval_agrees_with_scipy_on_values_and_on_moments() -> None:
    sample = np.random.default_rng(1).normal(3, 2, 40)
    theirs = stats.ttest_1samp(sample, 0).confidence_interval(0.95)
    for given_as in (sample, Moments.of(sample), np.append(sample, np.nan)):
        estimate = mean(given_as)
        assert (estimate.low, estimate.high) == pytest.approx((theirs.low, theirs.high), rel=1e-12)
        assert estimate.n == 40


def test_welch_agrees_with_scipy() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(1, 1, 12), rng.normal(0, 5, 300)
    theirs = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    estimate = welch(a, Moments.of(b))
    assert (estimate.low, estimate.high) == pytest.approx((theirs.low, theirs.high), rel=1e-10)
    assert estimate.n == 312


def test_a_mean_of_one_value_has_no_interval() -> None:
    for values in ([], [1.0], [1.0, math.nan]):
        with pytest.raises(NotEnoughData, match="at least 2 values"):
            mean(np.array(values))
        with pytest.raises(NotEnoughData):
            welch(np.array([1.0, 2.0]), np.array(values))


def test_equal_values_have_an_interval_without_width() -> None:
    assert mean(np.full(5, 2.0)).low == mean(np.full(5, 2.0)).high == 2.0
    assert welch(np.full(5, 2.0), np.full(3, 1.0)).high == 1.0


def test_a_mean_of_many_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="one column"):
        mean(Moments.of(np.ones((3, 2))))


@given(
    numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
    n=st.integers(0, 10**9),
)
def test_an_estimate_survives_json_exactly(numbers: list[float], n: int) -> None:
    low, value, high = sorted(numbers)
    estimate = Estimate(value, low, high, n, "wilson")
    assert Estimate.from_json(json.loads(json.dumps(estimate.to_json(), allow_nan=False))) == estimate


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": "0.5"}, "estimate.value: expected a number"),
        ({"low": None}, "estimate.low"),
        ({"high": True}, "estimate.high"),
        ({"n": 1.5}, "estimate.n: expected a whole number"),
        ({"n": -1}, "cannot be negative"),
        ({"method": 3}, "estimate.method"),
        ({"low": 0.9}, "upside down"),
        ({"value": math.nan}, "finite"),
    ],
)
def test_a_broken_stored_estimate_is_refused_by_name(change: dict[str, object], words: str) -> None:
    good = Estimate(0.5, 0.4, 0.6, 10, "wilson").to_json()
    with pytest.raises(ValueError, match=words):
        Estimate.from_json({**good, **change})


def test_an_estimate_is_not_read_from_a_list() -> None:
    with pytest.raises(ValueError, match="JSON object"):
        Estimate.from_json([1, 2])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kept", [None, [], "0.8", {}, {"value": 0.8}, {"value": "x", "low": 0, "high": 1, "n": 1}]
)
def test_what_is_no_estimate_among_kept_metrics_is_none(kept: object) -> None:
    assert Estimate.of_version(kept) is None


def test_a_kept_estimate_is_read_whether_its_method_is_told_or_not() -> None:
    kept = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 400}
    assert Estimate.of_version(kept) == Estimate(0.8, 0.7, 0.9, 400, "not told")
    assert Estimate.of_version({**kept, "method": "DeLong"}) == Estimate(0.8, 0.7, 0.9, 400, "DeLong")
