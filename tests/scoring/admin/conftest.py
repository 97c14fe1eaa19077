"""Fixtures of the admin pages: a core with a row of everything, and a way to sign in as a role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from scoring.contracts import FeatureSetState, OutcomeKind
from scoring.models import (
    AdoptionRun,
    ApiKey,
    FeatureSet,
    ForeignVersion,
    GradeBand,
    ImportRowError,
    ImportRun,
    Lead,
    MaturityWindow,
    ModelVersion,
    Outcome,
    Prediction,
    Regrade,
    Release,
    RescoreRun,
    SavedView,
    TrainingPolicy,
    TrainingRun,
)
from scoring.services.keys import create_key
from tests.factories.evidence import a_report, an_audit, some_metrics, some_reasons
from tests.factories.people import a_person
from tests.factories.rows import (
    NOW,
    a_feature_set,
    a_lead,
    a_prediction,
    a_release,
    a_training_run,
    a_version,
    an_outcome,
)
from tests.factories.uploads import an_upload

SignIn = Callable[[str], Client]


@pytest.fixture
def sign_in() -> SignIn:
    """A client signed in with a role; each call is another person."""

    def signed_in(role: str) -> Client:
        client = Client()
        client.force_login(
            a_person(role, name=f"{role} {len(role)}".replace(" ", "_")),
            backend="django.contrib.auth.backends.ModelBackend",
        )
        return client

    return signed_in


@pytest.fixture
def admin_client(db: None) -> Client:
    """A superuser's client; without a password, whose hashing would take most of a test's time."""
    client = Client()
    client.force_login(a_person("superuser"), backend="django.contrib.auth.backends.ModelBackend")
    return client


@dataclass(slots=True)
class Core:
    """One row of everything."""

    active: FeatureSet
    draft: FeatureSet
    serving: ModelVersion
    newer: ModelVersion
    release: Release
    lead: Lead
    prediction: Prediction
    outcome: Outcome
    key: ApiKey
    imported: ImportRun
    importing: ImportRun
    prepared: ImportRun
    running: TrainingRun
    band: GradeBand
    window: MaturityWindow
    policy: TrainingPolicy
    regrade: Regrade
    foreign: ForeignVersion
    adopting: AdoptionRun
    rescoring: RescoreRun
    view: SavedView


@pytest.fixture
def core(place: Path) -> Core:
    """A core at work: a version serves, a newer one waits, a lead has a history."""
    active = a_feature_set()
    draft = a_feature_set(state=FeatureSetState.DRAFT, name="draft")
    for feature in (*active.features.all(), *draft.features.all()):
        feature.audit = an_audit(held_out=feature.name == "budget")
        feature.excluded = feature.name == "budget"
        feature.exclusion_reason = "known only after the outcome" if feature.excluded else ""
        feature.save()
    evidence = {
        "metrics": some_metrics(),
        "report": a_report(),
        "importance": [{"feature": "source", "label": "Source", "share": 0.7}],
    }
    serving = a_version(
        feature_set=active, training_run=a_training_run(feature_set=active, state="done"), **evidence
    )
    newer = a_version(feature_set=active, estimator="boosting", **evidence)
    release = a_release(serving)
    lead = a_lead(score=50, grade="B", scored_at=NOW, scored_by=serving, owner="Ben", stage="new")
    for day in range(3):
        prediction = a_prediction(
            lead, release, scored_at=NOW + timedelta(days=day), score=40 + 5 * day, reasons=some_reasons()
        )
    imported = ImportRun.objects.create(
        file_name="leads.csv", source_system="crm", state="done", rows_read=3, rows_created=2, rows_refused=1
    )
    ImportRowError.objects.create(
        import_run=imported, row_number=2, column="Created", value="??", expected="a date"
    )
    issued = create_key(name="Website", scopes=["score"], source_system="crm", as_of=NOW)
    band = GradeBand.objects.create(set_at=NOW, reason="start")
    return Core(
        active=active,
        draft=draft,
        serving=serving,
        newer=newer,
        release=release,
        lead=lead,
        prediction=prediction,
        outcome=an_outcome(lead, OutcomeKind.LOST),
        key=ApiKey.objects.get(pk=issued.id),
        imported=imported,
        importing=ImportRun.objects.create(
            file_name="big.csv", source_system="web", state="running", progress=0.3, stored_file="ab/big.csv"
        ),
        prepared=an_upload(place),
        running=a_training_run(feature_set=active, state="running", progress=0.4),
        band=band,
        window=MaturityWindow.objects.create(source_system="crm", estimated_days=92.0),
        policy=TrainingPolicy.objects.create(),
        regrade=Regrade.objects.create(grade_band=band, state="done"),
        foreign=ForeignVersion.objects.create(
            name="theirs",
            version="1",
            flavour="skops",
            inputs=[{"name": "pages", "type": "double"}, {"name": "budget", "type": "boolean"}],
            output="double",
            registered_at=NOW,
            seen_at=NOW,
        ),
        adopting=AdoptionRun.objects.create(
            source_name="other", source_version="2", feature_set=active, state="running", progress=0.3
        ),
        rescoring=RescoreRun.objects.create(reason="monthly", state="done", leads_done=1, leads_expected=1),
        view=SavedView.objects.create(
            name="Hot",
            owner=a_person("nobody", name="owner"),
            query="grade=A",
            is_shared=True,
            created_at=NOW,
            updated_at=NOW,
        ),
    )
