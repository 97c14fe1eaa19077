"""Calibration and gain plots as images, drawn without global state, so any thread may call them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from scoring.ml.estimates import Estimate
from scoring.ml.metrics import CalibrationBin, GainPoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure


Image = Literal["png", "svg"]
INK, MUTED, ACCENT = "#1f2933", "#9aa5b1", "#2563eb"


def calibration_plot(
    curve: Sequence[CalibrationBin], *, base_rate: float, n: int, conversions: int, image: Image = "png"
) -> bytes:
    """Observed against predicted conversion with 95 % intervals, the diagonal and the base rate.

    `n` test leads with `conversions` among them stand in the caption. Both axes share one scale.
    """
    figure, axes = _canvas("Predicted chance", "Observed conversion rate")
    top = max([base_rate, *(item.predicted for item in curve), *(item.observed.high for item in curve)])
    limit = min(1.0, top * 1.08 + 0.005)
    axes.plot([0, limit], [0, limit], color=MUTED, linewidth=1, label="perfectly calibrated")
    axes.axhline(base_rate, color=MUTED, linewidth=1, linestyle=":", label=f"base rate {base_rate:.1%}")
    if curve:
        observed = [item.observed.value for item in curve]
        spread = [
            [item.observed.value - item.observed.low for item in curve],
            [item.observed.high - item.observed.value for item in curve],
        ]
        predicted = [item.predicted for item in curve]
        least, most = min(item.observed.n for item in curve), max(item.observed.n for item in curve)
        size = f"{least:,}" if least == most else f"{least:,}–{most:,}"
        label = f"this model, 95 % intervals, {size} leads per point"
        axes.errorbar(
            predicted,
            observed,
            yerr=spread,
            color=ACCENT,
            marker="o",
            markersize=4,
            linewidth=1.2,
            capsize=2,
            label=label,
        )
    axes.set_xlim(0, limit)
    axes.set_ylim(0, limit)
    return _finished(figure, axes, f"Calibration · {n:,} test leads, {conversions:,} converted", image)


def gain_plot(
    curve: Sequence[GainPoint], *, base_rate: float, n: int, conversions: int, image: Image = "png"
) -> bytes:
    """Share of conversions found against share of leads worked, best first, with 95 % bounds and base line.

    The base line is what working the leads in random order finds; `base_rate` stands in its label.
    """
    figure, axes = _canvas("Share of leads worked, best score first", "Share of conversions found")
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, label=f"random order (base rate {base_rate:.1%})")
    if curve:
        share = [0.0, *(point.share for point in curve)]
        axes.plot(
            share,
            [0.0, *(point.captured for point in curve)],
            color=ACCENT,
            linewidth=1.6,
            label="this model",
        )
        axes.fill_between(
            share,
            [0.0, *(point.captured_low for point in curve)],
            [0.0, *(point.captured_high for point in curve)],
            color=ACCENT,
            alpha=0.15,
            linewidth=0,
            label="95 % interval",
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    return _finished(figure, axes, f"Gain · {n:,} test leads, {conversions:,} converted", image)


def learning_plot(
    leads: Sequence[float], aucs: Sequence[Estimate], *, more: int, gain: Estimate, image: Image = "png"
) -> bytes:
    """AUC with 95 % intervals over the number of training leads, and what `more` of them promise."""
    figure, axes = _canvas("Leads to learn from", "ROC-AUC on the test leads")
    values = [auc.value for auc in aucs]
    spread = [[auc.value - auc.low for auc in aucs], [auc.high - auc.value for auc in aucs]]
    axes.errorbar(
        leads,
        values,
        yerr=spread,
        color=ACCENT,
        marker="o",
        markersize=4,
        linewidth=1.2,
        capsize=2,
        label="this model, 95 % intervals",
    )
    axes.errorbar(
        [leads[-1] + more],
        [values[-1] + gain.value],
        yerr=[[gain.value - gain.low], [gain.high - gain.value]],
        color=MUTED,
        marker="o",
        markerfacecolor="white",
        markersize=5,
        linestyle="none",
        capsize=2,
        label=f"{more:,} more leads, by the fitted power law",
    )
    return _finished(figure, axes, f"Learning curve · {aucs[-1].n:,} test leads", image, percent=False)


def spread_plot(
    aucs: Sequence[float], *, test_auc: float, one_split: tuple[float, float], image: Image = "png"
) -> bytes:
    """AUC of each repeated split, the band where one more would fall in 95 % of cases, and the test number."""
    figure, axes = _canvas("Random split", "ROC-AUC")
    axes.axhspan(*one_split, color=ACCENT, alpha=0.12, linewidth=0, label="95 % of single splits")
    axes.plot(
        range(1, len(aucs) + 1), aucs, color=ACCENT, marker="o", linestyle="none", label="repeated splits"
    )
    axes.axhline(test_auc, color=MUTED, linewidth=1, linestyle=":", label=f"test number {test_auc:.3f}")
    axes.set_xticks(range(1, len(aucs) + 1))
    return _finished(figure, axes, f"Luck of the split · {len(aucs)} random splits", image, percent=False)


def _canvas(x_label: str, y_label: str) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x_label, color=INK)
    axes.set_ylabel(y_label, color=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(visible=True, color="#e4e7eb", linewidth=0.6)
    return figure, axes


def _finished(figure: Figure, axes: Any, title: str, image: Image, *, percent: bool = True) -> bytes:
    from matplotlib.ticker import PercentFormatter

    axes.set_title(title, loc="left", fontsize=11, color=INK)
    for axis in (axes.xaxis, axes.yaxis) if percent else ():
        axis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    axes.legend(frameon=False, fontsize=8, loc="upper left" if "Calibration" in title else "lower right")
    out = io.BytesIO()
    # Without a date in it, the same curve gives the same bytes.
    figure.savefig(out, format=image, metadata={"Software": None} if image == "png" else {"Date": None})
    return out.getvalue()
