"""Counts that went wrong, and leads that stopped coming: closed forms and simulation."""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial

import numpy as np
import pytest
from scipy import stats

from monitoring.stats.quality import HOURS, share_rise, spent, volume


def test_a_share_is_judged_by_what_the_reference_leaves_open() -> None:
    # Laplace: after 0 of m, the next row is a hit with chance 1 / (m + 2).
    assert share_rise(1, 1, 0, 98).p == pytest.approx(1 / 100)
    assert share_rise(0, 50, 3, 100).p == 1.0
    found = share_rise(5, 10, 10, 100)
    assert (found.before, found.now, found.rise) == (0.1, 0.5, pytest.approx(0.4))


def test_with_a_large_reference_it_is_the_binomial() -> None:
    found = share_rise(9, 100, 30_000, 1_000_000)
    assert found.p == pytest.approx(stats.binom.sf(8, 100, 0.03), rel=1e-2)


@pytest.mark.parametrize(
    ("hits", "n", "before", "m"),
    [
        (10, 10, 0, 4000),
        (10, 60, 0, 4000),
        (15, 150, 0, 4000),
        (3, 50, 4, 103),
        (20, 300, 29, 428),
        (290, 300, 1, 50),
    ],
)
def test_the_tail_is_exact_however_small(hits: int, n: int, before: int, m: int) -> None:
    a, b = before + 1, m - before + 1

    def beta(x: int, y: int) -> Fraction:
        return Fraction(factorial(x - 1) * factorial(y - 1), factorial(x + y - 1))

    exact = sum(comb(n, k) * beta(k + a, n - k + b) for k in range(hits, n + 1)) / beta(a, b)
    assert share_rise(hits, n, before, m).p == pytest.approx(float(exact), rel=1e-9)


def test_far_below_the_reference_the_tail_is_one() -> None:
    assert share_rise(10, 100_000, 500, 1000).p == pytest.approx(1.0)


def test_a_feature_that_goes_all_missing_shows_within_a_few_leads() -> None:
    weekly = spent(0.001 / 40)
    for leads in (3, 4, 5, 8):
        found = share_rise(leads, leads, 20, 10_000)
        if found.p <= weekly:
            break
    assert leads <= 4


@pytest.mark.parametrize(("hits", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_counts_that_cannot_be_are_named(hits: int, n: int) -> None:
    with pytest.raises(ValueError, match="the window"):
        share_rise(hits, n, 0, 10)
    with pytest.raises(ValueError, match="the reference"):
        share_rise(1, 2, hits, n)


def test_hourly_looks_of_a_quiet_year_rarely_alarm() -> None:
    rng = np.random.default_rng(1)
    limit, alarms = spent(0.01), 0
    for _ in range(52):
        reference = int(rng.binomial(5000, 0.02))
        hits = rng.binomial(12, 0.02, size=HOURS)
        p = {k: share_rise(int(k), 12, reference, 5000).p for k in np.unique(hits)}
        alarms += any(p[k] <= limit for k in hits)
    assert alarms <= 2, "at most one week in a hundred is expected"


def test_the_volume_of_an_hour_is_expected_within_its_interval() -> None:
    rng = np.random.default_rng(2)
    held, false = 0, 0
    times = 2000
    for _ in range(times):
        law = rng.gamma(5, 8 / 5, size=13)
        counts = rng.poisson(law)
        found = volume(int(counts[-1]), counts[:-1])
        assert found is not None
        held += found.low <= found.came <= found.high
        false += found.p_low <= 0.001
    assert held / times >= 0.93
    assert false / times <= 0.005


def test_a_dead_source_is_the_less_likely_the_more_leads_it_sent() -> None:
    busy, slow = volume(0, [30, 25, 28, 33, 27]), volume(0, [1, 2, 0, 1, 1])
    assert busy is not None
    assert slow is not None
    assert busy.p_low < 1e-6
    assert slow.p_low > 0.1


def test_without_weeks_to_go_by_nothing_is_expected() -> None:
    assert volume(0, [4, 5, 6]) is None
    assert volume(3, [0, 0, 0, 0, 0]) is None
    with pytest.raises(ValueError, match="counts"):
        volume(-1, [1, 2, 3, 4])


def test_the_error_of_a_week_is_shared_by_its_hours() -> None:
    assert spent(0.0168) == pytest.approx(0.0001)
    with pytest.raises(ValueError, match="error"):
        spent(0.0)
