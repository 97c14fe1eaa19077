"""Lines over time: several series on one axis, with the number that is aimed at; gaps stay gaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.safestring import SafeString

from leadscoring.common.charts.svg import EMPTY, Frame, join, line_path, nice_step, percent, tag

Point = tuple[datetime, float | None]


@dataclass(frozen=True, slots=True)
class TimeLine:
    """One series: its name in the legend, its points in order of time (None: nothing known then), and its colour and
    dashes by a tone of `ls-tone-…`."""

    name: str
    points: tuple[Point, ...]
    tone: str = "A"


def time_lines(
    lines: Sequence[TimeLine],
    *,
    since: datetime,
    until: datetime,
    title: str,
    y_title: str,
    caption: str,
    target: float | None = None,
    shares: bool = False,
    step: timedelta,
) -> SafeString:
    """Series of one unit over [since, until], in UTC. `target`: a dashed line. `shares`: the values are parts of one.
    `step`: how far apart two points are; a longer way between two breaks the line."""
    known = [value for line in lines for _, value in line.points if value is not None]
    if not known:
        return EMPTY
    most = max([*known, target or 0.0]) or (0.01 if shares else 1.0)
    rough = nice_step(most * 1.05 / 4)
    top = rough * math.ceil(most * 1.05 / rough)
    frame = Frame.of(x=(since.timestamp(), until.timestamp()), y=(0.0, top), width=560.0, height=250.0)

    def y_text(value: float) -> str:
        return percent(value, rough) if shares else f"{value:,.{_digits(rough)}f}"

    parts = [
        frame.axes(
            x_title="Time (UTC)",
            y_title=y_title,
            x_text=lambda at: datetime.fromtimestamp(at, UTC).strftime(_pattern(until - since)),
            y_text=y_text,
            x_ticks=_ticks(since, until),
            y_ticks=[k * rough for k in range(round(top / rough) + 1)],
        )
    ]
    # Seen on a phone, where the axis at the left is scrolled out of sight.
    parts += [
        tag(
            "text",
            y_text(k * rough),
            class_="ls-tick ls-narrow",
            x=frame.x.end,
            y=frame.y(k * rough) - 4,
            text_anchor="end",
        )
        for k in range(round(top / rough) + 1)
    ]
    if target is not None:
        y = frame.y(target)
        parts.append(tag("path", class_="ls-reference", d=line_path([(frame.x.start, y), (frame.x.end, y)])))
    for line in lines:
        parts += _drawn(frame, line, step)
    figure = frame.figure(*parts, title=title, caption=caption)
    return join([tag("div", figure, class_="ls-scroll"), _legend(lines)])


def _drawn(frame: Frame, line: TimeLine, step: timedelta) -> list[SafeString]:
    runs: list[list[tuple[float, float]]] = []
    before: datetime | None = None
    for at, value in line.points:
        if value is None:
            before = None
            continue
        if before is None or at - before > step * 1.5:
            runs.append([])
        runs[-1].append((frame.x(at.timestamp()), frame.y(value)))
        before = at
    drawn = []
    for run in runs:
        if len(run) > 1:
            look = f"ls-line ls-stroke-{line.tone}"
            drawn.append(tag("path", tag("title", line.name), class_=look, d=line_path(run)))
        else:
            x, y = run[0]
            look = f"ls-dot ls-dot-{line.tone}"
            drawn.append(tag("circle", tag("title", line.name), class_=look, cx=x, cy=y, r=2.5))
    return drawn


def _legend(lines: Sequence[TimeLine]) -> SafeString:
    items = []
    for line in lines:
        stroke = tag("path", class_=f"ls-line ls-stroke-{line.tone}", d="M0 7 L22 7")
        glyph = tag("svg", stroke, class_="ls-svg ls-stroke-key", viewBox="0 0 22 14", aria_hidden="true")
        items.append(tag("li", glyph, line.name))
    return tag("ul", *items, class_="ls-legend")


def _pattern(span: timedelta) -> str:
    return "%d %b" if span > timedelta(days=2) else "%H:%M"


def _digits(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9)) if step < 1 else 0


def _ticks(since: datetime, until: datetime) -> list[float]:
    """Round times, four to seven of them."""
    span = (until - since).total_seconds()
    step = next(s for s in (600, 900, 3600, 4 * 3600, 6 * 3600, 86_400, 7 * 86_400) if span / s <= 7.5)
    first = math.ceil(since.timestamp() / step) * step
    return [float(at) for at in range(int(first), int(until.timestamp()) + 1, step)]
