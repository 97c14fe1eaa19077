"""Charts of drift: two windows, a measure with its limits, and its past."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from leadscoring.common.charts import TrendPoint, limit_bar, limit_trend, two_windows

AT = datetime(2026, 6, 1, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script>'
LABELS = ("reference", "these seven days")


def windows(names: list[str], before: list[int], now: list[int]) -> str:
    return two_windows(names, before, now, noun="leads", labels=LABELS)


def trend(values: list[float | None]) -> str:
    points = [
        TrendPoint(AT + timedelta(days=7 * place), value, 100 + place) for place, value in enumerate(values)
    ]
    return limit_trend(
        points,
        warning=0.25,
        critical=0.5,
        title="PSI of Budget",
        unit="PSI",
        noun="leads",
        each="Each point is the check of one day",
    )


class TestTwoWindows:
    def test_bars_are_shares_of_their_own_window(self) -> None:
        drawn = windows(["Web", "Mail"], [300, 100], [10, 10])
        assert "75.0 % → 50.0 %" in drawn
        assert re.findall(r"width:([\d.]+)%", drawn) == ["100.0", "66.7", "33.3", "66.7"]
        assert "n = 400 leads" in drawn
        assert "n = 20 leads" in drawn

    def test_bins_empty_in_both_are_left_out_and_those_of_one_are_not(self) -> None:
        drawn = windows(["Web", "gone", "new", "never"], [10, 5, 0, 0], [10, 0, 5, 0])
        assert [name in drawn for name in ("Web", "gone", "new", "never")] == [True, True, True, False]

    def test_a_window_without_leads_is_drawn_and_two_are_not(self) -> None:
        assert "n = 0 leads" in windows(["Web"], [5], [0])
        assert windows(["Web"], [0], [0]) == ""

    def test_what_people_wrote_is_escaped(self) -> None:
        assert "<script" not in windows([HOSTILE], [5], [5])


class TestLimitBar:
    def test_it_reaches_half_beyond_critical_with_both_limits_marked(self) -> None:
        drawn = limit_bar(0.375, 0.25, 0.5, tone="warn", unit="PSI")
        assert "width:50.0%" in drawn
        assert re.findall(r"left:([\d.]+)%", drawn) == ["33.3", "66.7"]
        assert "PSI 0.375; warning from 0.25, critical from 0.5" in drawn

    def test_a_measure_beyond_the_line_ends_at_it(self) -> None:
        assert "width:100.0%" in limit_bar(40.0, 0.25, 0.5, tone="bad", unit="PSI")

    def test_nothing_measured_is_nothing_drawn(self) -> None:
        assert limit_bar(None, 0.25, 0.5, tone="quiet", unit="PSI") == ""


class TestLimitTrend:
    def test_it_has_axes_limits_n_and_a_dot_for_each_check(self) -> None:
        drawn = trend([0.1, 0.2, 0.6])
        for words in (
            "PSI of Budget",
            "Day (UTC)",
            "PSI",
            "n = 100 to 102 leads",
            "warning from 0.25",
            "critical from 0.5",
        ):
            assert words in drawn, words
        assert drawn.count("<circle") == 3
        assert drawn.count("ls-reference") == 2
        assert "nan" not in drawn

    def test_days_without_a_measure_are_passed_over(self) -> None:
        assert trend([0.1, None, 0.3]).count("<circle") == 2

    def test_one_check_makes_no_trend(self) -> None:
        assert trend([0.1]) == trend([None, 0.1]) == trend([]) == ""

    def test_everything_stays_within_the_frame(self) -> None:
        drawn = trend([0.0, 12.0, 0.1])
        heights = [float(value) for value in re.findall(r'cy="([\d.]+)"', drawn)]
        assert len(heights) == 3
        assert all(0 <= value <= 240 for value in heights)


def test_marks_of_minutes_stand_at_whole_minutes() -> None:
    start = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
    drawn = limit_trend(
        [TrendPoint(start, 0.6, 760), TrendPoint(start + timedelta(minutes=5), 0.8, 1200)],
        warning=0.05,
        critical=None,
        title="Missing",
        unit="Share",
        noun="leads",
        each="Each point is one look",
    )
    for mark in ("18:00", "18:02", "18:04"):
        assert f">{mark}<" in drawn
    assert "18:01" not in drawn
    assert "Dashed: warning from 0.05." in drawn
