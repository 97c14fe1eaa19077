"""Times in buckets: quantiles within the promised error, intervals that cover, tests that keep their level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitoring.stats.latencies import (
    FASTEST,
    MOST_OFF,
    SLOWEST,
    bucket_of,
    edge,
    merged,
    middle,
    p_more,
    p_slow,
    quantile,
    slower,
    total,
)


def counted(times: np.ndarray) -> dict[int, int]:
    return merged([{bucket_of(float(ms)): 1} for ms in times])


@given(st.floats(min_value=0.03, max_value=150_000.0))
def test_a_time_lies_in_its_bucket_and_near_its_middle(ms: float) -> None:
    bucket = bucket_of(ms)
    assert edge(bucket) * (1 - 1e-6) <= ms <= edge(bucket + 1) * (1 + 1e-6)
    assert abs(middle(bucket) / ms - 1) <= MOST_OFF + 1e-6 < 0.05


@given(st.integers(FASTEST, SLOWEST))
def test_an_edge_begins_its_own_bucket(bucket: int) -> None:
    assert bucket_of(edge(bucket)) == bucket


@pytest.mark.parametrize("ms", [-1.0, 0.0, 1e-9, 1e12, float("inf"), float("nan")])
def test_absurd_times_land_at_the_ends(ms: float) -> None:
    assert bucket_of(ms) in {FASTEST, SLOWEST}


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_quantiles_agree_with_numpy_within_five_per_cent(share: float) -> None:
    times = np.random.default_rng(7).lognormal(3.5, 0.9, 20_000)
    found = quantile(counted(times), share)
    assert found is not None
    assert found.ms == pytest.approx(np.quantile(times, share, method="inverted_cdf"), rel=0.05)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.ms < found.high


def test_the_interval_covers_the_true_quantile_at_least_as_often_as_promised() -> None:
    rng = np.random.default_rng(11)
    truth = float(stats.lognorm(s=1.0, scale=50.0).ppf(0.95))
    inside = 0
    for _ in range(400):
        found = quantile(counted(rng.lognormal(np.log(50.0), 1.0, 200)), 0.95)
        assert found is not None
        inside += (found.low or 0.0) <= truth <= (found.high or np.inf)
    # Binomial(400, .95): fewer than 366 would happen once in a thousand such tests.
    assert inside >= 366


def test_merging_windows_is_counting_them_together() -> None:
    rng = np.random.default_rng(3)
    one, two = rng.lognormal(3, 1, 500), rng.lognormal(4, 1, 300)
    assert merged([counted(one), counted(two)]) == counted(np.concatenate([one, two]))


@pytest.mark.parametrize("n", [1, 2, 5, 19])
def test_few_answers_have_an_open_interval_and_none_have_no_quantile(n: int) -> None:
    found = quantile({0: n}, 0.95)
    assert found is not None
    assert found.high is None
    assert found.n == n
    assert quantile({}, 0.95) is None


def test_the_slow_test_is_the_exact_binomial_of_scipy() -> None:
    buckets = {-30: 90, 0: 7, 10: 3}
    assert slower(buckets, 200.0) == 10
    expected = stats.binomtest(10, 100, 0.05, alternative="greater").pvalue
    assert p_slow(buckets, share=0.95, limit_ms=200.0) == pytest.approx(expected)
    assert p_more(3, 200, 0.01) == pytest.approx(stats.binomtest(3, 200, 0.01, alternative="greater").pvalue)
    assert p_slow({-30: 5}, share=0.95, limit_ms=200.0) == 1.0
    assert p_more(0, 5, 0.01) == 1.0


def test_the_test_passes_the_limit_exactly_when_the_lower_bound_does() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        buckets = counted(rng.lognormal(np.log(95.0), 0.5, 150))
        found = quantile(buckets, 0.95, confidence=0.98)
        assert found is not None
        passed = p_slow(buckets, share=0.95, limit_ms=200.0) <= 0.01
        assert passed == ((found.low or 0.0) >= 200.0 * (1 - 1e-9))
    assert total({1: 2, 3: 4}) == 6
