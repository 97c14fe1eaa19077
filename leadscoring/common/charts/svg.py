"""SVG elements and axes. Everything that is not markup is escaped here, so callers pass plain text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

EMPTY = mark_safe("")


def tag(name: str, *children: object, **attributes: object) -> SafeString:
    """One element; `class_` becomes `class`, other underscores become hyphens, None leaves an attribute out.

    >>> tag("text", "<b>", class_="label", text_anchor="end")
    '<text class="label" text-anchor="end">&lt;b&gt;</text>'
    """
    written = format_html_join(
        "",
        ' {}="{}"',
        (
            (key.rstrip("_").replace("_", "-") if key != "viewBox" else key, number(value))
            for key, value in attributes.items()
            if value is not None
        ),
    )
    return format_html("<{0}{1}>{2}</{0}>", mark_safe(name), written, join(children))  # noqa: S308


def join(parts: Iterable[object]) -> SafeString:
    """Parts one after the other; plain text among them is escaped."""
    return format_html_join("", "{}", ((part,) for part in parts))


def number(value: object) -> object:
    """Coordinates to a tenth of a unit: shorter pages, same picture."""
    return f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight map from values to coordinates."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self, wanted: int = 5) -> list[float]:
        """Round values inside the range, about `wanted` of them.

        >>> Scale(0.0, 1.0, 0, 100).ticks(5)
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
        """
        step = nice_step((self.high - self.low) / max(wanted, 1))
        if step <= 0:
            return [self.low]
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(k * step, 10) for k in range(first, last + 1)]


def nice_step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten.

    >>> nice_step(0.03), nice_step(7.0)
    (0.05, 10.0)
    """
    if rough <= 0 or not math.isfinite(rough):
        return 0.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if rough <= factor * power * (1 + 1e-9))


@dataclass(frozen=True, slots=True)
class Frame:
    """The box of a chart: its size, margins and both scales."""

    width: float
    height: float
    x: Scale
    y: Scale

    @classmethod
    def of(
        cls,
        *,
        x: tuple[float, float],
        y: tuple[float, float],
        width: float = 440.0,
        height: float = 300.0,
    ) -> Frame:
        """A frame with room for tick labels and axis titles."""
        left, right, top, bottom = 56.0, 16.0, 14.0, 50.0
        return cls(
            width, height, Scale(x[0], x[1], left, width - right), Scale(y[0], y[1], height - bottom, top)
        )

    def axes(
        self,
        *,
        x_title: str,
        y_title: str,
        x_text: Callable[[float], str],
        y_text: Callable[[float], str],
        x_ticks: Sequence[float] | None = None,
        y_ticks: Sequence[float] | None = None,
    ) -> SafeString:
        """Grid lines, tick labels and both titles."""
        parts: list[SafeString] = []
        bottom, left, right, top = self.y.start, self.x.start, self.x.end, self.y.end
        for value in y_ticks if y_ticks is not None else self.y.ticks():
            at = self.y(value)
            parts.append(tag("line", class_="ls-grid-line", x1=left, x2=right, y1=at, y2=at))
            parts.append(
                tag("text", y_text(value), class_="ls-tick", x=left - 6, y=at + 4, text_anchor="end")
            )
        for value in x_ticks if x_ticks is not None else self.x.ticks():
            at = self.x(value)
            parts.append(tag("line", class_="ls-axis", x1=at, x2=at, y1=bottom, y2=bottom + 4))
            parts.append(
                tag("text", x_text(value), class_="ls-tick", x=at, y=bottom + 17, text_anchor="middle")
            )
        parts.append(tag("line", class_="ls-axis", x1=left, x2=right, y1=bottom, y2=bottom))
        parts.append(tag("line", class_="ls-axis", x1=left, x2=left, y1=bottom, y2=top))
        middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
        parts.append(
            tag("text", x_title, class_="ls-axis-title", x=middle_x, y=self.height - 8, text_anchor="middle")
        )
        parts.append(
            tag(
                "text",
                y_title,
                class_="ls-axis-title",
                x=14.0,
                y=middle_y,
                text_anchor="middle",
                transform=f"rotate(-90 14 {middle_y:.1f})",
            )
        )
        return join(parts)

    def figure(self, *parts: SafeString, title: str, caption: object, scrolls: bool = False) -> SafeString:
        """The drawing with its accessible name and its caption. One that `scrolls` keeps its size on a phone, its right
        end in sight."""
        drawing = tag(
            "svg",
            tag("title", title),
            *parts,
            class_="ls-svg",
            viewBox=f"0 0 {self.width:g} {self.height:g}",
            role="img",
            aria_label=title,
        )
        shown = tag("div", drawing, class_="ls-scroll") if scrolls else drawing
        return tag("figure", shown, tag("figcaption", caption), class_="ls-figure")


def line_path(points: Iterable[tuple[float, float]]) -> str:
    """The `d` of straight lines through the points."""
    return " ".join(f"{'M' if i == 0 else 'L'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))


def percent(value: float, step: float | None = None) -> str:
    """A share as a percentage, with decimals only where the step needs them, or where it would read as none or all of
    the whole and is neither.

    >>> percent(0.25), percent(1 / 201), percent(0.0001), percent(0.9999), percent(0.0)
    ('25 %', '0.5 %', '<0.1 %', '>99.9 %', '0 %')
    """
    if 0.0 < value < 0.0005:
        return "<0.1 %"
    if 0.9995 <= value < 1.0:
        return ">99.9 %"
    fine = step is not None and step < 0.0099
    near = 0.0 < value < 0.01 or 0.99 < value < 1.0
    return f"{value * 100:.{1 if fine or near else 0}f} %"
