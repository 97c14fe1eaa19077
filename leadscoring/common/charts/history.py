"""One lead's score over time: what caused each score is told by shape and colour, and by a legend in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from django.utils.safestring import SafeString

from leadscoring.common.charts.svg import EMPTY, Frame, join, line_path, tag


class Mark(StrEnum):
    """Why a score was given."""

    DATA = "data"
    MODEL = "model"
    AGAIN = "again"
    WAITED = "waited"
    OTHER = "other"


MARK_WORDS = {
    Mark.DATA: "new data",
    Mark.MODEL: "new model: another version than the score before",
    Mark.AGAIN: "scored again by the same version",
    Mark.WAITED: "had waited for a model",
    Mark.OTHER: "score of a lead merged into this one",
}
OVERRIDE_WORDS = "set by hand: the grade's range, or the score, from then until it ended"


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One scoring. `label` is written beside the point, where it says something new."""

    at: datetime
    score: int
    grade: str
    version: str
    mark: Mark = Mark.DATA
    label: str = ""


@dataclass(frozen=True, slots=True)
class HistorySpan:
    """A score or grade set by hand: `low` to `high` on the score axis, from one moment to another."""

    start: datetime
    end: datetime
    low: int
    high: int
    text: str


SCORE_TICKS = (0, 25, 50, 75, 99)
LABEL_WIDTH = 95.0
"""Of a time under the axis, in the units of the drawing."""


def history_plot(
    points: Sequence[HistoryPoint], spans: Sequence[HistorySpan] = (), *, of: str = ""
) -> SafeString:
    """Scores over time, in any order; the axis is in UTC. `of` says in words of how many they are a part."""
    if not points:
        return EMPTY
    ordered = sorted(points, key=lambda p: p.at)
    times = [p.at.timestamp() for p in ordered]
    first, last = times[0], max([times[-1], *(min(s.end.timestamp(), _edge(ordered, s)) for s in spans)])
    first = min([first, *(s.start.timestamp() for s in spans)])
    span = last - first
    pad = max(span * 0.04, 1800.0)
    frame = Frame.of(x=(first - pad, last + pad), y=(0.0, 100.0), width=560.0, height=250.0)
    pattern = "%d %b %Y" if span > 3 * 86_400 else "%d %b %H:%M"
    # As many labels as have room beside each other.
    count = min(4, 1 + int((frame.x(last) - frame.x(first)) / LABEL_WIDTH))
    marks = [first + span * k / max(count - 1, 1) for k in range(count)]
    own = [p for p in ordered if p.mark is not Mark.OTHER]
    parts = [
        frame.axes(
            x_title="Scored at (UTC)",
            y_title="Score (1 to 99)",
            x_text=lambda at: datetime.fromtimestamp(at, UTC).strftime(pattern),
            y_text=lambda score: f"{score:.0f}",
            x_ticks=marks,
            y_ticks=SCORE_TICKS,
        ),
        *(_span(frame, s, last) for s in spans),
        tag(
            "path",
            class_="ls-line ls-thin",
            d=line_path((frame.x(p.at.timestamp()), frame.y(p.score)) for p in own),
        ),
        *(_point(frame, p) for p in ordered),
    ]
    # Seen on a phone, where the axis at the left is scrolled out of sight.
    parts += [
        tag(
            "text",
            f"{score}",
            class_="ls-tick ls-narrow",
            x=frame.x.end,
            y=frame.y(score) - 4,
            text_anchor="end",
        )
        for score in SCORE_TICKS
    ]
    drawing = frame.figure(*parts, title="Score over time", caption=of or _count(len(ordered)))
    # On a phone the drawing keeps its size and scrolls, the newest scores in sight.
    return join([tag("div", drawing, class_="ls-scroll"), _legend(ordered, spans)])


def _edge(ordered: Sequence[HistoryPoint], span: HistorySpan) -> float:
    """An override may end far in the future: the axis ends a little after what has happened."""
    return max(ordered[-1].at.timestamp(), span.start.timestamp() + 86_400.0)


def _span(frame: Frame, span: HistorySpan, last: float) -> SafeString:
    left = frame.x(span.start.timestamp())
    right = max(frame.x(min(span.end.timestamp(), last)), left + 3)
    top, bottom = frame.y(span.high), frame.y(span.low)
    if span.low == span.high:
        top, bottom = top - 2, bottom + 2
    return tag(
        "g",
        tag("title", span.text),
        tag("rect", class_="ls-span", x=left, y=top, width=right - left, height=max(bottom - top, 4.0)),
        tag("path", class_="ls-mark ls-mark-hand", d=_diamond(left, (top + bottom) / 2, 6.0)),
    )


def _point(frame: Frame, point: HistoryPoint) -> SafeString:
    x, y = frame.x(point.at.timestamp()), frame.y(point.score)
    words = f"{point.at:%d %b %Y %H:%M}: score {point.score}, grade {point.grade}, {point.version}"
    shape = _shape(point.mark, x, y, tag("title", f"{words}; {MARK_WORDS[point.mark]}"))
    if not point.label:
        return shape
    above = y - 10 if y > 40 else y + 18
    return join([shape, tag("text", point.label, class_="ls-tick", x=x, y=above, text_anchor="middle")])


def _shape(mark: Mark, x: float, y: float, *inside: SafeString) -> SafeString:
    look = f"ls-mark ls-mark-{mark.value}"
    if mark is Mark.MODEL:
        return tag("rect", *inside, class_=look, x=x - 4.5, y=y - 4.5, width=9.0, height=9.0)
    if mark is Mark.AGAIN:
        return tag("path", *inside, class_=look, d=f"M{x:.1f} {y - 5.5:.1f} l5.2 9 h-10.4 Z")
    return tag("circle", *inside, class_=look, cx=x, cy=y, r=4.0)


def _diamond(x: float, y: float, size: float) -> str:
    return f"M{x:.1f} {y - size:.1f} l{size:g} {size:g} l-{size:g} {size:g} l-{size:g} -{size:g} Z"


def _legend(points: Sequence[HistoryPoint], spans: Sequence[HistorySpan]) -> SafeString:
    counts = Counter(p.mark for p in points)
    items = [_entry(_shape(mark, 7.0, 7.0), MARK_WORDS[mark], counts[mark]) for mark in Mark if counts[mark]]
    if spans:
        shape = tag("path", class_="ls-mark ls-mark-hand", d=_diamond(7.0, 7.0, 6.0))
        items.append(_entry(shape, OVERRIDE_WORDS, len(spans)))
    return tag("ul", *items, class_="ls-legend")


def _entry(shape: SafeString, words: str, n: int) -> SafeString:
    glyph = tag("svg", shape, class_="ls-glyph", viewBox="0 0 14 14", aria_hidden="true")
    return tag("li", glyph, f"{words} ({n:,})")


def _count(n: int) -> str:
    return "1 scoring." if n == 1 else f"{n:,} scorings."
