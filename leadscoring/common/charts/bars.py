"""Bars drawn with HTML boxes: their text keeps its size on a phone, where a scaled drawing would not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from leadscoring.common.charts.svg import EMPTY, Scale, join, nice_step, percent, tag


@dataclass(frozen=True, slots=True)
class Bar:
    """A labelled count or share; `tone` picks the colour."""

    label: str
    value: float
    tone: str = ""


@dataclass(frozen=True, slots=True)
class PushBar:
    """One reason: a sentence and its push on the log-odds."""

    text: str
    push: float


@dataclass(frozen=True, slots=True)
class IntervalBar:
    """An estimate with its interval and sample size."""

    value: float
    low: float
    high: float
    n: int


def pushes(bars: Sequence[PushBar]) -> SafeString:
    """Reasons as bars to both sides of zero on one axis in log-odds."""
    if not bars:
        return EMPTY
    most = max(abs(b.push) for b in bars) or 1.0
    limit = nice_step(most)
    rows = [_push_row(b, limit) for b in bars]
    ticks = tag(
        "div",
        tag("span"),
        tag(
            "span",
            tag("i", f"−{limit:g}"),
            tag("i", "0"),
            tag("i", f"+{limit:g}"),
            class_="ls-push-ticks",
        ),
        tag("span"),
        class_="ls-push-row ls-push-axis",
    )
    note = tag(
        "p",
        "Push on the log-odds of converting: ",
        tag("span", "lowers the chance", class_="ls-key ls-down"),
        " left of 0, ",
        tag("span", "raises it", class_="ls-key ls-up"),
        " right of 0. +0.69 doubles the odds, −0.69 halves them.",
        class_="ls-note",
    )
    return join([tag("div", *rows, ticks, class_="ls-pushes"), note])


def _push_row(bar: PushBar, limit: float) -> SafeString:
    width = min(abs(bar.push) / limit, 1.0) * 50
    left = 50.0 if bar.push >= 0 else 50.0 - width
    side = "ls-up" if bar.push >= 0 else "ls-down"
    written = f"{bar.push:+.2f}".replace("-", "−")
    return tag(
        "div",
        tag("span", bar.text, class_="ls-push-text"),
        tag(
            "span",
            tag("span", class_=f"ls-push-bar {side}", style=f"left:{left:.1f}%;width:{max(width, 0.6):.1f}%"),
            class_="ls-push-track",
            title=f"{written} on the log-odds",
        ),
        tag("span", written, class_="ls-push-value"),
        class_="ls-push-row",
    )


@dataclass(frozen=True, slots=True)
class IntervalAxis:
    """One axis for many interval bars."""

    scale: Scale
    reference: float | None

    def header(self) -> SafeString:
        """Tick labels, placed as the bars are."""
        return tag(
            "span",
            *(
                tag("i", f"{value:.2f}".rstrip("0").rstrip("."), style=f"left:{self.scale(value):.1f}%")
                for value in self.scale.ticks(3)
            ),
            class_="ls-interval-axis",
        )

    def draw(self, bar: IntervalBar) -> SafeString:
        """The interval as a bar, the estimate as a mark, the reference as a line."""
        low, high = self.scale(bar.low), self.scale(bar.high)
        reference = (
            tag("span", class_="ls-interval-zero", style=f"left:{self.scale(self.reference):.1f}%")
            if self.reference is not None
            else EMPTY
        )
        words = f"{bar.value:.3f}, 95 % interval {bar.low:.3f} to {bar.high:.3f}, n = {bar.n:,}"
        return tag(
            "span",
            reference,
            tag(
                "span", class_="ls-interval-range", style=f"left:{low:.1f}%;width:{max(high - low, 1.0):.1f}%"
            ),
            tag("span", class_="ls-interval-mark", style=f"left:{self.scale(bar.value):.1f}%"),
            class_="ls-interval",
            title=words,
            role="img",
            aria_label=words,
        )


def interval_bars(
    bars: Sequence[IntervalBar], *, low: float, high: float, reference: float | None
) -> IntervalAxis:
    """The axis that holds `low` to `high` and every bar."""
    least = min([low, *(b.low for b in bars)])
    most = max([high, *(b.high for b in bars)])
    return IntervalAxis(Scale(least, most, 2.0, 98.0), reference)


def share_bar(share: float, *, tone: str = "") -> SafeString:
    """One share of a whole as a filled track."""
    width = min(max(share, 0.0), 1.0) * 100
    return tag(
        "span",
        tag("span", class_=f"ls-fill {tone}".strip(), style=f"width:{width:.1f}%"),
        class_="ls-track",
        title=percent(share, 0.001),
    )


def shares(bars: Sequence[Bar], *, noun: str) -> SafeString:
    """Parts of one whole as a stacked bar with a legend that names count and share; says n. `noun` names many, with
    an s."""
    total = sum(b.value for b in bars)
    if total <= 0:
        return EMPTY
    stack = tag(
        "div",
        *(
            tag(
                "span",
                class_=f"ls-part {b.tone}",
                style=f"width:{100 * b.value / total:.2f}%",
                title=f"{b.label}: {b.value:,.0f} ({percent(b.value / total, 0.001)})",
            )
            for b in bars
            if b.value > 0
        ),
        class_="ls-stack",
        role="img",
        aria_label="; ".join(f"{b.label}: {b.value:,.0f}" for b in bars),
    )
    legend = tag(
        "ul",
        *(
            tag(
                "li",
                tag("span", class_=f"ls-swatch {b.tone}"),
                tag("b", b.label),
                f" {b.value:,.0f} · {percent(b.value / total)}",
            )
            for b in bars
        ),
        class_="ls-legend",
    )
    counted = f"n = {total:,.0f} {noun.removesuffix('s') if total == 1 else noun}"
    return join([stack, legend, tag("p", counted, class_="ls-note")])
