"""Charts: they stand where the numbers say, carry axes and n, and escape what people wrote."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadscoring.common.charts import (
    Bar,
    CurvePoint,
    HistoryPoint,
    HistorySpan,
    IntervalBar,
    Mark,
    PushBar,
    calibration_plot,
    gain_plot,
    history_plot,
    interval_bars,
    pushes,
    share_bar,
    shares,
)
from leadscoring.common.charts.svg import Scale, join, nice_step, tag

AT = datetime(2026, 6, 1, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script>'


@given(low=st.floats(-1e6, 1e6), width=st.floats(1e-3, 1e6), wanted=st.integers(1, 12))
def test_ticks_lie_inside_the_axis_and_are_neither_none_nor_a_crowd(
    low: float, width: float, wanted: int
) -> None:
    scale = Scale(low, low + width, 0.0, 100.0)
    ticks = scale.ticks(wanted)
    assert len(ticks) <= wanted + 1
    assert all(low - width * 1e-6 <= tick <= low + width * (1 + 1e-6) for tick in ticks)
    assert ticks == sorted(ticks)


@given(rough=st.floats(1e-9, 1e9))
def test_a_step_is_one_two_or_five_times_a_power_of_ten(rough: float) -> None:
    step = nice_step(rough)
    assert rough <= step * (1 + 1e-6)
    assert step <= rough * 2.5 * (1 + 1e-6)
    assert f"{step:.6e}"[0] in "125"
    assert set(f"{step:.6e}"[2:8]) == {"0"}


def test_an_axis_without_width_still_has_a_place() -> None:
    scale = Scale(3.0, 3.0, 0.0, 10.0)
    assert scale(3.0) == 5.0
    assert scale.ticks() == [3.0]


def test_a_tag_escapes_text_and_attributes() -> None:
    drawn = tag("text", HOSTILE, title=HOSTILE)
    assert "<script>" not in drawn
    assert drawn.count("&lt;script&gt;") == 2
    assert join([HOSTILE, tag("b", "x")]).endswith("<b>x</b>")


def test_calibration_shows_axes_intervals_and_n() -> None:
    points = [CurvePoint(0.1, 0.12, 0.05, 0.2, 100), CurvePoint(0.4, 0.38, 0.3, 0.5, 100)]
    drawn = calibration_plot(points)
    for words in (
        "Predicted chance to convert",
        "Share that converted",
        "200 test leads",
        "95 % intervals",
        "50 %",
    ):
        assert words in drawn, words
    assert drawn.count("<circle") == 2
    assert drawn.count("ls-whisker") == 2


def test_a_better_observed_share_is_drawn_higher() -> None:
    drawn = calibration_plot([CurvePoint(0.1, 0.1, n=1), CurvePoint(0.2, 0.4, n=1)])
    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawn)]
    assert heights[1] < heights[0]


def test_gain_says_how_many_leads_and_where_the_band_comes_from() -> None:
    drawn = gain_plot([CurvePoint(0.5, 0.8, 0.7, 0.9), CurvePoint(1.0, 1.0, 1.0, 1.0)], n=400)
    assert "400 test leads" in drawn
    assert "95 % interval" in drawn
    assert "ls-band" in drawn
    assert "ls-band" not in gain_plot([CurvePoint(0.5, 0.8), CurvePoint(1.0, 1.0)], n=None)


@pytest.mark.parametrize("gap", [timedelta(0), timedelta(seconds=1), timedelta(hours=5), timedelta(days=400)])
def test_history_is_drawn_in_order_of_time_whatever_the_span(gap: timedelta) -> None:
    points = [HistoryPoint(AT + gap * k, 20 + k, "C", "version 1") for k in (2, 0, 1)]
    drawn = history_plot(points)
    drawing, _, legend = drawn.partition('class="ls-legend"')
    places = [float(x) for x in re.findall(r'cx="([\d.]+)"', drawing)]
    assert len(places) == 3
    assert places == sorted(places)
    assert "new data (3)" in legend
    assert "3 scorings" in drawn
    assert "Scored at (UTC)" in drawn


def test_history_tells_causes_by_shape_and_in_words() -> None:
    points = [
        HistoryPoint(
            AT + timedelta(days=k), 20 + k, "C", "version 1", mark, "v2" if mark is Mark.MODEL else ""
        )
        for k, mark in enumerate(Mark)
    ]
    span = HistorySpan(AT, AT + timedelta(days=9000), 75, 99, HOSTILE)
    drawn = history_plot(points, [span])
    for mark in Mark:
        assert f"ls-mark-{mark.value}" in drawn
    assert drawn.partition("ls-legend")[2].count("(1)<") == len(Mark) + 1
    assert ">v2</text>" in drawn
    assert "<script>" not in drawn
    widths = [float(w) for w in re.findall(r'class="ls-span"[^>]*width="([\d.]+)"', drawn)]
    assert 0 < widths[0] <= 560, "an end far away does not stretch the axis"


def test_reasons_go_to_both_sides_of_zero_on_one_axis() -> None:
    drawn = pushes([PushBar("up", 1.5), PushBar(HOSTILE, -0.5)])
    assert "left:50.0%;width:37.5%" in drawn
    assert "left:37.5%;width:12.5%" in drawn
    assert "log-odds" in drawn
    assert "+1.50" in drawn
    assert "−0.50" in drawn
    assert "<script>" not in drawn


def test_reasons_of_no_weight_do_not_divide_by_nothing() -> None:
    assert "+0.00" in pushes([PushBar("flat", 0.0)])


def test_interval_bars_share_an_axis_that_holds_them_all() -> None:
    low, high = IntervalBar(0.4, 0.35, 0.45, 50), IntervalBar(0.9, 0.88, 0.92, 5000)
    axis = interval_bars([low, high], low=0.5, high=1.0, reference=0.5)
    assert axis.scale.low == 0.35
    assert "n = 5,000" in axis.draw(high)
    assert "0.880 to 0.920" in axis.draw(high)
    assert "ls-interval-zero" in axis.draw(low)
    assert ">1<" in axis.header()


def test_shares_say_count_share_and_n() -> None:
    drawn = shares([Bar("A", 30), Bar("B", 90), Bar("C", 0)], noun="scorings")
    assert "n = 120 scorings" in drawn
    assert "30 · 25 %" in drawn
    assert "1 · 0.5 %" in str(shares([Bar("new", 200), Bar("refused", 1)], noun="rows"))
    assert "width:75.00%" in drawn
    assert drawn.count("ls-part") == 2


def test_a_share_outside_its_range_stays_in_its_track() -> None:
    assert "width:100.0%" in share_bar(1.7)
    assert "width:0.0%" in share_bar(-1.0)


def test_nothing_to_draw_is_drawn_as_nothing() -> None:
    assert (
        calibration_plot([])
        == gain_plot([], n=3)
        == history_plot([])
        == pushes([])
        == shares([], noun="x")
        == ""
    )
