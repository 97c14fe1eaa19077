"""Series over weeks: estimate and truth told apart by shape, each with n; nothing where there is nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from leadscoring.common.charts import IntervalBar, SeriesPoint, series_plot

MONDAY = datetime(2026, 5, 4, tzinfo=UTC)


def drawn(points: list[SeriesPoint], **options: object) -> str:
    return str(series_plot(points, title="AUC <by week>", y_title="AUC", noun="ripe leads", **options))  # type: ignore[arg-type]


def test_nothing_is_drawn_without_a_point() -> None:
    assert drawn([]) == ""
    assert drawn([SeriesPoint(MONDAY)]) == ""


def test_truth_is_full_and_estimate_hollow_each_with_its_n() -> None:
    weeks = [MONDAY + timedelta(weeks=k) for k in range(3)]
    text = drawn(
        [
            SeriesPoint(weeks[0], IntervalBar(0.8, 0.7, 0.9, 100), IntervalBar(0.81, 0.75, 0.85, 120)),
            SeriesPoint(weeks[1], None, IntervalBar(0.82, 0.75, 0.85, 130)),
            SeriesPoint(weeks[2], None, IntervalBar(0.79, 0.75, 0.85, 140)),
        ],
        reference=0.83,
        reference_words="the test",
    )
    assert text.count("ls-dot ls-hollow") == 3
    assert text.count('class="ls-dot"') == 1
    assert text.count("ls-band") == 1
    assert "n = 100 ripe leads in 1 week" in text
    assert "n = 390 in 3 weeks" in text
    assert "dashed: the test" in text
    assert "&lt;by week&gt;" in text


def test_a_gap_in_the_estimates_parts_the_band_and_bounds_cut_wide_intervals() -> None:
    bar = IntervalBar(0.5, 0.0, 1.0, 3)
    points = [SeriesPoint(MONDAY + timedelta(weeks=k), bar, None if k == 2 else bar) for k in range(5)]
    text = drawn(points, bounds=(0.4, 0.8))
    assert text.count("ls-band") == 2
    assert ">1.0<" not in text
    assert ">0.0<" not in text
