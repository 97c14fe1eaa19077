"""How far apart two windows are: against a table of known values, SciPy, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from monitoring.stats.divergence import (
    jensen_shannon,
    kullback_leibler,
    population_stability_index,
    smoothed_shares,
)
from monitoring.stats.drift import Window, compare, rows_needed
from monitoring.stats.kolmogorov import ks_of_columns, ks_of_sketches
from monitoring.stats.pooling import pool
from scoring.ml.estimates import NotEnoughData
from scoring.ml.moments import Moments
from scoring.ml.sketches import QuantileSketch

P = np.array([0.05, 0.10, 0.20, 0.30, 0.20, 0.10, 0.05])
Q = np.array([0.10, 0.15, 0.20, 0.20, 0.15, 0.10, 0.10])


def numbers(values: np.ndarray, edges: np.ndarray) -> Window:
    """A column as profiles keep it, missing values in the last bin."""
    there = values[~np.isnan(values)]
    counts = np.bincount(np.searchsorted(edges, there), minlength=len(edges) + 2)
    counts[-1] = len(values) - len(there)
    return Window(counts, Moments.of(values), QuantileSketch.of(values))


def test_measures_have_the_values_worked_out_by_hand() -> None:
    assert population_stability_index(P, Q) == pytest.approx(0.1445186, abs=1e-7)
    assert kullback_leibler(P, Q) == pytest.approx(0.0693147, abs=1e-7)
    assert jensen_shannon(P, Q) == pytest.approx(0.1604189, abs=1e-7)


def test_measures_agree_with_scipy_for_many_rows_at_once() -> None:
    from scipy.spatial.distance import jensenshannon

    rng = np.random.default_rng(1)
    p, q = rng.dirichlet(np.ones(9), 20), rng.dirichlet(np.ones(9), 20)
    assert kullback_leibler(p, q) == pytest.approx([stats.entropy(a, b) for a, b in zip(p, q, strict=True)])
    assert jensen_shannon(p, q) == pytest.approx(
        [jensenshannon(a, b, base=2) for a, b in zip(p, q, strict=True)]
    )
    both = [stats.entropy(a, b) + stats.entropy(b, a) for a, b in zip(p, q, strict=True)]
    assert population_stability_index(p, q) == pytest.approx(both)


def test_distributions_with_nothing_in_common_are_one_apart_and_equal_ones_nothing() -> None:
    assert jensen_shannon([1.0, 0.0], [0.0, 1.0]) == pytest.approx(1.0)
    assert jensen_shannon(P, P) == pytest.approx(0.0, abs=1e-8)
    assert population_stability_index(P, P) == 0.0


@pytest.mark.parametrize("bad", [[0.5, 0.6], [1.5, -0.5], [np.nan, 1.0], 1.0])
def test_what_is_no_share_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="shares"):
        jensen_shannon(bad, [0.5, 0.5])  # type: ignore[arg-type]


def test_an_empty_bin_needs_smoothing_before_a_logarithm() -> None:
    with pytest.raises(ValueError, match="smooth"):
        population_stability_index([1.0, 0.0], [0.5, 0.5])
    assert smoothed_shares([[0, 9], [4, 5]]).tolist() == [[0.05, 0.95], [0.45, 0.55]]


def test_bins_are_pooled_with_their_neighbours_until_each_expects_five() -> None:
    reference, current = np.array([100, 4, 4, 92, 0, 0]), np.array([50, 2, 2, 46, 0, 0])
    pooled = pool(reference, current, ordered=5)
    assert pooled.bins == ((0,), (1, 2, 3))
    assert pooled.current.sum() == 100


def test_rare_extra_bins_are_pooled_with_each_other_then_with_the_smallest() -> None:
    reference, current = np.array([500, 400, 60, 30, 15]), np.array([46, 35, 6, 7, 6])
    assert pool(reference, current, ordered=0).bins == ((0,), (1,), (2,), (3, 4))
    small = pool(np.array([600, 390, 10]), np.array([60, 38, 2]), ordered=0)
    assert small.bins == ((0,), (1, 2))


def test_pooling_keeps_every_row_and_leaves_no_small_cell() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        bins = int(rng.integers(2, 15))
        share = rng.dirichlet(np.full(bins, 0.5))
        reference, current = rng.multinomial(2000, share), rng.multinomial(int(rng.integers(10, 400)), share)
        pooled = pool(reference, current, ordered=int(rng.integers(0, bins + 1)))
        assert (pooled.reference.sum(), pooled.current.sum()) == (reference.sum(), current.sum())
        both = pooled.reference + pooled.current
        if pooled.cells > 1:
            assert (both * current.sum() / both.sum() >= 5).all()


def test_windows_of_different_bins_cannot_be_pooled() -> None:
    with pytest.raises(ValueError, match="one length"):
        pool(np.array([1, 2]), np.array([1, 2, 3]), ordered=0)
    with pytest.raises(ValueError, match="ordered"):
        pool(np.array([1, 2]), np.array([1, 2]), ordered=3)


def test_chi_squared_is_that_of_scipy() -> None:
    reference, current = np.array([520, 310, 170]), np.array([45, 35, 20])
    found = compare(Window(current), Window(reference), ordered=0)
    expected = stats.chi2_contingency(np.stack([current, reference]), correction=False)
    assert (found.chi2, found.chi2_p) == (
        pytest.approx(expected.statistic),
        pytest.approx(expected.pvalue),
    )


def test_the_p_value_of_psi_keeps_its_level_when_nothing_changed() -> None:
    rng = np.random.default_rng(3)
    share = np.full(10, 0.1)
    for n in (60, 200, 1000):
        p = [
            compare(Window(rng.multinomial(n, share)), Window(rng.multinomial(10_000, share)), ordered=10).p
            for _ in range(2000)
        ]
        hits = int((np.array(p) <= 0.05).sum())
        # 2,000 windows at 5 %: within four standard errors above; below is only caution.
        assert hits <= 2000 * 0.05 + 4 * np.sqrt(2000 * 0.05 * 0.95), n


def test_the_99_percent_limit_of_psi_is_the_published_one() -> None:
    # Yurdakul & Naranjo (2020): chi-squared quantile times (1/n + 1/m).
    limit = stats.chi2.ppf(0.99, 9) * (1 / 200 + 1 / 10_000)
    assert limit == pytest.approx(0.1104966, abs=1e-6)
    reference = np.full(10, 1000)
    assert rows_needed(reference, psi=limit, p=0.01) == 200


def test_a_reference_too_small_for_a_limit_can_be_shown_by_no_window() -> None:
    assert rows_needed(np.full(10, 2), psi=0.25, p=0.0001) is None


def test_a_shift_says_which_way_and_how_far() -> None:
    rng = np.random.default_rng(4)
    before, now = rng.normal(size=20_000), rng.normal(0.6, size=1000)
    edges = np.quantile(before, np.arange(1, 10) / 10)
    found = compare(numbers(now, edges), numbers(before, edges), ordered=10)
    assert found.psi is not None
    assert found.psi > 0.25
    assert found.p is not None
    assert found.p < 1e-6
    assert found.shift == pytest.approx(0.6, abs=0.1)
    assert found.moves[0].bin == 9
    assert found.moves[0].now > found.moves[0].before
    assert found.ks is not None
    assert found.ks.gap == pytest.approx(ks_of_columns(now, before).gap, abs=found.ks.error + 1e-9)


def test_a_feature_that_is_all_missing_has_moved_as_far_as_it_can() -> None:
    edges = np.array([0.0])
    found = compare(
        numbers(np.full(300, np.nan), edges),
        numbers(np.random.default_rng(5).normal(size=5000), edges),
        ordered=2,
    )
    assert found.psi is not None
    assert found.psi > 2
    assert found.ks is None
    assert (found.moves[0].bin, found.moves[0].now) == (2, 1.0)


def test_a_column_of_one_value_that_stays_is_as_equal_as_can_be() -> None:
    found = compare(Window(np.array([9, 0])), Window(np.array([500, 0])), ordered=1)
    assert (found.psi, found.p, found.problem) == (0.0, 1.0, "")


def test_without_rows_there_is_a_reason_and_no_number() -> None:
    full, none = Window(np.array([5, 5])), Window(np.array([0, 0]))
    assert compare(none, full, ordered=0).problem == "the window holds no rows"
    assert compare(full, none, ordered=0).problem == "the reference holds no rows"
    few = compare(Window(np.array([2, 1])), Window(np.array([500, 500])), ordered=0)
    assert (few.psi, few.problem) == (None, "too few rows for two groups of five")


def test_the_gap_of_columns_is_scipys() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=80), rng.normal(0.3, size=120)
    expected = stats.ks_2samp(a, b)
    found = ks_of_columns(np.append(a, np.nan), b)
    assert (found.gap, found.p) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
    with pytest.raises(NotEnoughData, match="0 and 120"):
        ks_of_columns([np.nan], b)


def test_the_gap_of_sketches_is_right_to_the_error_it_states_and_claims_no_more() -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        a, b = rng.normal(size=3000), rng.normal(0.05, size=30_000)
        found, true = ks_of_sketches(QuantileSketch.of(a), QuantileSketch.of(b)), ks_of_columns(a, b)
        assert abs(found.gap - true.gap) <= found.error
        assert found.p >= true.p * 0.9
