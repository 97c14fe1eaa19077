"""What a version's second look found, as its page reads it. Versions from before it have none, and show none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadscoring.common.admin.words import NOTHING, chance, estimate_cell, minus
from leadscoring.common.charts import (
    CurvePoint,
    IntervalBar,
    interval_bars,
    learning_plot,
    spread_plot,
)

LAW_POINTS = 60
VERDICTS = {
    "leak": ("sign of a leak", "bad"),
    "promising": ("worth a second look", "warn"),
    "nothing": ("adds nothing", "good"),
    "unclear": ("cannot be told", "quiet"),
    "empty": ("holds one value", "quiet"),
    "not tried": ("not tried", "quiet"),
}
WEAK = {"ranking": "ranked worse than promised", "calibration": "chances are off"}


def second_look(report: Mapping[str, Any]) -> dict[str, Any]:
    """The four parts a template draws; a part that was not measured is None."""
    return {
        "curve": _part(report, "learning_curve", _curve),
        "held_out": _part(report, "held_out", _held_out),
        "spread": _part(report, "split_spread", _spread),
        "slices": _part(report, "slices", _slices),
    }


def summary(report: Mapping[str, Any]) -> list[str]:
    """The second look in sentences, for the page on which somebody decides."""
    parts = [report.get(name) for name in ("slices", "split_spread", "learning_curve")]
    found = [str(part["words"]) for part in parts if isinstance(part, Mapping) and part.get("words")]
    slices = report.get("slices")
    if isinstance(slices, Mapping):
        found[1:1] = [str(one.get("words", "")) for one in _rows(slices.get("slices")) if one.get("weak")]
    return found


def _part(report: Mapping[str, Any], name: str, read: Any) -> dict[str, Any] | None:
    found = report.get(name)
    if not isinstance(found, Mapping):
        return None
    try:
        drawn: dict[str, Any] = read(found)
    except (KeyError, TypeError, ValueError, AttributeError):
        # Written by another version of the program: the rest of the page still shows.
        return None
    return drawn


def _rows(found: object) -> list[Mapping[str, Any]]:
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, Sequence) else []


def _curve(found: Mapping[str, Any]) -> dict[str, Any]:
    rows = _rows(found["points"])
    points = [_curve_point(float(row["leads"]), row["auc"]) for row in rows]
    law, gain, last = found["law"], found["gain"], points[-1]
    forecast = CurvePoint(
        last.x + float(found["more"]),
        last.y + float(gain["value"]),
        last.y + float(gain["low"]),
        last.y + float(gain["high"]),
    )
    first, end = points[0].x, forecast.x
    drawn = [first + (end - first) * k / LAW_POINTS for k in range(LAW_POINTS + 1)]
    drawn = sorted({*drawn, last.x})
    line = [
        (x, float(law["ceiling"]) - float(law["gap"]) * (x / last.x) ** -float(law["rate"])) for x in drawn
    ]
    return {
        "words": str(found["words"]),
        "plot": learning_plot(points, line, forecast),
        "rows": [
            {
                "share": f"{float(row['share']) * 100:.0f} %",
                "leads": f"{row['leads']:,}",
                "conversions": f"{row['conversions']:,}",
                "auc": estimate_cell(row["auc"]),
                "log_loss": estimate_cell(row["log_loss"]),
                "repeats": row["repeats"],
            }
            for row in rows
        ],
    }


def _curve_point(x: float, auc: Mapping[str, Any]) -> CurvePoint:
    return CurvePoint(x, float(auc["value"]), float(auc["low"]), float(auc["high"]), int(auc["n"]))


def _held_out(found: Mapping[str, Any]) -> dict[str, Any]:
    columns = _rows(found["columns"])
    bars = [_bar(row["lift"]) for row in columns if row.get("lift")]
    axis = interval_bars(bars, low=0.0, high=0.05, reference=0.0)
    rows = []
    for row in columns:
        verdict, tone = VERDICTS.get(str(row["verdict"]), (str(row["verdict"]), "quiet"))
        lift = row.get("lift")
        rows.append(
            {
                "label": str(row["label"]),
                "auc": estimate_cell(row.get("auc")),
                "bar": axis.draw(_bar(lift)) if lift else None,
                "lift": minus(f"{lift['value']:+.3f} ({lift['low']:+.3f} to {lift['high']:+.3f})")
                if lift
                else "",
                "verdict": verdict,
                "tone": tone,
                "words": str(row["words"]),
            }
        )
    return {
        "without": estimate_cell(found["without"]),
        "axis": axis.header() if bars else None,
        "rows": rows,
        "leaks": sum(row["verdict"] == "leak" for row in columns if row.get("name")),
    }


def _bar(found: Mapping[str, Any]) -> IntervalBar:
    return IntervalBar(float(found["value"]), float(found["low"]), float(found["high"]), int(found["n"]))


def _spread(found: Mapping[str, Any]) -> dict[str, Any]:
    low, high = (float(value) for value in found["one_split"])
    aucs = [float(value) for value in found["aucs"]]
    return {
        "words": str(found["words"]),
        "plot": spread_plot(
            aucs, mark=float(found["test_auc"]), band=(low, high), mark_label="the test number"
        ),
        "mean": estimate_cell(found["mean"]),
        "train": f"{found['train_leads']:,}",
        "test": f"{found['test_leads']:,}",
    }


def _slices(found: Mapping[str, Any]) -> dict[str, Any]:
    every = _rows(found["slices"])
    bars = [_bar(row["auc"]) for row in every if row.get("auc")]
    axis = interval_bars(bars, low=0.5, high=1.0, reference=0.5)
    rows = [_slice(row, axis) for row in every]
    return {
        "words": str(found["words"]),
        "weak": [row for row in rows if row["weak"]],
        "harder": [row for row in rows if row["harder"] and not row["weak"]],
        "others": [row for row in rows if not row["harder"] and not row["weak"]],
        "axis": axis.header() if bars else None,
    }


def _slice(row: Mapping[str, Any], axis: Any) -> dict[str, Any]:
    observed, auc = row["observed"], row.get("auc")
    return {
        "name": str(row["name"]),
        "n": f"{row['n']:,}",
        "conversions": f"{row['conversions']:,}",
        "predicted": chance(float(row["predicted"])),
        "observed": chance(float(observed["value"])),
        "observed_span": f"{chance(float(observed['low']))} to {chance(float(observed['high']))}",
        "bar": axis.draw(_bar(auc)) if auc else None,
        "auc": f"{auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f})" if auc else NOTHING,
        "elsewhere": f"{row['elsewhere']:.3f}" if row.get("elsewhere") is not None else NOTHING,
        "promised": f"{row['promised']:.3f}" if row.get("promised") is not None else NOTHING,
        "weak": [WEAK.get(kind, kind) for kind in row.get("weak", ())],
        "harder": bool(row.get("harder")),
        "words": str(row.get("words", "")),
    }
