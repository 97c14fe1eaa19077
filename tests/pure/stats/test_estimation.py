"""Performance before outcomes: against sums over all outcomes, SciPy and outcomes drawn from the probabilities."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from monitoring.stats.estimation import (
    estimate_performance,
    estimated_auc,
    estimated_brier,
    estimated_precision,
    estimated_rate,
    estimated_recall,
)
from scoring.ml.concordance import promised_ranking
from scoring.ml.estimates import NotEnoughData


def drawn(rng: np.random.Generator, n: int) -> np.ndarray:
    return stats.beta(0.6, 3).rvs(n, random_state=rng)


def auc_of(y: np.ndarray, p: np.ndarray) -> float:
    ranks = stats.rankdata(p)
    positives = int(y.sum())
    return (ranks[y].sum() - positives * (positives + 1) / 2) / (positives * (len(y) - positives))


def test_the_expected_auc_is_the_ratio_of_expected_pairs() -> None:
    p = np.array([0.1, 0.3, 0.3, 0.8])
    pairs = [(i, j) for i, j in product(range(4), range(4)) if i != j]
    right = sum(p[i] * (1 - p[j]) * ((p[i] > p[j]) + 0.5 * (p[i] == p[j])) for i, j in pairs)
    all_pairs = sum(p[i] * (1 - p[j]) for i, j in pairs)
    assert promised_ranking(p)[0] == pytest.approx(right / all_pairs)


def test_the_expected_brier_score_is_that_over_all_outcomes() -> None:
    p = np.array([0.1, 0.45, 0.9])
    total = spread = 0.0
    for y in product((0, 1), repeat=3):
        chance = float(np.prod(np.where(y, p, 1 - p)))
        total += chance * float(((p - np.array(y)) ** 2).mean())
        spread += chance * float(((p - np.array(y)) ** 2).mean()) ** 2
    found = estimated_brier(p, confidence=0.6826894921)
    assert found.value == pytest.approx(total)
    assert found.high - found.value == pytest.approx(np.sqrt(spread - total**2), rel=1e-6)


def test_the_rate_of_equal_chances_is_about_the_binomial() -> None:
    found = estimated_rate(np.full(400, 0.2))
    assert found.low == pytest.approx(stats.binom(400, 0.2).ppf(0.025) / 400, abs=2 / 400)
    assert found.high == pytest.approx(stats.binom(400, 0.2).ppf(0.975) / 400, abs=2 / 400)


@pytest.mark.parametrize("n", [300, 2000])
def test_intervals_hold_the_metric_that_comes_in_95_of_100_cases(n: int) -> None:
    rng = np.random.default_rng(n)
    held = np.zeros(4)
    times = 600
    for _ in range(times):
        p = drawn(rng, n)
        y = rng.random(n) < p
        chosen = p >= 0.3
        estimates = (
            estimated_auc(p),
            estimated_brier(p),
            estimated_precision(p, chosen),
            estimated_recall(p, chosen),
        )
        came = (
            auc_of(y, p),
            ((p - y) ** 2).mean(),
            y[chosen].mean(),
            y[chosen].sum() / y.sum(),
        )
        held += [one.low <= value <= one.high for one, value in zip(estimates, came, strict=True)]
    # 600 draws: three standard errors are 2.7 points; the rate's half lead makes small grades a little wide.
    assert (held / times >= 0.923).all(), held / times
    assert (held / times <= 0.987).all(), held / times


def test_a_changed_mix_of_leads_is_followed() -> None:
    rng = np.random.default_rng(5)
    easy, alike = (
        stats.beta(0.3, 2).rvs(5000, random_state=rng),
        stats.beta(6, 30).rvs(5000, random_state=rng),
    )
    assert estimated_auc(easy).value > 0.85
    assert estimated_auc(alike).value < 0.7


def test_too_few_expected_conversions_are_named() -> None:
    with pytest.raises(NotEnoughData, match=r"2\.0 conversions are expected; at least 10"):
        estimated_auc(np.full(100, 0.02))
    with pytest.raises(NotEnoughData, match="other leads"):
        estimated_auc(np.full(100, 0.97))
    told = estimate_performance(np.full(100, 0.02))
    assert told.auc is None
    assert "2.0 conversions" in told.left_out
    assert told.rate.value == pytest.approx(0.02)


def test_leads_with_one_probability_cannot_be_ranked_apart() -> None:
    found = estimate_performance(np.full(400, 0.2))
    assert found.auc is None or found.auc.value == pytest.approx(0.5)


@pytest.mark.parametrize("bad", [[], [0.1, 1.2], [np.nan], [[0.1], [0.2]]])
def test_what_is_no_column_of_probabilities_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="probabilit"):
        estimated_rate(bad)  # type: ignore[arg-type]


def test_a_choice_must_be_one_for_each_lead() -> None:
    with pytest.raises(ValueError, match="yes or no"):
        estimated_precision([0.2, 0.3], [1, 0])
    with pytest.raises(NotEnoughData, match="no lead is chosen"):
        estimated_precision([0.2, 0.3], [False, False])


def test_choosing_everybody_finds_every_conversion() -> None:
    p = np.full(100, 0.3)
    assert estimated_recall(p, np.ones(100, dtype=bool)).value == 1.0
    assert estimated_recall(p, np.zeros(100, dtype=bool)).value == 0.0
