"""A plot over days: how often something happened on each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from django.utils.safestring import SafeString

from leadscoring.common.charts.svg import EMPTY, Frame, nice_step, tag


def day_columns(
    days: Mapping[date, Sequence[tuple[str, int, str]]],
    *,
    first: date,
    last: date,
    title: str,
    y_title: str,
    caption: str,
) -> SafeString:
    """Counts of each day as a column, its parts (label, count, tone) from the bottom up; days left out have none."""
    length = (last - first).days + 1
    most = max((sum(n for _, n, _ in parts) for parts in days.values()), default=0)
    if length < 1 or most <= 0:
        return EMPTY
    step = max(nice_step(most / 4), 1.0)
    frame = Frame.of(
        x=(0.0, float(length)), y=(0.0, step * math.ceil(most / step)), width=480.0, height=220.0
    )
    width = max((frame.x(1.0) - frame.x(0.0)) * 0.82, 1.5)
    columns = []
    for day, parts in sorted(days.items()):
        level, index = 0, (day - first).days
        for label, n, tone in parts:
            if n:
                columns.append(
                    tag(
                        "rect",
                        tag("title", f"{day:%-d %b %Y}: {n:,} {label}"),
                        class_=f"ls-box-part {tone}".strip(),
                        x=frame.x(index + 0.5) - width / 2,
                        y=frame.y(float(level + n)),
                        width=width,
                        height=frame.y(float(level)) - frame.y(float(level + n)),
                    )
                )
            level += n
    every = max(1, math.ceil(length / 5))
    return frame.figure(
        frame.axes(
            x_title="Day (UTC)",
            y_title=y_title,
            x_text=lambda value: f"{first + timedelta(days=int(value)):%-d %b}",
            y_text=lambda value: f"{value:,.0f}",
            x_ticks=[index + 0.5 for index in range(0, length, every)],
            y_ticks=[k * step for k in range(math.ceil(most / step) + 1)],
        ),
        *columns,
        title=title,
        caption=caption,
    )
