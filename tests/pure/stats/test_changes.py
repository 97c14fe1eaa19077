"""Slow change of a weekly figure: false alarms, and changes that are found where they are."""

from __future__ import annotations

import numpy as np
import pytest

from monitoring.stats.changes import change_point


def test_a_steady_series_alarms_no_more_often_than_it_says() -> None:
    rng = np.random.default_rng(1)
    times, false = 2000, 0
    for _ in range(times):
        rows = rng.integers(50, 500, size=26).astype(float)
        found = change_point(rng.normal(0.2, 1 / np.sqrt(rows)), rows)
        assert found is not None
        false += found.p <= 0.05
    assert false / times <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / times) + 0.01


def test_a_step_of_half_a_standard_error_a_week_is_dated() -> None:
    rng = np.random.default_rng(2)
    found = change_point(
        np.concatenate([rng.normal(0, 1, 20), rng.normal(2, 1, 20)]) / 10, np.full(40, 100.0)
    )
    assert found is not None
    assert found.p < 1e-3
    assert abs(found.at - 20) <= 2
    assert found.after - found.before == pytest.approx(0.2, abs=0.06)


def test_weeks_without_rows_are_passed_over() -> None:
    values = np.array([0.1] * 10 + [np.nan] * 3 + [0.9] * 10) + np.tile([0.01, -0.01], 12)[:23]
    rows = np.array([50.0] * 10 + [0.0] * 3 + [50.0] * 10)
    found = change_point(values, rows)
    assert found is not None
    assert found.at == 13
    assert found.p < 0.01


def test_a_constant_series_has_not_changed() -> None:
    found = change_point(np.full(12, 0.3), np.full(12, 40.0))
    assert found is not None
    assert found.p == 1.0


def test_a_few_weeks_are_too_few() -> None:
    assert change_point([0.1] * 7, [10.0] * 7) is None


@pytest.mark.parametrize(
    ("values", "rows"), [([1.0, 2.0], [1.0]), ([np.nan] * 9, [1.0] * 9), ([1.0] * 9, [-1.0] * 9)]
)
def test_what_is_no_series_is_refused(values: list[float], rows: list[float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        change_point(values, rows)
