"""The evidence of a model version as a page reads it. What a report lacks is left out of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadscoring.common.admin.words import NOTHING, estimate_cell, minus
from leadscoring.common.charts import CurvePoint, calibration_plot, gain_plot, share_bar
from scoring.admin.version_second_look import second_look, summary
from scoring.contracts import VersionOrigin
from scoring.ml.adoption.mlmodel import FLAVOUR_WORDS
from scoring.ml.selection import NAMES
from scoring.models import ModelVersion

METRIC_WORDS: dict[str, tuple[str, str]] = {
    "roc_auc": (
        "ROC-AUC",
        "chance that a lead that converts is ranked above one that does not; 0.5 is guessing",
    ),
    "pr_auc": ("PR-AUC", "average precision; guessing gives the base rate"),
    "log_loss": ("Log loss", "lower is better"),
    "brier": ("Brier score", "mean squared error of the chance; lower is better"),
    "ece": ("Calibration error", "mean gap between predicted and observed chance; lower is better"),
    "top_decile_lift": ("Top-decile lift", "conversions in the best tenth against a random tenth"),
    "base_rate": ("Base rate", "share of test leads that converted"),
    "calibration_intercept": ("Calibration intercept", "0 is right on average"),
    "calibration_slope": ("Calibration slope", "1 is right; below 1 the chances are too extreme"),
}
IMPORTANCE_SHOWN = 15
HEADLINE = ("roc_auc", "top_decile_lift", "base_rate")


def evidence(version: ModelVersion) -> dict[str, Any]:
    """Everything the version's page and its confirm page draw."""
    report: Mapping[str, Any] = version.report
    return {
        "metrics": metric_rows(version.metrics),
        "headline": [row for row in metric_rows(version.metrics) if row["key"] in HEADLINE],
        "candidates": [_candidate(c) for c in _rows(report.get("candidates"))],
        "split_words": split_words(report.get("split")),
        "other_splits": [_other_split(s) for s in _rows(report.get("other_splits"))],
        "second": second_look(report),
        "second_summary": summary(report),
        "calibration": calibration_plot(_calibration(report)),
        "calibration_rows": _calibration(report),
        "gain": gain_plot(_gain(report), n=_test_size(version.metrics)),
        "gain_rows": _gain(report),
        "importance": _importance(version.importance),
        "importance_more": max(len(_looked_at(version.importance)) - IMPORTANCE_SHOWN, 0),
        "notes": texts(report.get("notes")),
        "readiness": readiness_words(report.get("readiness")),
        "left_out": _left_out(report.get("left_out")),
        "parity": _parity(report.get("parity")),
        "reference": _reference(version.reference_profile),
        "params": _params(report.get("params")),
        "estimator_shown": estimator_words(version),
        "origin": origin(version),
        "size_shown": f"{version.artefact_size / 1024:,.0f} KiB",
    }


def origin(version: ModelVersion) -> dict[str, Any]:
    """Where an adopted version comes from, in words; empty for a trained one."""
    source, speed = version.source, version.report.get("speed") or {}
    if version.origin != VersionOrigin.ADOPTED.value or not source:
        return {}
    size = source.get("size")
    return {
        "name": str(source.get("name", "")),
        "version": str(source.get("version", "")),
        "run_id": str(source.get("run_id", "")),
        "form": FLAVOUR_WORDS.get(str(source.get("flavour", "")), str(source.get("flavour", ""))),
        "tool_version": str(source.get("tool_version", "")),
        "digest": str(source.get("digest", "")),
        "size": f"{size / 1024:,.0f} KiB" if isinstance(size, int) else NOTHING,
        "by_pipeline": version.estimator == "pipeline",
        "speed": (
            f"{speed['p50_ms']:.2f} ms in the middle, {speed['p95_ms']:.2f} ms for the slowest twentieth, "
            f"n = {speed['leads']:,.0f} leads, one at a time, reasons included"
            if {"p50_ms", "p95_ms", "leads"} <= set(speed)
            else ""
        ),
    }


def estimator_words(version: ModelVersion) -> str:
    """The rung of the ladder by the name people know."""
    words = NAMES.get(version.estimator, version.estimator)
    return words[:1].upper() + words[1:]


def metric_rows(metrics: Mapping[str, Any]) -> list[dict[str, str]]:
    """Metrics in the order of their names' table, others after them."""
    order = [*METRIC_WORDS, *(key for key in metrics if key not in METRIC_WORDS)]
    rows = []
    for key in order:
        if not isinstance(metrics.get(key), Mapping):
            continue
        name, meaning = METRIC_WORDS.get(key, (key.replace("_", " "), ""))
        found = metrics[key]
        rows.append(
            {
                "key": key,
                "name": name,
                "meaning": meaning,
                "value": _number(found.get("value")),
                "interval": f"{_number(found.get('low'))} to {_number(found.get('high'))}",
                "n": f"{found['n']:,}" if isinstance(found.get("n"), int) else NOTHING,
                "method": str(found.get("method", "")).replace("_", " ").replace("wilson", "Wilson"),
            }
        )
    return rows


def compared(version: ModelVersion, champion: ModelVersion | None) -> list[dict[str, Any]]:
    """Both versions' test metrics side by side, where the new one has them."""
    others = champion.metrics if champion is not None else {}
    return [
        {
            "name": row["name"],
            "meaning": row["meaning"],
            "new": estimate_cell(version.metrics.get(row["key"])),
            "old": estimate_cell(others.get(row["key"])),
        }
        for row in metric_rows(version.metrics)
    ]


def split_words(split: object) -> list[str]:
    """How the test set was taken, as sentences."""
    if not isinstance(split, Mapping) or not split:
        return []
    found = []
    kind, why = str(split.get("kind") or ""), str(split.get("why") or "")
    if kind:
        found.append(f"Test leads: {kind}{': ' + why if why else ''}".rstrip(".") + ".")
    parts = [
        f"{verb} {split[f'{part}_leads']:,} leads, {split.get(f'{part}_conversions', 0):,} converted"
        for part, verb in (("train", "learned from"), ("test", "tested on"))
        if isinstance(split.get(f"{part}_leads"), int)
    ]
    if parts:
        sentence = "; ".join(parts)
        again = " What serves was then fitted again on all of them." if len(parts) > 1 else ""
        found.append(f"{sentence[0].upper()}{sentence[1:]}.{again}")
    first, last = split.get("first_test_date"), split.get("last_test_date")
    if first and last:
        found.append(f"Test leads were created from {first} to {last}.")
    return found


def readiness_words(found: object) -> list[str]:
    """What is missing before one should rely on the model; empty when nothing is."""
    return texts(found.get("messages")) if isinstance(found, Mapping) else texts(found)


def texts(found: object) -> list[str]:
    """A list of sentences, whatever was stored."""
    if isinstance(found, str):
        return [found] if found else []
    if isinstance(found, Sequence):
        return [str(item) for item in found]
    return []


def _rows(found: object) -> list[Mapping[str, Any]]:
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, Sequence) else []


def _candidate(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": str(found.get("name") or found.get("kind", "")),
        "auc": estimate_cell(found.get("auc")),
        "difference": estimate_cell(found.get("difference"), digits=4, error=found.get("standard_error")),
        "test_auc": estimate_cell(found.get("test_auc")),
        "chosen": bool(found.get("chosen")),
        "why": str(found.get("why", "")),
    }


def _other_split(found: Mapping[str, Any]) -> dict[str, Any]:
    metrics = found.get("metrics")
    return {
        "name": str(found.get("name", "")),
        "what": str(found.get("what", "")),
        "auc": estimate_cell(metrics.get("roc_auc")) if isinstance(metrics, Mapping) else NOTHING,
        "warning": str(found.get("warning", "")),
    }


def _left_out(found: object) -> list[tuple[str, str]]:
    """Metrics that could not be measured, and why."""
    if not isinstance(found, Mapping):
        return []
    return [
        (METRIC_WORDS.get(str(key), (str(key).replace("_", " "), ""))[0], str(why))
        for key, why in found.items()
    ]


def _parity(found: object) -> str:
    if not isinstance(found, Mapping) or not isinstance(found.get("max_difference"), int | float):
        return ""
    agrees = "agrees with" if found.get("ok") else "differs from"
    return (
        f"The row scorer {agrees} the reference pipeline: largest difference {found['max_difference']:.1e} "
        f"on {found.get('n', 0):,} rows."
    )


def _calibration(report: Mapping[str, Any]) -> list[CurvePoint]:
    points = []
    for row in _rows(report.get("calibration_curve")):
        observed = row.get("observed")
        if isinstance(observed, Mapping):
            points.append(
                CurvePoint(
                    float(row["predicted"]),
                    float(observed["value"]),
                    float(observed["low"]),
                    float(observed["high"]),
                    int(observed["n"]),
                )
            )
    return points


def _gain(report: Mapping[str, Any]) -> list[CurvePoint]:
    points = [
        CurvePoint(
            float(row["share"]),
            float(row["captured"]),
            float(row["captured_low"]),
            float(row["captured_high"]),
            int(row["n"]),
        )
        for row in _rows(report.get("gain_curve"))
        if "share" in row and "captured" in row
    ]
    return [CurvePoint(0.0, 0.0, 0.0, 0.0, 0), *points] if points else []


def _test_size(metrics: Mapping[str, Any]) -> int | None:
    found = metrics.get("roc_auc") or metrics.get("base_rate")
    n = found.get("n") if isinstance(found, Mapping) else None
    return n if isinstance(n, int) else None


def _looked_at(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The features with a share, the largest first: a model of another tool may ask for a few of many."""
    shares = [row for row in found if float(row.get("share", 0.0)) > 0]
    return sorted(shares, key=lambda row: -float(row["share"]))


def _importance(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = _looked_at(found)[:IMPORTANCE_SHOWN]
    most = max((float(row.get("share", 0.0)) for row in rows), default=0.0)
    return [
        {
            "label": str(row.get("label") or row.get("feature", "")),
            "share": f"{float(row.get('share', 0.0)) * 100:.1f} %",
            "bar": share_bar(float(row.get("share", 0.0)) / most if most > 0 else 0.0),
        }
        for row in rows
    ]


def _reference(profile: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each feature of the reference profile in a line: rows, share missing. Empty where it cannot be read."""
    from scoring.ml.reference import FeatureProfile

    try:
        features = [FeatureProfile.from_json(item) for item in profile.get("features", ())]
    except (KeyError, TypeError, ValueError):
        return []
    return [
        {
            "name": one.label,
            "kind": one.kind.value.replace("_", "/"),
            "n": f"{one.n:,}",
            "missing": f"{one.missing / one.n * 100:.1f} %" if one.n else NOTHING,
        }
        for one in features
    ]


def _params(found: object) -> list[tuple[str, str]]:
    if not isinstance(found, Mapping):
        return []
    return [(str(key).replace("_", " "), _number(value)) for key, value in sorted(found.items())]


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NOTHING if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return minus(f"{value:.3f}" if abs(value) >= 0.001 or value == 0 else f"{value:.2e}")
