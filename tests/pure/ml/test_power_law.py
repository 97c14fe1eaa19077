"""The law of the learning curve: found where it is true, and honest about what it cannot know."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.ml.estimates import NotEnoughData
from scoring.ml.power_law import RATES, PowerLaw, fit_power_law, gain_of_more

SHARES = np.array([0.1, 0.2, 0.35, 0.5, 0.7, 1.0])


@pytest.mark.parametrize("rate", RATES)
def test_a_true_law_is_found(rate: float) -> None:
    law = PowerLaw(0.85, 0.02, rate)
    found = fit_power_law(SHARES, law.at(SHARES))
    assert (found.ceiling, found.gap, found.rate) == pytest.approx((0.85, 0.02, rate))
    assert found.to_json() == {"ceiling": found.ceiling, "gap": found.gap, "rate": found.rate}


def test_a_flat_or_falling_curve_promises_nothing() -> None:
    for values in (np.full(6, 0.8), np.linspace(0.82, 0.8, 6)):
        assert fit_power_law(SHARES, values).gap == pytest.approx(0.0, abs=1e-12)
        gain = gain_of_more(SHARES, values, np.eye(6) * 1e-8, growth=1.5, n=100, seed=0)
        assert gain.value == pytest.approx(0.0, abs=1e-12)
        assert gain.high < 0.001


def test_the_gain_is_that_of_the_law_and_its_interval_widens_with_the_noise() -> None:
    law = PowerLaw(0.85, 0.03, 0.5)
    sure = gain_of_more(SHARES, law.at(SHARES), np.eye(6) * 1e-10, growth=2.0, n=500, seed=0)
    assert sure.value == pytest.approx(0.03 * (1 - 2**-0.5))
    assert sure.high - sure.low < 0.001
    noisy = gain_of_more(SHARES, law.at(SHARES), np.eye(6) * 1e-4, growth=2.0, n=500, seed=0)
    assert noisy.low < sure.value < noisy.high
    assert noisy.high - noisy.low > 0.005
    assert noisy.n == 500


def test_noise_that_all_points_share_does_not_blur_the_gain() -> None:
    law = PowerLaw(0.85, 0.03, 0.5)
    shared = np.full((6, 6), 1e-4) + np.eye(6) * 1e-10
    gain = gain_of_more(SHARES, law.at(SHARES), shared, growth=2.0, n=500, seed=0)
    assert gain.high - gain.low < 0.001


def test_the_interval_holds_the_true_gain_nineteen_times_in_twenty() -> None:
    law, rng, held = PowerLaw(0.85, 0.03, 0.7), np.random.default_rng(0), []
    covariance = np.diag(4e-6 / SHARES)
    for seed in range(200):
        values = rng.multivariate_normal(law.at(SHARES), covariance)
        gain = gain_of_more(SHARES, values, covariance, growth=1.5, n=500, seed=seed)
        held.append(gain.low <= 0.03 * (1 - 1.5**-0.7) <= gain.high)
    assert np.mean(held) > 0.92


def test_the_same_seed_gives_the_same_interval() -> None:
    arguments = (SHARES, np.linspace(0.7, 0.8, 6), np.eye(6) * 1e-4)
    one, two = (gain_of_more(*arguments, growth=1.5, n=10, seed=3) for _ in range(2))
    assert one == two


def test_three_points_are_no_curve() -> None:
    with pytest.raises(NotEnoughData, match="at least 4 points, got 3"):
        fit_power_law(SHARES[:3], np.array([0.7, 0.75, 0.8]))
