"""Plots over weeks: parts of a whole, counts, and a forecast with its band."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from leadscoring.common.charts.bars import Bar
from leadscoring.common.charts.svg import EMPTY, Frame, line_path, nice_step, percent, tag


@dataclass(frozen=True, slots=True)
class WeekParts:
    """One week: its Monday, and the parts of what was counted in it."""

    week: datetime
    parts: tuple[Bar, ...]

    @property
    def total(self) -> float:
        """All parts together."""
        return sum(part.value for part in self.parts)


@dataclass(frozen=True, slots=True)
class ForecastPoint:
    """A number some days from now: its middle and the bounds that hold it in 95 of 100 cases."""

    day: float
    middle: float
    low: float
    high: float


def share_columns(weeks: Sequence[WeekParts], *, title: str, noun: str) -> SafeString:
    """Parts of each week's whole as a column to 100 %, the first part on top."""
    shown = [week for week in weeks if week.total > 0]
    if not shown:
        return EMPTY
    frame, width = _columns(shown, top=1.0)
    columns = []
    for index, week in enumerate(shown):
        level = 0.0
        for part in reversed(week.parts):
            share = part.value / week.total
            counted = f"{part.value:,.0f} of {week.total:,.0f} ({percent(share, 0.001)})"
            words = f"Week of {week.week:%-d %b %Y}: {part.label} {counted}"
            columns.append(_box(frame, index, width, level, level + share, part.tone, words))
            level += share
    total = sum(week.total for week in shown)
    return frame.figure(
        _week_axes(frame, shown, y_title=f"Share of {noun}", y_text=percent),
        *columns,
        title=title,
        caption=f"n = {total:,.0f} {noun} in {_weeks(len(shown))}. "
        "From top to bottom: " + ", ".join(part.label for part in shown[0].parts) + ".",
    )


def count_columns(weeks: Sequence[WeekParts], *, title: str, noun: str) -> SafeString:
    """Counts of each week as a column, the last part at the bottom."""
    most = max((week.total for week in weeks), default=0.0)
    if most <= 0:
        return EMPTY
    step = nice_step(most / 4) if most > 4 else 1.0
    frame, width = _columns(weeks, top=step * math.ceil(most / step))
    columns = []
    for index, week in enumerate(weeks):
        level = 0.0
        for part in reversed(week.parts):
            if part.value:
                words = f"Week of {week.week:%-d %b %Y}: {part.value:,.0f} {part.label}"
                columns.append(_box(frame, index, width, level, level + part.value, part.tone, words))
            level += part.value
    total = sum(week.total for week in weeks)
    return frame.figure(
        _week_axes(frame, weeks, y_title=noun.capitalize(), y_text=lambda value: f"{value:,.0f}"),
        *columns,
        title=title,
        caption=f"n = {total:,.0f} {noun} in {_weeks(len(weeks))}.",
    )


def forecast_plot(
    points: Sequence[ForecastPoint], *, target: float, title: str, noun: str, caption: str
) -> SafeString:
    """A count from now on, with its band and the number wanted as a dashed line."""
    if len(points) < 2:
        return EMPTY
    most = max(target, points[-1].middle) * 1.08
    step = nice_step(most / 4)
    top = step * math.ceil(most / step)
    last = points[-1].day
    days = nice_step(last / 4)
    frame = Frame.of(x=(0.0, last), y=(0.0, top), width=480.0, height=240.0)

    def at(day: float, value: float) -> tuple[float, float]:
        return frame.x(day), frame.y(min(max(value, 0.0), top))

    upper = [at(p.day, p.high) for p in points]
    lower = [at(p.day, p.low) for p in reversed(points)]
    return frame.figure(
        frame.axes(
            x_title="Days from now",
            y_title=noun.capitalize(),
            x_text=lambda value: f"{value:,.0f}",
            y_text=lambda value: f"{value:,.0f}",
            x_ticks=[k * days for k in range(math.floor(last / days + 1e-9) + 1)],
            y_ticks=[k * step for k in range(round(top / step) + 1)],
        ),
        tag("path", class_="ls-band", d=line_path([*upper, *lower]) + " Z"),
        tag("path", class_="ls-line", d=line_path(at(p.day, p.middle) for p in points)),
        tag("path", class_="ls-reference", d=line_path([at(0.0, target), at(last, target)])),
        title=title,
        caption=caption,
    )


def _columns(weeks: Sequence[WeekParts], *, top: float) -> tuple[Frame, float]:
    frame = Frame.of(x=(0.0, float(len(weeks))), y=(0.0, top), width=480.0, height=240.0)
    return frame, (frame.x(1.0) - frame.x(0.0)) * 0.82


def _box(
    frame: Frame, index: int, width: float, low: float, high: float, tone: str, words: str
) -> SafeString:
    return tag(
        "rect",
        tag("title", words),
        class_=f"ls-box-part {tone}".strip(),
        x=frame.x(index + 0.5) - width / 2,
        y=frame.y(high),
        width=width,
        height=max(frame.y(low) - frame.y(high), 0.0),
    )


def _week_axes(
    frame: Frame, weeks: Sequence[WeekParts], *, y_title: str, y_text: Callable[[float], str]
) -> SafeString:
    every = max(1, math.ceil(len(weeks) / 5))
    marks = [index + 0.5 for index in range(0, len(weeks), every)]

    def x_text(value: float) -> str:
        return f"{weeks[int(value)].week:%-d %b %y}"

    return frame.axes(x_title="Week beginning", y_title=y_title, x_text=x_text, y_text=y_text, x_ticks=marks)


def _weeks(n: int) -> str:
    return "1 week" if n == 1 else f"{n} weeks"
