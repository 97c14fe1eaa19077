"""Rows of the core, each with the least that its constraints ask for; name only what a test is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Max

from scoring.contracts import Cause, FeatureSetState, OutcomeKind, Role
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind
from scoring.models import (
    Feature,
    FeatureSet,
    Lead,
    ModelVersion,
    Outcome,
    Prediction,
    Release,
    TrainingRun,
)
from scoring.services.features.sets import create_feature_set

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
SOURCE = "crm"
DIGEST = "0" * 64

SPECS = (
    FeatureSpec(name="source", label="Source", kind=Kind.CATEGORY, missing_tokens=("unknown",)),
    FeatureSpec(name="pages", label="Pages visited", kind=Kind.NUMBER, unit="pages"),
    FeatureSpec(name="budget", label="Budget given", kind=Kind.YES_NO),
)


def days_ago(days: float, *, now: datetime = NOW) -> datetime:
    """A moment before `now`."""
    return now - timedelta(days=days)


def a_feature_set(
    specs: Sequence[FeatureSpec] = SPECS,
    *,
    state: FeatureSetState = FeatureSetState.ACTIVE,
    name: str = "leads",
) -> FeatureSet:
    """A feature set with these features, active unless told otherwise."""
    created = create_feature_set(FeatureSchema(tuple(specs)), name=name, by=None, as_of=NOW)
    FeatureSet.objects.filter(pk=created.pk).update(state=state)
    created.refresh_from_db()
    return created


def some_feature_set() -> FeatureSet:
    """The newest feature set, or a new active one."""
    return FeatureSet.objects.order_by("-number").first() or a_feature_set()


def a_lead(external_id: str = "L-1", *, source_system: str = SOURCE, **fields: Any) -> Lead:
    """A stored lead that was never scored."""
    fields = {"attributes": {"source": "web", "pages": "3"}, "first_seen": NOW, "updated_at": NOW, **fields}
    return Lead.objects.create(source_system=source_system, external_id=external_id, **fields)


def an_outcome(lead: Lead, kind: OutcomeKind = OutcomeKind.CONVERTED, **fields: Any) -> Outcome:
    """The current outcome of a lead."""
    return Outcome.objects.create(lead=lead, kind=kind.value, **{"recorded_at": NOW, **fields})


def a_version(*, feature_set: FeatureSet | None = None, **fields: Any) -> ModelVersion:
    """A registered version with the next number; its file exists only if its digest is a stored one."""
    number = (ModelVersion.objects.aggregate(n=Max("number"))["n"] or 0) + 1
    fields = {
        "number": number,
        "estimator": "logistic",
        "artefact_digest": DIGEST,
        "artefact_size": 10,
        "created_at": NOW,
        **fields,
    }
    return ModelVersion.objects.create(feature_set=feature_set or some_feature_set(), **fields)


def a_release(version: ModelVersion | None = None, **fields: Any) -> Release:
    """An open release; an open one before it is closed."""
    Release.objects.filter(is_open=True).update(is_open=False, closed_at=NOW)
    return Release.objects.create(
        champion=version or a_version(), **{"opened_at": NOW, "reason": "for a test", **fields}
    )


def a_prediction(lead: Lead, release: Release | None = None, **fields: Any) -> Prediction:
    """One recorded prediction."""
    release = release or Release.objects.filter(is_open=True).first() or a_release()
    fields = {
        "version": release.champion,
        "role": Role.CHAMPION.value,
        "cause": Cause.API.value,
        "values": lead.attributes,
        "raw_probability": 0.2,
        "probability": 0.2,
        "score": 50,
        "grade": "B",
        "reasons": [],
        "latency_ms": 1.0,
        "scored_at": NOW,
        **fields,
    }
    return Prediction.objects.create(lead=lead, release=release, **fields)


def a_training_run(**fields: Any) -> TrainingRun:
    """A queued training run."""
    feature_set = fields.pop("feature_set", None) or some_feature_set()
    return TrainingRun.objects.create(feature_set=feature_set, **{"trials": 0, "timeout_s": 5, **fields})


def counts() -> Mapping[str, int]:
    """How many rows each table of the core holds: equal before and after means nothing was written."""
    from django.apps import apps

    return {
        model.__name__: model._default_manager.count()
        for model in apps.get_app_config("scoring").get_models()
    }


def features_of(feature_set: FeatureSet) -> dict[str, Feature]:
    """A set's features by name."""
    return {feature.name: feature for feature in feature_set.features.all()}
