"""Splits: the newest leads where an order carries time, and no order taken for time that is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scoring.ml.order import read_file_order
from scoring.ml.splits import TrainingError, choose_split, stratified_folds


def frame(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    levels = pd.Series([f"level {i}" for i in rng.integers(0, 6, n)], dtype=object)
    return pd.DataFrame({"number": rng.normal(size=n), "level": levels})


def outcomes(n: int, share: float = 0.2, seed: int = 1) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.random.default_rng(seed).random(n) < share


def test_a_shuffled_file_says_nothing_of_time() -> None:
    reading = read_file_order(frame(3000), outcomes(3000))
    assert not reading.usable
    assert "nothing in the file drifts" in reading.why


def test_a_rising_conversion_rate_is_taken_as_time() -> None:
    y = np.random.default_rng(2).random(5000) < np.linspace(0.05, 0.3, 5000)
    reading = read_file_order(frame(5000), y)
    assert reading.usable
    assert "conversion rate moves along the rows" in reading.why


def test_a_drifting_column_is_taken_as_time() -> None:
    table = frame(5000)
    table["number"] += np.linspace(0, 1.5, 5000)
    reading = read_file_order(table, outcomes(5000))
    assert reading.usable
    assert "number" in reading.why


def test_a_file_sorted_by_its_outcome_is_refused_as_an_order() -> None:
    y = np.sort(outcomes(3000))
    for target in (y, y[::-1]):
        reading = read_file_order(frame(3000), target)
        assert not reading.usable
        assert "sorted by its outcome" in reading.why


def test_a_file_sorted_by_a_column_is_refused_as_an_order() -> None:
    table, y = frame(3000), outcomes(3000)
    for name in ("level", "number"):
        by = np.argsort(table[name].to_numpy(), kind="stable")
        rate = np.random.default_rng(3).random(3000) < np.linspace(0.1, 0.4, 3000)
        for target in (y, rate):
            reading = read_file_order(table.iloc[by], target)
            assert not reading.usable
            assert f"sorted by “{name}”" in reading.why


def test_a_file_that_rises_along_a_date_is_in_time_order() -> None:
    table = frame(1000)
    table["day"] = np.sort(np.random.default_rng(4).uniform(20_000, 20_300, 1000))
    assert read_file_order(table, outcomes(1000), frozenset({"day"})).usable
    assert not read_file_order(table.iloc[::-1], outcomes(1000), frozenset({"day"})).usable


def test_a_few_rows_show_no_order() -> None:
    assert "too few" in read_file_order(frame(150), outcomes(150)).why


def test_it_tests_on_the_newest_leads_when_there_are_dates() -> None:
    created = np.random.default_rng(5).uniform(20_000, 20_100, 1000)
    split = choose_split(frame(1000), outcomes(1000), created, "dates", share=0.2, seed=0)
    assert split.kind == "newest by date"
    assert len(split.test) == 200
    assert created[split.train].max() <= created[split.test].min()
    assert split.first_test_date is not None
    assert split.last_test_date == "2025-01-11"


def test_a_lead_without_a_date_never_counts_as_new() -> None:
    created = np.random.default_rng(5).uniform(20_000, 20_100, 1000)
    created[::50] = np.nan
    split = choose_split(frame(1000), outcomes(1000), created, "dates", share=0.2, seed=0)
    assert np.isfinite(created[split.test]).all()


def test_it_tests_at_random_and_says_why_when_nothing_is_known_of_time() -> None:
    y = outcomes(1000)
    split = choose_split(frame(1000), y, None, "none", share=0.2, seed=0)
    assert split.kind == "random"
    assert "no creation dates" in split.why
    assert y[split.test].mean() == pytest.approx(y.mean(), abs=0.01)
    assert sorted([*split.train, *split.test]) == list(range(1000))


def test_it_falls_back_when_the_newest_leads_hold_one_outcome_only() -> None:
    y = np.zeros(1000, dtype=bool)
    y[:200] = True
    split = choose_split(frame(1000), y, np.arange(1000.0), "dates", share=0.2, seed=0)
    assert split.kind == "random"
    assert "holds only 0 leads of one outcome" in split.why


def test_one_date_for_all_is_no_order() -> None:
    split = choose_split(frame(500), outcomes(500), np.full(500, 20_000.0), "dates", share=0.2, seed=0)
    assert split.kind == "random"
    assert "share one creation date" in split.why


def test_an_order_of_another_length_is_refused() -> None:
    with pytest.raises(TrainingError, match="expected one per lead"):
        choose_split(frame(500), outcomes(500), np.arange(499.0), "dates", share=0.2, seed=0)


def test_folds_hold_equal_shares_of_both_outcomes() -> None:
    y = outcomes(1003)
    fold = stratified_folds(y, 5, 0)
    assert np.ptp(np.bincount(fold)) <= 1
    assert np.ptp(np.bincount(fold[y])) <= 1
