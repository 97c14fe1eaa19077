"""The chance of so many conversions: exact where all chances are equal, close to exact where they differ."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from scoring.ml.poisson_binomial import conversions_p_value


@pytest.mark.parametrize(
    ("n", "chance", "converted"),
    [(100, 0.2, 37), (100, 0.2, 6), (2000, 0.01, 6), (50, 0.5, 25), (10, 0.3, 0)],
)
def test_equal_chances_give_the_binomial(n: int, chance: float, converted: int) -> None:
    exact = 2 * min(binom.cdf(converted, n, chance), binom.sf(converted - 1, n, chance))
    assert conversions_p_value(np.full(n, chance), converted) == pytest.approx(min(1.0, exact), rel=1e-9)


@pytest.mark.parametrize("converted", [25, 35, 50, 65, 75, 85])
def test_different_chances_come_within_a_factor_of_two_of_the_exact_sum(converted: int) -> None:
    p = np.random.default_rng(0).beta(1, 5, 300)
    exact = np.array([1.0])
    for chance in p:
        exact = np.convolve(exact, [1 - chance, chance])
    tails = exact[: converted + 1].sum(), exact[converted:].sum()
    assert conversions_p_value(p, converted) == pytest.approx(min(1.0, 2 * min(tails)), rel=1.0, abs=1e-12)
    assert conversions_p_value(p, converted) > min(1.0, 2 * min(tails)) / 2


@pytest.mark.parametrize(
    ("chance", "converted", "expected"), [(0.0, 0, 1.0), (0.0, 1, 0.0), (1.0, 5, 1.0), (1.0, 4, 0.0)]
)
def test_certain_leads_leave_no_doubt(chance: float, converted: int, expected: float) -> None:
    assert conversions_p_value(np.full(5, chance), converted) == pytest.approx(expected, abs=1e-9)
