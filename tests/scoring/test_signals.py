"""What the core tells the apps above it: ids of rows that exist, inside the transaction that wrote them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.dispatch import Signal

from scoring import signals
from scoring.contracts import Cause, LeadInput, OutcomeInput, OutcomeKind
from scoring.models import ModelVersion, Outcome, Prediction, Release
from scoring.services.outcomes import record_outcome
from scoring.services.releases import activate_version
from scoring.services.scoring import score_lead, score_leads
from scoring.services.training import run as training_run
from scoring.services.training import run_training
from tests.factories.learned import some_leads
from tests.factories.rows import NOW, SOURCE, a_feature_set, a_lead, a_training_run, counts
from tests.factories.trained import GOOD, SPECS, a_served_release, a_stored_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


def predict() -> None:
    a_served_release()
    score_lead(LeadInput("L-1", GOOD), source_system=SOURCE, cause=Cause.API, as_of=NOW)


def predict_many() -> None:
    a_served_release()
    score_leads(
        [LeadInput(f"L-{i}", GOOD) for i in range(3)], source_system=SOURCE, cause=Cause.API, as_of=NOW
    )


def report() -> None:
    a_lead()
    told = OutcomeInput(external_id="L-1", kind=OutcomeKind.LOST)
    record_outcome(told, source_system=SOURCE, reported_by="key:crm", as_of=NOW)


def train() -> None:
    feature_set = a_feature_set(SPECS)
    some_leads(140, dated=False)
    run_training(a_training_run(feature_set=feature_set, trials=1, timeout_s=5).pk, as_of=NOW)


def release() -> None:
    version = a_stored_version()
    activate_version(version.pk, expected_open_release_id=None, by=None, reason="x", as_of=NOW)


CATALOGUE = {
    "prediction": (signals.predictions_recorded, Prediction, predict, 1),
    "predictions": (signals.predictions_recorded, Prediction, predict_many, 3),
    "outcome": (signals.outcomes_recorded, Outcome, report, 1),
    "version": (signals.version_registered, ModelVersion, train, 1),
    "release": (signals.release_changed, Release, release, 1),
}


@pytest.mark.parametrize(("signal", "model", "work", "number"), CATALOGUE.values(), ids=CATALOGUE)
def test_a_signal_tells_one_batch_of_ids_of_rows_that_exist_inside_the_transaction(
    signal: Any, model: Any, work: Callable[[], None], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_run, "publish_version", lambda version: False)
    batches: list[list[Any]] = []

    def receiver(sender: Any, ids: list[Any], **kwargs: Any) -> None:
        assert sender is model
        assert transaction.get_connection().in_atomic_block
        assert len(transaction.get_connection().savepoint_ids) >= 1, "inside the work's own transaction"
        assert model.objects.filter(pk__in=ids).count() == len(ids)
        batches.append(ids)

    signal.connect(receiver)
    try:
        work()
    finally:
        signal.disconnect(receiver)
    assert [len(ids) for ids in batches] == [number]


def test_every_signal_of_the_core_is_in_the_catalogue() -> None:
    known = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
    assert known == {"predictions_recorded", "outcomes_recorded", "version_registered", "release_changed"}


def test_work_that_does_nothing_tells_nothing() -> None:
    told: list[Any] = []
    signals.predictions_recorded.connect(listen := lambda ids, **kwargs: told.append(ids))
    before = counts()
    try:
        a_served_release()
        assert score_leads([], source_system=SOURCE, cause=Cause.API, as_of=NOW) == []
    finally:
        signals.predictions_recorded.disconnect(listen)
    assert told == []
    assert counts()["Prediction"] == before["Prediction"]
