"""Charts of how sure a number is: axes, n, intervals, and what they promise."""

from __future__ import annotations

from leadscoring.common.charts import CurvePoint, learning_plot, spread_plot

POINTS = [CurvePoint(400, 0.75, 0.70, 0.79, 500), CurvePoint(2000, 0.80, 0.77, 0.83, 500)]


def test_a_learning_curve_shows_axes_intervals_n_and_the_promise() -> None:
    drawn = learning_plot(
        POINTS, [(400, 0.75), (2000, 0.8), (3000, 0.81)], CurvePoint(3000, 0.81, 0.80, 0.82)
    )
    for words in (
        "Leads to learn from",
        "ROC-AUC on the test leads",
        "500 test leads",
        "95 % intervals",
        "hollow",
    ):
        assert words in drawn, words
    assert drawn.count("<circle") == drawn.count("ls-whisker") == 3
    assert drawn.count("ls-hollow") == 1
    assert "hollow" not in learning_plot(POINTS, [], None)


def test_a_spread_shows_every_split_the_band_and_the_number() -> None:
    drawn = spread_plot([0.78, 0.8, 0.81], mark=0.79, band=(0.75, 0.83), mark_label="the test number")
    assert drawn.count("<circle") == 3
    assert "the test number 0.790" in drawn
    assert "ls-band" in drawn
    assert "ROC-AUC" in drawn


def test_nothing_and_equal_numbers_are_drawn_without_trouble() -> None:
    assert learning_plot([], [], None) == ""
    assert spread_plot([], mark=0.8, band=(0.7, 0.9), mark_label="x") == ""
    assert "NaN" not in spread_plot([0.8, 0.8], mark=0.8, band=(0.8, 0.8), mark_label="x")
    assert "nan" not in learning_plot([CurvePoint(100, 0.8, 0.8, 0.8, 10)], [(100, 0.8)], None)
