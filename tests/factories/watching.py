"""Predictions of a version whose leads are watched: a reference made from leads, and windows of later ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from scoring.contracts import Cause, Role
from scoring.ml.reference import ReferenceProfile, reference_profile
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_frame
from scoring.models import Lead, ModelVersion, Prediction, Release
from tests.factories.rows import NOW, a_feature_set, a_lead, a_release, a_version

SPECS = (
    FeatureSpec("source", "Source", Kind.CATEGORY, segment=True),
    FeatureSpec("budget", "Budget", Kind.NUMBER, unit="AED", minimum=0.0, maximum=1000.0),
    FeatureSpec("pages", "Pages visited", Kind.NUMBER),
    FeatureSpec("vip", "VIP", Kind.YES_NO),
)
SOURCES = ("Web", "Fair", "Mail")
SHARES = (0.5, 0.3, 0.2)
REFERENCE_ROWS = 4000
IMPORTANCE = [
    {"feature": "source", "label": "Source", "share": 0.4},
    {"feature": "budget", "label": "Budget", "share": 0.3},
    {"feature": "pages", "label": "Pages visited", "share": 0.2},
    {"feature": "vip", "label": "VIP", "share": 0.1},
]


def values(n: int, *, seed: int, shares: Sequence[float] = SHARES) -> list[dict[str, Any]]:
    """n leads as they always come: Fair brings larger budgets, Mail fewer pages."""
    rng = np.random.default_rng(seed)
    source = rng.choice(SOURCES, n, p=np.array(shares) / sum(shares))
    budget = np.clip(rng.normal(np.where(source == "Fair", 650.0, 350.0), 90.0), 0, 1000).round(1)
    pages = rng.poisson(np.where(source == "Mail", 2.0, 8.0))
    vip = rng.choice(["yes", "no"], n, p=[0.2, 0.8])
    return [
        {"source": str(s), "budget": float(b), "pages": int(p), "vip": str(v)}
        for s, b, p, v in zip(source, budget, pages, vip, strict=True)
    ]


def probabilities(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """What the model says: more for larger budgets."""
    found = []
    for row in rows:
        budget = row.get("budget")
        number = float(budget) if isinstance(budget, int | float) else 400.0
        found.append(float(1 / (1 + np.exp(-(number - 700.0) / 150.0))))
    return found


@cache
def a_reference(names: tuple[str, ...] = tuple(spec.name for spec in SPECS)) -> ReferenceProfile:
    """The leads that the version was judged against."""
    schema = FeatureSchema(tuple(spec for spec in SPECS if spec.name in names))
    rows = values(REFERENCE_ROWS, seed=99)
    p = np.array(probabilities(rows))
    frame = parse_frame(schema, pd.DataFrame(rows, dtype=object))
    return reference_profile(frame, schema, p, np.clip(p * 100, 1, 99).astype(np.int64))


def a_watched_version(*, specs: Sequence[FeatureSpec] = SPECS, **fields: Any) -> ModelVersion:
    """A version with a reference profile."""
    fields = {"reference_profile": a_reference().to_json(), "importance": IMPORTANCE, **fields}
    return a_version(feature_set=a_feature_set(specs), **fields)


def a_watched_release(**fields: Any) -> Release:
    """An open release of such a version."""
    return a_release(a_watched_version(**fields))


def some_predictions(
    rows: Sequence[Mapping[str, Any]],
    since: datetime,
    until: datetime,
    *,
    release: Release | None = None,
    **fields: Any,
) -> list[Prediction]:
    """One prediction for each row, evenly from `since` until before `until`."""
    release = release or Release.objects.get(is_open=True)
    lead = Lead.objects.first() or a_lead()
    step = (until - since) / max(len(rows), 1)
    p = probabilities(rows)
    return Prediction.objects.bulk_create(
        Prediction(
            **{
                "lead": lead,
                "release": release,
                "version": release.champion,
                "role": Role.CHAMPION.value,
                "cause": Cause.API.value,
                "values": dict(row),
                "raw_probability": chance,
                "probability": chance,
                "score": min(max(int(chance * 100), 1), 99),
                "grade": "ABCD"[min(int((1 - chance) * 4), 3)],
                "reasons": [],
                "first": True,
                "latency_ms": 1.0 + place % 7,
                "scored_at": since + place * step,
                **fields,
            }
        )
        for place, (row, chance) in enumerate(zip(rows, p, strict=True))
    )


def minutes(n: float) -> timedelta:
    """A stretch of minutes."""
    return timedelta(minutes=n)


#: A full hour, from which tests count.
HOUR_0 = NOW.replace(minute=0)
