"""What a check keeps: each number with its interval, n and method, or in words why it is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring.selectors.columns import Floats
from monitoring.selectors.scored import ScoredLeads
from monitoring.services.performance.cohorts import Bools, Cohorts
from monitoring.stats.estimation import estimate_performance, estimated_precision, estimated_recall
from monitoring.stats.performance import GRADES, by_grade, fairness, grade_order
from scoring.ml.delong import delong_auc
from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.metrics import calibration_curve, evaluate
from scoring.ml.proportions import wilson
from scoring.ml.recalibration import calibration_intercept, calibration_slope

SEED = 0
VALUES_SHOWN = 20
WEEKS_SHOWN = 53
MONDAY = 4.0
"""1970-01-05 was a Monday."""
CONDITION = (
    "An estimate from the model's own probabilities: it holds while only the mix of leads changes and the "
    "probabilities are right for leads like these. It cannot see that leads of the same kind "
    "come to convert differently."
)


def measured(found: Cohorts) -> dict[str, Any]:
    """All there is to say of one version's leads, as JSON."""
    p, y = found.ripe.probability, found.y
    metrics = evaluate(y, p, seed=SEED) if len(y) else None
    rows = by_grade(found.ripe.grade.tolist(), y, p, found.revenue) if len(y) else []
    return {
        "metrics": {name: one.to_json() for name, one in metrics.items()} if metrics else {},
        "missing": dict(metrics.left_out) if metrics else {"all": "no lead is ripe"},
        "limits": _at_limits(found.ripe.grade, y),
        "calibration": [one.to_json() for one in calibration_curve(y, p)] if len(y) else [],
        "grades": [
            {
                "grade": row.grade,
                "n": row.n,
                "conversions": row.conversions,
                "conversion": _json(row.conversion),
                "expected": row.expected,
                "revenue": _json(row.revenue),
            }
            for row in rows
        ],
        "order": [
            {
                "better": one.better,
                "worse": one.worse,
                "difference": one.difference.to_json(),
                "upside_down": one.upside_down,
            }
            for one in grade_order(rows)
        ],
        "estimate": estimated(found.waiting),
        "weeks": _weeks(found),
        "late": found.late,
        "left_out": found.left_out,
    }


def estimated(waiting: ScoredLeads) -> dict[str, Any]:
    """What the leads that wait for their outcome will show, if the probabilities are right."""
    p = waiting.probability
    if not len(p):
        return {"n": 0, "missing": "no scored lead waits for its outcome"}
    promise = estimate_performance(p)
    chosen = np.asarray(waiting.grade == GRADES[0])
    return {
        "n": len(p),
        "condition": CONDITION,
        "roc_auc": _json(promise.auc),
        "base_rate": promise.rate.to_json(),
        "brier": promise.brier.to_json(),
        "precision_A": _try(lambda: estimated_precision(p, chosen)),
        "recall_A": _try(lambda: estimated_recall(p, chosen)),
        "missing": promise.left_out,
    }


def fair(found: Cohorts, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """How groups fare, for each feature marked as sensitive; the rarest values are one group."""
    features: list[dict[str, Any]] = []
    for name, (codes, values) in found.ripe.features.items():
        if not len(codes):
            features.append({"feature": name, "label": labels[name], "groups": []})
            continue
        sizes = np.bincount(codes, minlength=len(values))
        shown = set(np.argsort(-sizes, kind="stable")[:VALUES_SHOWN].tolist())
        words = np.array([v if at in shown else "other values" for at, v in enumerate(values)], dtype=object)
        groups = fairness(words[codes].tolist(), found.y, found.ripe.probability, found.ripe.grade.tolist())
        features.append(
            {
                "feature": name,
                "label": labels[name],
                "groups": [
                    {
                        "value": group.value,
                        "n": group.n,
                        "auc": _json(group.auc),
                        "calibration": _json(group.calibration),
                        "selected": _json(group.selected),
                        "ratio": group.selection_ratio,
                        "marked": group.marked,
                        "problem": group.problem,
                    }
                    for group in groups
                ],
            }
        )
    return features


def _at_limits(grades: NDArray[np.str_], y: Bools) -> list[dict[str, Any]]:
    """Precision and recall where leads of the grades down to A, B and C are called (Wilson)."""
    rows = []
    for place in range(1, len(GRADES)):
        chosen = np.isin(grades, list(GRADES[:place]))
        n, hits, all_hits = int(chosen.sum()), int((chosen & y).sum()), int(y.sum())
        rows.append(
            {
                "grades": "".join(GRADES[:place]),
                "precision": _json(wilson(hits, n)) if n else None,
                "recall": _json(wilson(hits, all_hits)) if all_hits else None,
            }
        )
    return rows


def _weeks(found: Cohorts) -> list[dict[str, Any]]:
    """Leads by their week of creation, oldest first: what was estimated of all of them, and the truth of the ripe."""
    ripe_week, waiting_week = _week_of(found.ripe.created), _week_of(found.waiting.created)
    rows = []
    for week in np.union1d(ripe_week, waiting_week)[-WEEKS_SHOWN:].tolist():
        mine, theirs = ripe_week == week, waiting_week == week
        y, p = found.y[mine], found.ripe.probability[mine]
        everyone = np.concatenate([p, found.waiting.probability[theirs]])
        promise = estimate_performance(everyone)
        rows.append(
            {
                "week": datetime.fromtimestamp(week * 86_400, UTC).date().isoformat(),
                "n": len(y),
                "waiting": int(theirs.sum()),
                "conversions": int(y.sum()),
                "promised": float(p.sum()),
                "auc": _try(partial(delong_auc, y, p)),
                "rate": _try(partial(wilson, int(y.sum()), len(y))),
                "intercept": _try(partial(calibration_intercept, y, p)),
                "slope": _try(partial(calibration_slope, y, p)),
                "estimate": _json(promise.auc),
                "estimated_rate": promise.rate.to_json(),
            }
        )
    return rows


def _week_of(days: Floats) -> Floats:
    return np.asarray(np.floor((days - MONDAY) / 7.0) * 7.0 + MONDAY)


def _json(estimate: Estimate | None) -> dict[str, Any] | None:
    return None if estimate is None else dict(estimate.to_json())


def _try(make: Callable[[], Estimate]) -> dict[str, Any] | None:
    """A number, or nothing where the leads do not carry it; n stands beside it either way."""
    try:
        return _json(make())
    except NotEnoughData:
        return None
