"""What the page of a performance check draws, from the row alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.utils.safestring import SafeString

from leadscoring.common.admin.words import NOTHING, estimate_words, grade_badge, minus
from leadscoring.common.charts import (
    CurvePoint,
    IntervalBar,
    SeriesPoint,
    calibration_plot,
    interval_bars,
    series_plot,
)
from monitoring.models import PerformanceCheck
from monitoring.selectors.performance import stands_out
from monitoring.stats.performance import FOUR_FIFTHS

METRICS = {
    "roc_auc": (
        "ROC-AUC",
        "chance that a lead that converts is ranked above one that does not; 0.5 is guessing",
    ),
    "pr_auc": ("PR-AUC", "average precision; guessing gives the base rate"),
    "log_loss": ("Log loss", "in nats; lower is better"),
    "brier": ("Brier score", "mean squared error of the chance; lower is better"),
    "top_decile_lift": ("Top-decile lift", "conversions in the best tenth against a random tenth"),
    "base_rate": ("Conversion", "share of ripe leads that converted"),
    "calibration_intercept": (
        "Calibration intercept",
        "0 is right on average; below 0 the chances are too high",
    ),
    "calibration_slope": ("Calibration slope", "1 is right; below 1 the chances are too extreme"),
    "ece": ("Calibration error", "mean gap between predicted and observed chance; lower is better"),
}
ESTIMATES = {
    "roc_auc": "ROC-AUC",
    "base_rate": "Conversion",
    "brier": "Brier score",
    "precision_A": "Conversion of grade A",
    "recall_A": "Share of all conversions in grade A",
}


def page(row: PerformanceCheck) -> dict[str, Any]:
    """Everything the template needs."""
    found = row.results
    estimate = found.get("estimate") or {}
    return {
        "metrics": [_metric(key, found) for key in METRICS],
        "test_auc": estimate_words(found.get("test_auc")),
        "stands_out": stands_out(row),
        "looked_at": looked_at(row),
        "limits": [
            {
                "grades": " and ".join(one["grades"]),
                "precision": _percent(one["precision"]),
                "recall": _percent(one["recall"]),
            }
            for one in found.get("limits", [])
        ],
        "auc_chart": auc_chart(row),
        "rate_chart": _rate_chart(found.get("weeks", [])),
        "slope_chart": _slope_chart(found.get("weeks", [])),
        "calibration": _calibration(found.get("calibration", [])),
        "weeks": [_week(one) for one in reversed(found.get("weeks", []))],
        "estimate": [
            (name, estimate_words(estimate.get(key))) for key, name in ESTIMATES.items() if estimate.get(key)
        ],
        "estimate_n": estimate.get("n", 0),
        "condition": estimate.get("condition", ""),
        "estimate_missing": estimate.get("missing", ""),
        "grades": _grades(found),
        "grades_axis": _axis(found).header() if found.get("grades") else "",
        "order": [_order(one) for one in found.get("order", [])],
        "currency": (found.get("outcomes") or {}).get("currency", ""),
        "fairness": [_feature(one) for one in found.get("fairness", [])],
        "left_out": [(reason, n) for reason, n in (found.get("left_out") or {}).items()],
        "outcomes": found.get("outcomes") or {},
        "never_scored": (found.get("outcomes") or {}).get("never scored", 0),
        "late": found.get("late", 0),
        "windows": [
            (name, f"{one['days']:.0f} days", one["note"])
            for name, one in (found.get("windows") or {}).items()
        ],
        "since": datetime.fromisoformat(found["since"]) if found.get("since") else None,
    }


def looked_at(row: PerformanceCheck) -> str:
    """How much of what was looked at had enough data."""
    said = row.results.get("said", [])
    known = sum(one["value"] is not None for one in said)
    return f"{known} of {len(said)} things looked at had enough data to be judged." if said else ""


def auc_chart(row: PerformanceCheck) -> SafeString:
    """AUC by week of creation: truth of the ripe leads and the estimate of all."""
    test = row.results.get("test_auc") or {}
    return series_plot(
        [
            SeriesPoint(_monday(one), measured=_bar(one["auc"]), estimated=_bar(one["estimate"]))
            for one in row.results.get("weeks", [])
        ],
        title="ROC-AUC by week of creation: measured and estimated",
        y_title="ROC-AUC",
        noun="ripe leads",
        reference=test.get("value"),
        reference_words=f"the version's test, {test['value']:.3f}" if test.get("value") is not None else "",
        bounds=(0.4, 1.0),
    )


def _rate_chart(weeks: Sequence[Mapping[str, Any]]) -> SafeString:
    return series_plot(
        [
            SeriesPoint(_monday(one), measured=_bar(one["rate"]), estimated=_bar(one["estimated_rate"]))
            for one in weeks
        ],
        title="Conversion by week of creation: what happened and what was promised",
        y_title="Share that converts",
        noun="ripe leads",
        bounds=(0.0, 1.0),
    )


def _slope_chart(weeks: Sequence[Mapping[str, Any]]) -> SafeString:
    return series_plot(
        [SeriesPoint(_monday(one), measured=_bar(one["slope"])) for one in weeks if one["conversions"] >= 5],
        title="Calibration slope by week of creation",
        y_title="Calibration slope",
        noun="ripe leads",
        reference=1.0,
        reference_words="1, right; below it the chances are too extreme. Weeks with at least 5 conversions",
        bounds=(-1.0, 3.0),
    )


def _calibration(bins: Sequence[Mapping[str, Any]]) -> SafeString:
    return calibration_plot(
        [
            CurvePoint(
                x=one["predicted"],
                y=one["observed"]["value"],
                low=one["observed"]["low"],
                high=one["observed"]["high"],
                n=one["observed"]["n"],
            )
            for one in bins
        ],
        noun="ripe leads",
    )


def _metric(key: str, found: Mapping[str, Any]) -> dict[str, Any]:
    name, meaning = METRICS[key]
    estimate = found["metrics"].get(key)
    missing = found.get("missing") or {}
    return {
        "name": name,
        "meaning": meaning,
        "value": estimate_words(estimate),
        "method": "" if estimate is None else str(estimate["method"]),
        "missing": ""
        if estimate
        else f"Not enough data: {missing.get(key) or missing.get('all') or 'not told'}.",
    }


def _week(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "week": f"{_monday(one):%-d %b %Y}",
        "n": one["n"],
        "waiting": one["waiting"],
        "conversions": one["conversions"],
        "promised": f"{one['promised']:,.1f}",
        "auc": estimate_words(one["auc"]),
        "estimate": estimate_words(one["estimate"]),
        "slope": estimate_words(one["slope"], digits=2),
    }


def _axis(found: Mapping[str, Any]) -> Any:
    bars = [_bar(row["conversion"]) for row in found["grades"]]
    known = [bar for bar in bars if bar is not None]
    return interval_bars(known, low=0.0, high=0.1, reference=None)


def _grades(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = found.get("grades") or []
    if not rows:
        return []
    axis = _axis(found)
    made = []
    for row in rows:
        bar = _bar(row["conversion"])
        made.append(
            {
                "grade": grade_badge(row["grade"]),
                "n": row["n"],
                "conversions": row["conversions"],
                "conversion": _percent(row["conversion"]),
                "bar": axis.draw(bar) if bar is not None else "",
                "expected": NOTHING if row["expected"] is None else f"{row['expected'] * 100:.1f} %",
                "revenue": estimate_words(row["revenue"], digits=0),
            }
        )
    return made


def _order(one: Mapping[str, Any]) -> dict[str, Any]:
    difference = one["difference"]
    low, high, value = (difference[key] * 100 for key in ("low", "high", "value"))
    said = f"{value:+.1f} points ({low:+.1f} to {high:+.1f}, n = {difference['n']:,})"
    if one["upside_down"]:
        verdict, tone = "upside down", "bad"
    elif difference["low"] > 0:
        verdict, tone = "in order", "good"
    else:
        verdict, tone = "too few leads to tell", "quiet"
    return {
        "pair": f"{one['better']} above {one['worse']}",
        "said": minus(said),
        "verdict": verdict,
        "tone": tone,
    }


def _feature(one: Mapping[str, Any]) -> dict[str, Any]:
    groups = [
        {
            "value": group["value"],
            "n": group["n"],
            "selected": _percent(group["selected"]),
            "ratio": NOTHING if group["ratio"] is None else f"{group['ratio']:.2f}",
            "below": group["ratio"] is not None and group["ratio"] < FOUR_FIFTHS,
            "marked": group["marked"],
            "auc": estimate_words(group["auc"]),
            "calibration": estimate_words(group["calibration"], digits=2),
            "problem": group["problem"],
        }
        for group in one["groups"]
    ]
    return {"label": one["label"], "groups": groups, "marked": sum(group["marked"] for group in groups)}


def _monday(one: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(one["week"]).replace(tzinfo=UTC)


def _bar(estimate: Mapping[str, Any] | None) -> IntervalBar | None:
    if estimate is None:
        return None
    return IntervalBar(estimate["value"], estimate["low"], estimate["high"], estimate["n"])


def _percent(estimate: Mapping[str, Any] | None) -> str:
    if estimate is None:
        return NOTHING
    value, low, high = (estimate[key] * 100 for key in ("value", "low", "high"))
    return f"{value:.1f} % ({low:.1f} to {high:.1f}, n = {estimate['n']:,})"
