"""A number over weeks: what was measured with its intervals, and what was estimated before, with its band."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from leadscoring.common.charts.bars import IntervalBar
from leadscoring.common.charts.svg import EMPTY, Frame, join, line_path, nice_step, tag


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One week: its Monday, what was measured and what was estimated; either may be missing."""

    week: datetime
    measured: IntervalBar | None = None
    estimated: IntervalBar | None = None


def series_plot(
    points: Sequence[SeriesPoint],
    *,
    title: str,
    y_title: str,
    noun: str,
    reference: float | None = None,
    reference_words: str = "",
    bounds: tuple[float, float] | None = None,
) -> SafeString:
    """Measured values as dots with bars, estimated ones hollow on a dashed line in their band; a dashed reference.

    `noun` names what n counts, with an s. `bounds` holds the axis: an interval that leaves it is cut at its edge.
    """
    shown = sorted((p for p in points if p.measured or p.estimated), key=lambda p: p.week)
    if not shown:
        return EMPTY
    frame, step = _frame(shown, reference, bounds)
    every = max(1, math.ceil(len(shown) / 5))
    places = [index + 0.5 for index in range(0, len(shown), every)]
    parts = [
        frame.axes(
            x_title="Week of creation, beginning",
            y_title=y_title,
            x_text=lambda value: f"{shown[int(value)].week:%-d %b %y}",
            y_text=lambda value: _written(value, step),
            x_ticks=places,
            y_ticks=_ticks(frame.y.low, frame.y.high, step),
        )
    ]
    if reference is not None and frame.y.low <= reference <= frame.y.high:
        at = frame.y(reference)
        parts.append(
            tag("path", class_="ls-reference", d=line_path([(frame.x.start, at), (frame.x.end, at)]))
        )
    parts += [_band(frame, run) for run in _runs(shown)]
    for index, point in enumerate(shown):
        if point.estimated is not None:
            parts += _dot(frame, index, point.week, point.estimated, "estimated", hollow=True)
        if point.measured is not None:
            parts += _dot(frame, index, point.week, point.measured, "measured", hollow=False)
    # Seen on a phone, where the axis at the left is scrolled out of sight.
    parts += [
        tag(
            "text",
            _written(value, step),
            class_="ls-tick ls-narrow",
            x=frame.x.end,
            y=frame.y(value) - 3,
            text_anchor="end",
        )
        for value in _ticks(frame.y.low, frame.y.high, step)
    ]
    return frame.figure(*parts, title=title, caption=_caption(shown, noun, reference_words), scrolls=True)


def _frame(
    shown: Sequence[SeriesPoint], reference: float | None, bounds: tuple[float, float] | None
) -> tuple[Frame, float]:
    bars = [bar for p in shown for bar in (p.measured, p.estimated) if bar is not None]
    values = [*(bar.low for bar in bars), *(bar.high for bar in bars)]
    if reference is not None:
        values.append(reference)
    low, high = min(values), max(values)
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    step = nice_step(max(high - low, 0.004) / 4)
    low, high = step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9)
    return Frame.of(
        x=(0.0, float(len(shown))), y=(low, max(high, low + step)), width=560.0, height=280.0
    ), step


def _runs(shown: Sequence[SeriesPoint]) -> list[list[tuple[int, IntervalBar]]]:
    """Stretches of weeks that have an estimate."""
    runs: list[list[tuple[int, IntervalBar]]] = [[]]
    for index, point in enumerate(shown):
        if point.estimated is None:
            runs.append([])
        else:
            runs[-1].append((index, point.estimated))
    return [run for run in runs if len(run) > 1]


def _band(frame: Frame, run: Sequence[tuple[int, IntervalBar]]) -> SafeString:
    upper = [(frame.x(at + 0.5), _inside(frame, bar.high)) for at, bar in run]
    lower = [(frame.x(at + 0.5), _inside(frame, bar.low)) for at, bar in reversed(run)]
    middle = [(frame.x(at + 0.5), _inside(frame, bar.value)) for at, bar in run]
    return join(
        [
            tag("path", class_="ls-band", d=line_path([*upper, *lower]) + " Z"),
            tag("path", class_="ls-line ls-thin", stroke_dasharray="5 4", d=line_path(middle)),
        ]
    )


def _dot(
    frame: Frame, index: int, week: datetime, bar: IntervalBar, kind: str, *, hollow: bool
) -> list[SafeString]:
    x = frame.x(index + 0.5)
    words = (
        f"Week of {week:%-d %b %Y}, {kind}: {bar.value:.3f}, 95 % interval {bar.low:.3f} to {bar.high:.3f}, "
        f"n = {bar.n:,}"
    )
    dot = tag(
        "circle",
        tag("title", words),
        class_="ls-dot ls-hollow" if hollow else "ls-dot",
        cx=x,
        cy=_inside(frame, bar.value),
        r=3.5,
    )
    if hollow:
        return [dot]
    whisker = tag(
        "line", class_="ls-whisker", x1=x, x2=x, y1=_inside(frame, bar.low), y2=_inside(frame, bar.high)
    )
    return [whisker, dot]


def _inside(frame: Frame, value: float) -> float:
    return frame.y(min(max(value, frame.y.low), frame.y.high))


def _caption(shown: Sequence[SeriesPoint], noun: str, reference_words: str) -> str:
    measured = [p.measured for p in shown if p.measured is not None]
    estimated = [p.estimated for p in shown if p.estimated is not None]
    said = []
    if measured:
        said.append(
            f"Dots: measured on n = {sum(bar.n for bar in measured):,} {noun} in {_weeks(len(measured))}, "
            "bars are 95 % intervals"
        )
    if estimated:
        said.append(
            f"hollow on a dashed line: estimated before outcomes, n = {sum(bar.n for bar in estimated):,} in "
            f"{_weeks(len(estimated))}, shaded: where the measured number falls in 95 % of cases if the estimate's "
            "condition holds"
        )
    if reference_words:
        said.append(f"dashed: {reference_words}")
    text = "; ".join(said) + "."
    return text[:1].upper() + text[1:]


def _ticks(low: float, high: float, step: float) -> list[float]:
    return [low + k * step for k in range(round((high - low) / step) + 1)]


def _written(value: float, step: float) -> str:
    digits = 3 if step < 0.01 else 2 if step < 0.1 else 1
    return f"{value:.{digits}f}".replace("-", "−")


def _weeks(n: int) -> str:
    return "1 week" if n == 1 else f"{n} weeks"
