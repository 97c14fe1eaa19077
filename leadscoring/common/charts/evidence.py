"""Plots of how sure a test number is: the learning curve, and the spread over repeated splits."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.safestring import SafeString

from leadscoring.common.charts.plots import CurvePoint
from leadscoring.common.charts.svg import EMPTY, Frame, Scale, line_path, nice_step, tag


def learning_plot(
    points: Sequence[CurvePoint], law: Sequence[tuple[float, float]], forecast: CurvePoint | None
) -> SafeString:
    """AUC over the number of training leads, with 95 % intervals; `law` is the fitted curve, and `forecast` where it
    leads with more leads."""
    if not points:
        return EMPTY
    every = [*points, forecast] if forecast is not None else list(points)
    lows = [p.low if p.low is not None else p.y for p in every]
    highs = [p.high if p.high is not None else p.y for p in every]
    y_low, y_high, step = _round_range(min(lows), max(highs))
    most = max(p.x for p in every)
    frame = Frame.of(x=(0.0, most * 1.04), y=(y_low, y_high))
    parts = [
        frame.axes(
            x_title="Leads to learn from",
            y_title="ROC-AUC on the test leads",
            x_text=lambda n: f"{n:,.0f}",
            y_text=lambda value: _decimals(value, step),
            x_ticks=frame.x.ticks(4),
            y_ticks=_ticks(y_low, y_high, step),
        )
    ]
    last = max(p.x for p in points)
    shown = [(x, min(max(y, y_low), y_high)) for x, y in law]
    for kind, part in (
        ("ls-line", [at for at in shown if at[0] <= last]),
        ("ls-reference", [at for at in shown if at[0] >= last]),
    ):
        if len(part) > 1:
            parts.append(tag("path", class_=kind, d=line_path([(frame.x(x), frame.y(y)) for x, y in part])))
    for p in every:
        parts += _point(frame, p, hollow=p is forecast)
    counted = f"{points[-1].n:,} test leads at every point; " if points[-1].n is not None else ""
    return frame.figure(
        *parts,
        title="Learning curve: AUC by the number of leads to learn from",
        caption=f"{counted}bars are 95 % intervals, and neighbours share their test leads, so the shape is surer than "
        "the bars look; line: fitted power law"
        + ("; dashed and hollow: what it promises for more leads." if forecast is not None else "."),
    )


def _point(frame: Frame, p: CurvePoint, *, hollow: bool) -> list[SafeString]:
    at = frame.x(p.x)
    drawn = []
    if p.low is not None and p.high is not None:
        drawn.append(tag("line", class_="ls-whisker", x1=at, x2=at, y1=frame.y(p.low), y2=frame.y(p.high)))
    span = f" ({p.low:.3f} to {p.high:.3f})" if p.low is not None and p.high is not None else ""
    title = f"{p.x:,.0f} leads: AUC {p.y:.3f}{span}"
    drawn.append(
        tag(
            "circle",
            tag("title", title),
            class_="ls-dot ls-hollow" if hollow else "ls-dot",
            cx=at,
            cy=frame.y(p.y),
            r=4,
        )
    )
    return drawn


def spread_plot(
    values: Sequence[float], *, mark: float, band: tuple[float, float], mark_label: str
) -> SafeString:
    """Numbers of repeated splits along one axis, the band where one more would fall, and one number marked."""
    if not values:
        return EMPTY
    low, high, step = _round_range(min(*values, mark, band[0]), max(*values, mark, band[1]))
    width, height, left, right, top, bottom = 440.0, 150.0, 16.0, 424.0, 34.0, 100.0
    frame = Frame(width, height, Scale(low, high, left, right), Scale(0.0, 1.0, bottom, top))
    parts = [
        tag(
            "rect",
            class_="ls-band",
            x=frame.x(band[0]),
            y=top,
            width=frame.x(band[1]) - frame.x(band[0]),
            height=bottom - top,
        ),
        tag("line", class_="ls-axis", x1=left, x2=right, y1=bottom, y2=bottom),
    ]
    for value in _ticks(low, high, step):
        at = frame.x(value)
        parts.append(tag("line", class_="ls-axis", x1=at, x2=at, y1=bottom, y2=bottom + 4))
        anchor = "start" if at < left + 10 else "end" if at > right - 10 else "middle"
        parts.append(
            tag("text", _decimals(value, step), class_="ls-tick", x=at, y=bottom + 17, text_anchor=anchor)
        )
    for number, value in enumerate(values):
        # Spread over three rows, so that equal numbers do not hide one another.
        parts.append(
            tag(
                "circle",
                tag("title", f"split {number + 1}: AUC {value:.3f}"),
                class_="ls-dot",
                cx=frame.x(value),
                cy=frame.y((0.25, 0.5, 0.75)[number % 3]),
                r=4,
            )
        )
    at = frame.x(mark)
    anchor = "start" if at < width * 0.3 else "end" if at > width * 0.7 else "middle"
    parts += [
        tag("line", class_="ls-reference", x1=at, x2=at, y1=top - 8, y2=bottom),
        tag("text", f"{mark_label} {mark:.3f}", class_="ls-tick", x=at, y=top - 14, text_anchor=anchor),
        tag(
            "text",
            "ROC-AUC",
            class_="ls-axis-title",
            x=(left + right) / 2,
            y=height - 10,
            text_anchor="middle",
        ),
    ]
    return frame.figure(
        *parts,
        title="Spread of the AUC over repeated random splits",
        caption=f"Each of the {len(values)} dots is one random split; shaded: where one more split falls in 95 % of "
        "cases; dashed: the number shown above.",
    )


def _round_range(low: float, high: float) -> tuple[float, float, float]:
    """Limits at whole steps around both numbers, and the step."""
    step = nice_step(max(high - low, 0.004) / 4)
    below = step * int(low / step + 1e-9)
    above = step * -int(-high / step)
    above = above if above >= high - 1e-9 else above + step
    return max(below, 0.0), above, step


def _ticks(low: float, high: float, step: float) -> list[float]:
    return [low + k * step for k in range(round((high - low) / step) + 1)]


def _decimals(value: float, step: float) -> str:
    return f"{value:.{3 if step < 0.01 else 2}f}"
