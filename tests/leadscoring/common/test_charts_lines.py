"""Lines over time: gaps stay gaps, the target is drawn, and the axis says its unit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leadscoring.common.charts import TimeLine, time_lines

AT = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def drawn(*values: float | None, minutes: int = 60, **options: object) -> str:
    points = tuple((AT + k * MINUTE, value) for k, value in enumerate(values))
    settings: dict[str, object] = {
        "since": AT,
        "until": AT + minutes * MINUTE,
        "step": MINUTE,
        "title": "Time of an answer",
        "y_title": "Time (ms)",
        "caption": "n = 12 answers",
        **options,
    }
    return time_lines([TimeLine("p95 <b>", points, "C")], **settings)  # type: ignore[arg-type]


def test_it_carries_axes_title_legend_and_caption_and_escapes_them() -> None:
    page = drawn(1.0, 2.0, 3.0)
    for words in (
        "Time (UTC)",
        "Time (ms)",
        "n = 12 answers",
        "p95 &lt;b&gt;",
        'aria-label="Time of an answer"',
    ):
        assert words in page
    assert "<b>" not in page


def test_a_gap_breaks_the_line_and_a_lone_point_is_a_dot() -> None:
    page = drawn(1.0, 2.0, None, 3.0, 4.0, None, 5.0)
    assert page.count('class="ls-line ls-stroke-C" d="M') == 2 + 1  # one more in the legend
    assert page.count("<circle") == 1


def test_points_further_apart_than_a_step_are_not_joined() -> None:
    points = ((AT, 1.0), (AT + MINUTE, 1.0), (AT + 30 * MINUTE, 1.0), (AT + 31 * MINUTE, 1.0))
    page = time_lines(
        [TimeLine("x", points)],
        since=AT,
        until=AT + 60 * MINUTE,
        step=MINUTE,
        title="t",
        y_title="y",
        caption="c",
    )
    assert page.count("<path") == 3


def test_the_target_is_on_the_axis_even_when_all_is_far_below() -> None:
    page = drawn(1.0, 2.0, target=200.0)
    assert "ls-reference" in page
    assert ">200<" in page


@pytest.mark.parametrize("values", [(), (None, None)])
def test_nothing_known_is_no_drawing(values: tuple[None, ...]) -> None:
    assert drawn(*values) == ""


def test_all_zero_still_has_an_axis() -> None:
    assert ">0.0<" in drawn(0.0, 0.0)
    assert ">0.0 %<" in drawn(0.0, 0.0, shares=True)


@pytest.mark.parametrize(("minutes", "label"), [(60, "09:10"), (24 * 60, "12:00"), (7 * 24 * 60, "02 Jun")])
def test_times_are_round_and_few(minutes: int, label: str) -> None:
    page = drawn(1.0, 2.0, minutes=minutes)
    assert f">{label}<" in page
    assert page.count('text-anchor="middle"') <= 12
