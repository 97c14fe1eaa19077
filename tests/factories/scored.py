"""A simulated business whose leads were scored when they came, with outcomes that came late: the truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from leadscoring.simulation import SimulationConfig, scenario, simulate
from scoring.contracts import OutcomeKind
from scoring.models import Lead, MaturityWindow, ModelVersion, Outcome, Prediction, Release
from tests.factories.rows import a_feature_set, a_release, a_version

BATCH = 2000


@dataclass(frozen=True, slots=True)
class Scored:
    """What was made: the version that serves, its release, and the truth (days, chances as the model has them)."""

    version: ModelVersion
    release: Release
    auc: float


def grade_of(p: float) -> str:
    """Grades as limits on the chance."""
    return "A" if p >= 0.4 else "B" if p >= 0.2 else "C" if p >= 0.08 else "D"


def a_scored_business(
    *,
    leads: int,
    start: date,
    end: date,
    onset: date | None = None,
    what: str = "changed-law",
    seed: int = 1,
    window_days: float | None = 60.0,
    noise: float = 0.0,
    features: Sequence[Any] = (),
) -> Scored:
    """Leads of a simulated business from `start` to `end`. The model knows the law as it was before `onset`, up to
    `noise` in log-odds; its scores come one second after creation, outcomes when they happen."""
    config = SimulationConfig(seed=seed, leads=leads, start=start, end=end)
    known = simulate(config)
    lived = known if onset is None else simulate(config.with_dials(*scenario(what, onset)))
    odds = known.truth["log_odds"].to_numpy(float)
    odds = odds + np.random.default_rng(seed).normal(0.0, noise, len(odds)) if noise else odds
    chance = 1.0 / (1.0 + np.exp(-odds))
    auc = known.expected_bayes_auc
    opened = datetime.combine(start, datetime.min.time(), UTC)
    feature_set = a_feature_set(features) if features else a_feature_set()
    version = a_version(
        feature_set=feature_set,
        created_at=opened,
        metrics={
            "roc_auc": {"value": auc, "low": auc - 0.015, "high": auc + 0.015, "n": 6000, "method": "test"}
        },
    )
    release = a_release(version, opened_at=opened)
    if window_days is not None:
        source = MaturityWindow.objects.get_or_create(source_system="crm")[0]
        MaturityWindow.objects.filter(pk=source.pk).update(set_days=window_days)
    created = known.rows.created
    rows, predictions, outcomes = [], [], []
    converts = lived.truth["converts"].to_numpy(bool)
    when = lived.truth["converted_at"].to_numpy(float)
    nationality = known.leads.columns
    for at in range(len(created)):
        moment = datetime.fromtimestamp(float(created[at]), UTC)
        lead = Lead(
            source_system="crm",
            external_id=f"S-{at:06d}",
            created=moment,
            first_seen=moment,
            updated_at=moment,
            scored_at=moment,
            attributes={
                name: known.leads.iloc[at][name] for name in nationality if name in {f.name for f in features}
            },
        )
        rows.append(lead)
        p = float(chance[at])
        predictions.append(
            Prediction(
                lead=lead, version=version, release=release, role="champion", cause="api", values={},
                raw_probability=p, probability=p, score=min(max(int(p * 99), 1), 99), grade=grade_of(p), reasons=[],
                latency_ms=1.0, scored_at=moment + timedelta(seconds=1),
            )
        )  # fmt: skip
        if converts[at]:
            came = max(datetime.fromtimestamp(float(when[at]), UTC), moment + timedelta(minutes=5))
            outcomes.append(
                Outcome(
                    lead=lead, kind=OutcomeKind.CONVERTED.value, occurred_at=came,
                    recorded_at=came + timedelta(hours=1), revenue=1000 + at % 5000, currency="AED",
                )
            )  # fmt: skip
    Lead.objects.bulk_create(rows, batch_size=BATCH)
    Prediction.objects.bulk_create(predictions, batch_size=BATCH)
    Outcome.objects.bulk_create(outcomes, batch_size=BATCH)
    return Scored(version, release, auc)
