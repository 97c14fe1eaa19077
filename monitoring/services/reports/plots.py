"""The two plots of the report, as PNG on white, so that they can be read in a mail program's dark mode too."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from scoring.ml.estimates import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, LINE = "#1f2933", "#5b6472", "#e4e7eb"
TONES = {"A": "#11743b", "B": "#0f62ac", "C": "#c77a12", "D": "#8a94a3", "": "#d5dae1"}


def weekly_leads_plot(mondays: Sequence[date], grades: Mapping[str, Sequence[int]]) -> bytes:
    """Leads of each week, stacked by grade ("" for those without a score); the last week is the one reported."""
    figure, axes = _canvas()
    places = range(len(mondays))
    bottom = [0] * len(mondays)
    for grade, tone in TONES.items():
        counts = list(grades.get(grade, bottom))
        if not any(counts):
            continue
        label = f"grade {grade}" if grade else "no score"
        axes.bar(places, counts, bottom=bottom, color=tone, width=0.78, label=label)
        bottom = [low + n for low, n in zip(bottom, counts, strict=True)]
    for place, total in zip(places, bottom, strict=True):
        axes.annotate(
            f"{total:,}", (place, total), xytext=(0, 3), textcoords="offset points", ha="center",
            fontsize=9, color=INK, fontweight="bold" if place == len(mondays) - 1 else "normal",
        )  # fmt: skip
    axes.set_xticks(list(places), [f"{monday:%-d %b}" for monday in mondays], rotation=35, ha="right")
    axes.set_xlabel("Week, by its Monday (UTC)", color=INK)
    axes.set_ylabel("Leads that came", color=INK)
    axes.set_ylim(0, max([*bottom, 1]) * 1.12)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.grid(visible=True, axis="y", color=LINE, linewidth=0.6)
    if any(bottom):
        figure.legend(
            loc="outside upper left",
            ncols=5,
            frameon=False,
            fontsize=9,
            labelcolor=INK,
            columnspacing=1.0,
            handlelength=1.1,
        )
    return _png(figure)


def conversion_by_grade_plot(rates: Mapping[str, Estimate | None]) -> bytes:
    """Share of ripe leads that converted, by the grade they were given first; bars are 95 % intervals."""
    figure, axes = _canvas()
    top = 0.0
    for place, (grade, rate) in enumerate(rates.items()):
        if rate is None:
            continue
        spread = [[rate.value - rate.low], [rate.high - rate.value]]
        axes.bar(place, rate.value, color=TONES[grade], width=0.6)
        axes.errorbar(place, rate.value, yerr=spread, color=INK, capsize=5, linewidth=1.3)
        axes.annotate(
            f"{rate.value:.1%}", (place, rate.high), xytext=(0, 4), textcoords="offset points", ha="center",
            fontsize=9.5, color=INK,
        )  # fmt: skip
        top = max(top, rate.high)
    labels = [f"{grade}\nn = {rate.n:,}" if rate else f"{grade}\nno lead" for grade, rate in rates.items()]
    axes.set_xticks(range(len(rates)), labels)
    axes.set_xlim(-0.6, len(rates) - 0.4)
    axes.set_xlabel("Grade given first, and its ripe leads", color=INK)
    axes.set_ylabel("Share that converted", color=INK)
    axes.set_ylim(0, min(1.0, top * 1.15 + 0.005) if top < 0.93 else 1.08)
    from matplotlib.ticker import PercentFormatter

    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(visible=True, axis="y", color=LINE, linewidth=0.6)
    return _png(figure)


def _canvas() -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.3), dpi=190, layout="constrained", facecolor="white")
    axes = figure.subplots()
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=9.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor="white", metadata={"Software": None})
    return out.getvalue()
