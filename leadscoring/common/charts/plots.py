"""Plots with two axes: calibration and gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from leadscoring.common.charts.svg import EMPTY, Frame, line_path, nice_step, percent, tag


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of a curve; `low` and `high` bound `y` with 95 % confidence where they are known."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


def calibration_plot(points: Sequence[CurvePoint], *, noun: str = "test leads") -> SafeString:
    """Predicted against observed share of conversions, with 95 % intervals; the diagonal is perfect. `noun` names the
    leads, many of them."""
    if not points:
        return EMPTY
    most = max(max(p.x, p.high if p.high is not None else p.y) for p in points)
    step = nice_step(max(most, 0.01) / 5)
    top = min(1.0, step * (int(most / step + 0.999)))
    frame = Frame.of(x=(0.0, top), y=(0.0, top))

    def text(value: float) -> str:
        return percent(value, step)

    ticks = [k * step for k in range(round(top / step) + 1)]
    parts = [
        frame.axes(
            x_title="Predicted chance to convert",
            y_title="Share that converted",
            x_text=text,
            y_text=text,
            x_ticks=ticks,
            y_ticks=ticks,
        ),
        tag(
            "path",
            class_="ls-reference",
            d=line_path([(frame.x(0.0), frame.y(0.0)), (frame.x(top), frame.y(top))]),
        ),
    ]
    for p in points:
        at = frame.x(p.x)
        if p.low is not None and p.high is not None:
            parts.append(
                tag("line", class_="ls-whisker", x1=at, x2=at, y1=frame.y(p.low), y2=frame.y(p.high))
            )
        title = f"predicted {percent(p.x, 0.001)}, converted {percent(p.y, 0.001)}" + (
            f" of {p.n:,}" if p.n is not None else ""
        )
        parts.append(tag("circle", tag("title", title), class_="ls-dot", cx=at, cy=frame.y(p.y), r=4))
    n = sum(p.n or 0 for p in points)
    return frame.figure(
        *parts,
        title="Calibration: predicted chance against what happened",
        caption=f"{n:,} {noun} in {len(points)} groups of about equal size; bars are 95 % intervals; "
        "dashed: a perfectly calibrated model.",
    )


def gain_plot(points: Sequence[CurvePoint], *, n: int | None) -> SafeString:
    """Share of all conversions found when the best-scored share of leads is called first."""
    if not points:
        return EMPTY
    frame = Frame.of(x=(0.0, 1.0), y=(0.0, 1.0))
    ordered = sorted(points, key=lambda p: p.x)
    parts = [
        frame.axes(
            x_title="Leads called, best scores first",
            y_title="Conversions found",
            x_text=percent,
            y_text=percent,
        ),
        tag("path", class_="ls-reference", d=line_path([(frame.x(0), frame.y(0)), (frame.x(1), frame.y(1))])),
    ]
    band = [p for p in ordered if p.low is not None and p.high is not None]
    if len(band) > 1:
        upper = [(frame.x(p.x), frame.y(p.high or 0.0)) for p in band]
        lower = [(frame.x(p.x), frame.y(p.low or 0.0)) for p in reversed(band)]
        parts.append(tag("path", class_="ls-band", d=line_path([*upper, *lower]) + " Z"))
    parts.append(tag("path", class_="ls-line", d=line_path([(frame.x(p.x), frame.y(p.y)) for p in ordered])))
    counted = f"{n:,} test leads" if n else "Test leads"
    return frame.figure(
        *parts,
        title="Gain: conversions found when the best leads are called first",
        caption=f"{counted}; "
        + ("shaded: 95 % interval; " if len(band) > 1 else "")
        + "dashed: calling in random order.",
    )
