"""Repeated splits: their interval allows for shared leads, and the words say what is luck."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.repeats import random_split, split_spread, spread_of

AUCS = [0.81, 0.80, 0.83, 0.79, 0.82, 0.80]


def auc(value: float) -> Estimate:
    return Estimate(value, value - 0.02, value + 0.02, 200, "DeLong")


def test_the_interval_is_nadeau_and_bengios() -> None:
    spread = spread_of(np.array(AUCS), train=800, test=200)
    error = np.sqrt((1 / 6 + 200 / 800) * np.var(AUCS, ddof=1))
    low, high = stats.t.interval(0.95, 5, loc=np.mean(AUCS), scale=error)
    assert (spread.mean.low, spread.mean.high) == pytest.approx((low, high))
    assert (spread.mean.value, spread.deviation) == pytest.approx((np.mean(AUCS), np.std(AUCS, ddof=1)))
    assert (spread.lowest, spread.highest) == (0.79, 0.83)


def test_the_band_is_where_one_more_draw_falls() -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(2000):
        *known, one = rng.normal(0.8, 0.01, 9)
        spread = spread_of(np.array(known), train=800, test=200)
        held.append(spread.one_low <= one <= spread.one_high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def test_equal_numbers_have_no_spread_and_one_is_none_at_all() -> None:
    spread = spread_of(np.full(5, 0.8), train=80, test=20)
    assert (spread.deviation, spread.one_low, spread.one_high) == pytest.approx((0.0, 0.8, 0.8))
    with pytest.raises(NotEnoughData, match="at least 2 splits"):
        spread_of(np.array([0.8]), train=80, test=20)


def test_splits_keep_size_and_rate_and_differ() -> None:
    y = np.arange(1000) % 5 == 0
    seen = set()
    for number in range(4):
        train, test = random_split(y, 200, 7, number)
        assert len(np.intersect1d(train, test)) == 0
        assert (len(train), len(test)) == (800, 200)
        assert y[test].sum() == 40
        seen.add(tuple(test.tolist()))
    assert len(seen) == 4
    assert tuple(random_split(y, 200, 7, 0)[1].tolist()) in seen


@pytest.mark.parametrize(
    ("test_auc", "newest", "words"),
    [
        (0.81, True, "lies within that"),
        (0.70, True, "lies below that: the newest leads are harder than a random share of all"),
        (0.70, False, "lies below that: this test is a hard one"),
        (0.90, True, "lies above that: the newest leads are easier"),
        (0.90, False, "lies above that: this test is an easy one"),
    ],
)
def test_it_says_what_the_one_number_is_worth(test_auc: float, newest: bool, words: str) -> None:
    found = split_spread(AUCS, 1000, test_leads=200, test_auc=auc(test_auc), newest=newest)
    assert found is not None
    assert words in found.words
    assert "Over 6 random splits of the same sizes the AUC was 0.790 to 0.830" in found.words
    assert found.to_json()["train_leads"] == 800


def test_four_splits_are_too_few_to_speak_of() -> None:
    assert split_spread(AUCS[:4], 1000, test_leads=200, test_auc=auc(0.8), newest=True) is None
