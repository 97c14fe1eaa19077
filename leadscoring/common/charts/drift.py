"""Two windows beside each other, a measure with its limits, and the same measure over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.safestring import SafeString

from leadscoring.common.charts.svg import EMPTY, Frame, join, line_path, nice_step, percent, tag

MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)


def two_windows(
    names: Sequence[str], before: Sequence[int], now: Sequence[int], *, noun: str, labels: tuple[str, str]
) -> SafeString:
    """Shares of each bin as two bars, one under the other; bins empty in both are left out.

    HTML boxes: the text keeps its size on a phone.
    """
    m, n = sum(before), sum(now)
    if not m and not n:
        return EMPTY
    shown = [
        (name, a / max(m, 1), b / max(n, 1)) for name, a, b in zip(names, before, now, strict=True) if a or b
    ]
    top = max((max(a, b) for _, a, b in shown), default=1.0) or 1.0
    rows = [
        tag(
            "div",
            tag("span", name, class_="ls-bin-name"),
            tag(
                "span",
                _bar(a / top, "ls-bin-before", f"{labels[0]}: {percent(a, 0.001)}"),
                _bar(b / top, "ls-bin-now", f"{labels[1]}: {percent(b, 0.001)}"),
                class_="ls-bin-bars",
            ),
            tag("span", f"{percent(a, 0.001)} → {percent(b, 0.001)}", class_="ls-bin-value"),
            class_="ls-bin-row",
        )
        for name, a, b in shown
    ]
    key = tag(
        "p",
        tag("span", class_="ls-swatch ls-bin-before"),
        f"{labels[0]} (n = {m:,} {noun}), ",
        tag("span", class_="ls-swatch ls-bin-now"),
        f"{labels[1]} (n = {n:,} {noun}). Bars are shares of all {noun} in the window; the longest is "
        f"{percent(top, 0.001)}.",
        class_="ls-note",
    )
    return join([tag("div", *rows, class_="ls-bins"), key])


def _bar(share: float, tone: str, words: str) -> SafeString:
    return tag("span", class_=f"ls-bin-bar {tone}", style=f"width:{share * 100:.1f}%", title=words)


def limit_bar(value: float | None, warning: float, critical: float, *, tone: str, unit: str) -> SafeString:
    """A measure as a bar on a line that reaches half beyond the critical limit, with both limits marked."""
    if value is None:
        return EMPTY
    top = critical * 1.5
    return tag(
        "span",
        tag("span", class_=f"ls-limit-fill ls-{tone}", style=f"width:{min(value / top, 1.0) * 100:.1f}%"),
        tag("i", class_="ls-limit-mark", style=f"left:{warning / top * 100:.1f}%"),
        tag("i", class_="ls-limit-mark", style=f"left:{critical / top * 100:.1f}%"),
        class_="ls-limit",
        role="img",
        aria_label=f"{unit} {value:.3f}; warning from {warning:g}, critical from {critical:g}",
        title=f"{unit} {value:.3f}; marks at {warning:g} (warning) and {critical:g} (critical)",
    )


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A measure at one time and the rows behind it; None where they were too few."""

    at: datetime
    value: float | None
    n: int


def limit_trend(
    points: Sequence[TrendPoint],
    *,
    warning: float | None,
    critical: float | None,
    title: str,
    unit: str,
    noun: str,
    each: str,
) -> SafeString:
    """A measure over time with its limits as dashed lines; `each` says what a point is."""
    limits = {name: one for name, one in (("warning", warning), ("critical", critical)) if one is not None}
    known = [point for point in points if point.value is not None]
    if len(known) < 2:
        return EMPTY
    first, last = points[0].at, points[-1].at
    days = max((last - first).total_seconds() / 86_400, 1e-6)
    most = max(*limits.values(), *(point.value or 0.0 for point in known), 1e-9) * 1.08
    step = nice_step(most / 4)
    frame = Frame.of(x=(0.0, days), y=(0.0, most), width=480.0, height=240.0)

    def x(at: datetime) -> float:
        return frame.x((at - first).total_seconds() / 86_400)

    every = _step(days)
    ticks = [k * every for k in range(int(days / every) + 1)]
    return frame.figure(
        frame.axes(
            x_title="Time (UTC)" if days < 2 else "Day (UTC)",
            y_title=unit,
            x_text=lambda value: f"{_later(first, value):{'%H:%M' if days < 2 else '%-d %b %y'}}",
            y_text=lambda value: f"{value:g}",
            x_ticks=ticks,
            y_ticks=[round(k * step, 6) for k in range(int(most / step) + 1)],
        ),
        *(
            tag(
                "path",
                class_="ls-reference",
                d=line_path((frame.x(end), frame.y(limit)) for end in (0.0, days)),
            )
            for limit in limits.values()
        ),
        tag("path", class_="ls-line", d=line_path((x(p.at), frame.y(p.value or 0.0)) for p in known)),
        *(
            tag(
                "circle",
                tag("title", f"{p.at:%-d %b %Y}: {unit} {p.value:.3f}, n = {p.n:,}"),
                class_="ls-dot",
                cx=x(p.at),
                cy=frame.y(p.value or 0.0),
                r=2.5,
            )
            for p in known
        ),
        title=title,
        caption=(
            f"{each}; n = {min(p.n for p in known):,} to {max(p.n for p in known):,} {noun}. Dashed: "
            + ", ".join(f"{name} from {one:g}" for name, one in limits.items())
            + "."
        ),
    )


def _step(days: float) -> float:
    """The distance of the marks in days: whole minutes of the clock for less than two days."""
    if days >= 2:
        return nice_step(days / 4)
    wanted = days * 1440 / 4
    return next((minutes for minutes in MINUTES if minutes >= wanted), 720) / 1440


def _later(first: datetime, days: float) -> datetime:
    return first + timedelta(days=days)
