"""What MLflow is told of a version's second look: numbers, curves by step, tables as JSON, plots."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scoring.ml.intervals import Estimate
from scoring.ml.plots import learning_plot, spread_plot

PARTS = ("learning_curve", "held_out", "split_spread", "slices")


@dataclass(slots=True)
class PublishedLook:
    """Metrics by name, curves as (step, value), and files by path."""

    metrics: dict[str, float] = field(default_factory=dict)
    curves: dict[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


def published_look(report: Mapping[str, Any]) -> PublishedLook:
    """The parts of the second look that this report has; a version from before it has none."""
    look = PublishedLook()
    for name in PARTS:
        if report.get(name):
            look.files[f"second_look/{name}.json"] = json.dumps(
                report[name], indent=1, ensure_ascii=False, sort_keys=True
            ).encode()
    if curve := report.get("learning_curve"):
        _learning(curve, look)
    if spread := report.get("split_spread"):
        _spread(spread, look)
    if held_out := report.get("held_out"):
        _held_out(held_out, look)
    if slices := report.get("slices"):
        look.metrics |= {"slices_tested": float(slices["tested"]), "slices_weak": float(slices["weak"])}
    return look


def _learning(curve: Mapping[str, Any], look: PublishedLook) -> None:
    points = curve["points"]
    for measure in ("auc", "log_loss"):
        # The step is the number of leads: MLflow then draws the learning curve itself.
        look.curves[f"learning_{measure}"] = [
            (int(point["leads"]), float(point[measure]["value"])) for point in points
        ]
    look.metrics["more_leads"] = float(curve["more"])
    look.metrics |= _estimate("more_leads_auc_gain", curve["gain"])
    look.files["plots/learning_curve.png"] = learning_plot(
        [float(point["leads"]) for point in points],
        [Estimate.from_json(point["auc"]) for point in points],
        more=int(curve["more"]),
        gain=Estimate.from_json(curve["gain"]),
    )


def _spread(spread: Mapping[str, Any], look: PublishedLook) -> None:
    look.metrics |= _estimate("splits_auc_mean", spread["mean"])
    look.metrics |= {
        "splits_auc_deviation": float(spread["deviation"]),
        "splits_auc_lowest": float(spread["lowest"]),
        "splits_auc_highest": float(spread["highest"]),
    }
    low, high = (float(value) for value in spread["one_split"])
    look.files["plots/split_spread.png"] = spread_plot(
        [float(auc) for auc in spread["aucs"]], test_auc=float(spread["test_auc"]), one_split=(low, high)
    )


def _held_out(held_out: Mapping[str, Any], look: PublishedLook) -> None:
    columns = held_out["columns"]
    look.metrics["held_out_leaks"] = float(
        sum(column["verdict"] == "leak" for column in columns if column["name"])
    )
    together = next((column for column in columns if not column["name"] and column["lift"]), None)
    if together is not None:
        look.metrics |= _estimate("held_out_together_auc_lift", together["lift"])


def _estimate(name: str, found: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(found["value"]),
        f"{name}_low": float(found["low"]),
        f"{name}_high": float(found["high"]),
    }
