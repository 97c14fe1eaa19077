from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from monitoring.stats.rates import rate_ratio


def test_the_interval_is_the_exact_binomial_one_carried_over_to_the_ratio() -> None:
    # scipy's exact (Clopper-Pearson) bounds of the share 30 of 30 + 100.
    bounds = binomtest(30, 130).proportion_ci(0.95, "exact")
    found = rate_ratio(30, 1.0, 100, 4.0)
    assert found is not None
    assert found.value == pytest.approx(30 / 25)
    assert found.low == pytest.approx(4 * bounds.low / (1 - bounds.low))
    assert found.high == pytest.approx(4 * bounds.high / (1 - bounds.high))
    assert found.n == 130


def test_a_count_of_zero_has_no_ratio_and_nonsense_is_refused() -> None:
    assert rate_ratio(0, 1.0, 10, 4.0) is None
    assert rate_ratio(10, 1.0, 0, 4.0) is None
    with pytest.raises(ValueError, match="at least 0"):
        rate_ratio(-1, 1.0, 10, 4.0)
    with pytest.raises(ValueError, match="times above 0"):
        rate_ratio(1, 0.0, 10, 4.0)


def test_it_covers_the_true_ratio_at_least_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    inside = 0
    pairs = zip(random.poisson(40, 2000).tolist(), random.poisson(160, 2000).tolist(), strict=True)
    for now, before in pairs:
        found = rate_ratio(now, 1.0, before, 4.0)
        assert found is not None
        inside += found.low <= 1.0 <= found.high
    assert inside / 2000 >= 0.945
