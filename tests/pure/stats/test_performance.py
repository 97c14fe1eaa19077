"""Conversion and revenue by grade, and how groups of people fare."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from monitoring.stats.performance import by_grade, fairness, grade_order, winsorised


def business(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    p = stats.beta(0.8, 4).rvs(n, random_state=rng)
    y = rng.random(n) < p
    grades = np.select([p > 0.4, p > 0.2, p > 0.1], ["A", "B", "C"], "D")
    return grades, y, p


def test_each_grade_has_its_conversions_and_what_was_expected() -> None:
    grades, y, p = business(np.random.default_rng(1), 4000)
    rows = by_grade(grades.tolist(), y, p)
    assert [row.grade for row in rows] == ["A", "B", "C", "D"]
    for row in rows:
        mine = grades == row.grade
        assert (row.n, row.conversions) == (mine.sum(), y[mine].sum())
        assert row.conversion is not None
        expected = stats.binomtest(int(y[mine].sum()), int(mine.sum())).proportion_ci(method="wilson")
        assert (row.conversion.low, row.conversion.high) == pytest.approx((expected.low, expected.high))
        assert row.expected == pytest.approx(p[mine].mean())
        assert row.conversion.low <= row.expected <= row.conversion.high


def test_a_grade_without_leads_has_no_rate() -> None:
    rows = by_grade(["A", "D"], np.array([True, False]), [0.9, 0.1])
    assert [(row.n, row.conversion) for row in rows if row.grade in "BC"] == [(0, None), (0, None)]
    assert [(one.better, one.worse) for one in grade_order(rows)] == [("A", "D")]


def test_grades_that_stand_upside_down_are_told_only_when_it_is_no_chance() -> None:
    few = by_grade(["A"] * 10 + ["B"] * 10, np.arange(20) >= 9, np.full(20, 0.5))
    assert not any(one.upside_down for one in grade_order(few[:2])) or few[0].conversions < 2
    y = np.concatenate([np.arange(400) < 40, np.arange(400) < 90])
    [order] = grade_order(by_grade(["A"] * 400 + ["B"] * 400, y, np.full(800, 0.2)))
    assert order.upside_down


def test_one_great_deal_does_not_make_a_grade() -> None:
    money = np.append(np.full(999, 100.0), 1e9)
    assert winsorised(money).max() == 100.0
    assert np.isnan(winsorised([np.nan, 1.0])[0])
    rows = by_grade(["A"] * 1000, np.ones(1000, dtype=bool), np.full(1000, 0.9), money)
    assert rows[0].revenue is not None
    assert rows[0].revenue.value == pytest.approx(100.0)
    assert rows[1].revenue is None


def test_a_group_chosen_less_than_four_fifths_as_often_is_marked() -> None:
    rng = np.random.default_rng(2)
    group = np.array(["x"] * 2000 + ["y"] * 2000)
    p = np.concatenate(
        [stats.beta(2, 5).rvs(2000, random_state=rng), stats.beta(1, 6).rvs(2000, random_state=rng)]
    )
    y = rng.random(4000) < p
    grades = np.where(p > 0.4, "A", "D").tolist()
    found = {one.value: one for one in fairness(group.tolist(), y, p, grades)}
    assert found["x"].selection_ratio == 1.0
    assert not found["x"].marked
    assert found["y"].marked
    assert found["y"].auc is not None
    assert found["y"].calibration is not None
    assert found["y"].calibration.low <= 0 <= found["y"].calibration.high


def test_equal_groups_are_hardly_ever_marked() -> None:
    rng = np.random.default_rng(3)
    marked = 0
    for _ in range(300):
        chosen = rng.random(400) < 0.2
        found = fairness(
            ["x"] * 200 + ["y"] * 200,
            rng.random(400) < 0.3,
            rng.random(400),
            np.where(chosen, "A", "B").tolist(),
        )
        marked += any(one.marked for one in found)
    assert marked / 300 <= 0.08


def test_a_small_group_is_named_and_not_judged() -> None:
    found = fairness(["x"] * 100 + ["y"] * 5, np.arange(105) % 3 == 0, np.linspace(0, 1, 105), ["A"] * 105)
    assert found[1].problem == "5 leads; at least 30 are needed"
    assert (found[1].auc, found[1].selection_ratio, found[1].marked) == (None, None, False)


def test_arrays_of_different_length_and_outcomes_that_are_no_yes_or_no_are_refused() -> None:
    with pytest.raises(ValueError, match="one grade"):
        by_grade(["A"], np.array([True, False]), [0.1, 0.2])
    with pytest.raises(ValueError, match="yes or no"):
        by_grade(["A"], np.array([1]), [0.1])
    with pytest.raises(ValueError, match="one value"):
        fairness(["x"], np.array([True]), [0.1], ["A", "B"])
