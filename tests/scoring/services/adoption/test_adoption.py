"""Adopting: fetched, checked, judged on our leads, registered, and then served like any version."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from leadscoring.common.claims import WorkState
from scoring import loader
from scoring.contracts import AdoptionRefused, FeatureSetState, VersionOrigin
from scoring.ml.adoption.mlmodel import Flavour
from scoring.ml.schema import FeatureSpec, Kind
from scoring.models import AdoptionRun, ForeignVersion, ModelVersion, Prediction
from scoring.services.adoption import (
    adopt_and_log,
    cancel_adoption,
    request_adoption,
    run_adoption,
    survey_foreign,
)
from scoring.services.releases import activate_version
from tests.factories import own_models as own
from tests.factories.calls import score, sent
from tests.factories.learned import some_leads
from tests.factories.rows import NOW, a_feature_set, counts
from tests.factories.trained import GOOD, POOR, SPECS
from tests.pure.ml.adoption.test_conversion import CATBOOST_INPUTS
from tests.scoring.services.adoption.conftest import FakeMlflow, Put

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _leads(place: Path) -> None:
    a_feature_set(SPECS)
    some_leads(240)


def adopted(**changes: object) -> ModelVersion:
    run = request_adoption(
        **{"name": "theirs", "version": "1", "reason": "ours to try", "wake": False, **changes}
    )  # type: ignore[arg-type]
    version = run_adoption(run.pk, as_of=NOW)
    assert version is not None
    return version


def test_a_version_says_where_it_comes_from_and_how_it_was_judged(put: Put) -> None:
    put()
    version = adopted()
    assert version.origin == VersionOrigin.ADOPTED.value
    assert version.source["name"] == "theirs"
    assert version.source["digest"] == hashlib.sha256(own.skops_file()).hexdigest()
    assert version.source["size"] == len(own.skops_file())
    assert version.metrics["roc_auc"]["n"] == 235
    assert version.report["speed"]["p95_ms"] > 0
    assert version.reference_profile["n"] == 235
    assert {row["feature"] for row in version.importance} == set(own.NAMES)
    assert any("flatter" in note for note in version.report["notes"])
    run = AdoptionRun.objects.get()
    assert (run.state, run.reason, run.version) == (WorkState.DONE, "ours to try", version)


@pytest.mark.parametrize("form", ["logistic", "forest", "lightgbm"])
def test_it_serves_with_reasons_once_it_is_activated(form: str, put: Put) -> None:
    if form == "lightgbm":
        put({"model.lgb": own.lightgbm_text()}, flavour=Flavour.LIGHTGBM)
    else:
        put({"model.skops": own.skops_file(form)})
    version = adopted()
    activate_version(version.pk, expected_open_release_id=None, by=None, reason="try", as_of=NOW)
    good, poor = score(sent("L-good", attributes=GOOD)), score(sent("L-poor", attributes=POOR))
    assert good.model_version == version.number
    assert good.probability > poor.probability
    assert good.score > poor.score
    assert good.reasons
    assert {reason.direction for reason in good.reasons} <= {"up", "down"}
    assert loader.status().exact


def test_it_warns_only_of_columns_that_it_reads_and_keeps_them_all(put: Put) -> None:
    put({"model.lgb": own.lightgbm_text()}, flavour=Flavour.LIGHTGBM)
    wider = a_feature_set(
        (*SPECS, FeatureSpec(name="Region", label="Region", kind=Kind.CATEGORY),
         FeatureSpec(name="Visits", label="Visits", kind=Kind.NUMBER)),
        state=FeatureSetState.DRAFT,
    )  # fmt: skip
    version = adopted(feature_set_id=wider.pk)
    activate_version(version.pk, expected_open_release_id=None, by=None, reason="try", as_of=NOW)
    unsaid = {name: value for name, value in GOOD.items() if name != "Pages"}
    answer = score(sent("L-1", attributes={**unsaid, "Visits": "many", "Colour": "red"}))
    told = {(warning["feature"], warning["code"]) for warning in answer.warnings}
    assert ("Pages", "missing") in told
    assert ("Colour", "unknown_field") in told
    assert {feature for feature, _ in told}.isdisjoint({"Region", "Visits"})
    assert Prediction.objects.get().values["Visits"] == "many"


def test_catboost_trees_serve_through_the_same_door(put: Put) -> None:
    described = own.mlmodel(
        Flavour.CATBOOST,
        signature={
            "inputs": [{"name": item.name, "type": item.type} for item in CATBOOST_INPUTS],
            "outputs": [{"type": "double"}],
        },
    )
    put({"model.cb": (own.DATA / "catboost.json").read_bytes()}, described=described)
    other = a_feature_set(own.CATBOOST_SPECS, state=FeatureSetState.DRAFT)
    version = adopted(feature_set_id=other.pk)
    activate_version(version.pk, expected_open_release_id=None, by=None, reason="try", as_of=NOW)
    answer = score(sent("L-cat", attributes={**GOOD, "Source": "Referral", "Budget": "9000"}))
    assert answer.model_version == version.number
    assert answer.reasons


def test_the_survey_keeps_what_mlflow_holds_and_forgets_what_is_gone(put: Put, mlflow: FakeMlflow) -> None:
    put()
    put({}, name="pickle", described=own.mlmodel(flavors={"sklearn": {"pickled_model": "model.pkl"}}))
    assert survey_foreign(as_of=NOW) == 2
    rows = {row.name: row for row in ForeignVersion.objects.all()}
    assert rows["theirs"].flavour == "skops"
    assert [one["name"] for one in rows["theirs"].inputs] == own.NAMES
    assert "pickles" in rows["pickle"].problems[0]
    del mlflow.folders["pickle", "1"]
    assert survey_foreign(as_of=NOW) == 1
    assert ForeignVersion.objects.get().name == "theirs"


def test_a_survey_while_mlflow_is_away_changes_nothing(put: Put, mlflow: FakeMlflow) -> None:
    put()
    survey_foreign(as_of=NOW)
    mlflow.error = OSError("connection refused")
    with pytest.raises(AdoptionRefused, match="stays as it was"):
        survey_foreign(as_of=NOW)
    assert ForeignVersion.objects.count() == 1


def test_a_version_is_adopted_once_at_a_time(put: Put) -> None:
    put()
    request_adoption(name="theirs", version="1", wake=False)
    with pytest.raises(AdoptionRefused, match="being adopted already"):
        request_adoption(name="theirs", version="1", wake=False)
    assert AdoptionRun.objects.count() == 1


def test_the_same_model_is_not_adopted_twice_in_the_same_way(put: Put) -> None:
    put()
    survey_foreign(as_of=NOW)
    adopted()
    with pytest.raises(AdoptionRefused, match="was adopted as version 1"):
        request_adoption(name="theirs", version="1", wake=False)
    assert request_adoption(name="theirs", version="1", recalibrate=True, wake=False).recalibrate


@pytest.mark.parametrize(
    ("name", "version"), [("", "1"), ("x" * 300, "1"), ("a\0b", "1"), ("theirs", "@champion"), ("theirs", "")]
)
def test_names_that_make_no_sense_are_refused(name: str, version: str) -> None:
    before = counts()
    with pytest.raises(AdoptionRefused):
        request_adoption(name=name, version=version, wake=False)
    assert counts() == before


def test_mlflow_away_lets_the_row_wait_and_come_back(put: Put, mlflow: FakeMlflow) -> None:
    put()
    run = request_adoption(name="theirs", version="1", wake=False)
    mlflow.error = OSError("connection refused")
    adopt_and_log(run.pk)
    run.refresh_from_db()
    assert run.state == WorkState.QUEUED
    assert run.next_attempt_at is not None
    assert "connection refused" in run.error
    mlflow.error = None
    AdoptionRun.objects.update(next_attempt_at=None)
    adopt_and_log(run.pk)
    assert ModelVersion.objects.count() == 1


def test_a_model_that_changed_since_it_was_looked_at_is_refused(put: Put) -> None:
    folder = put()
    survey_foreign(as_of=NOW)
    run = request_adoption(name="theirs", version="1", wake=False)
    (folder / "MLmodel").write_bytes(own.mlmodel(Flavour.SKOPS, mlflow_version="9"))
    with pytest.raises(AdoptionRefused, match="not the one that was looked at"):
        run_adoption(run.pk, as_of=NOW)
    assert not ModelVersion.objects.exists()


def test_a_version_deleted_half_way_is_refused(put: Put, mlflow: FakeMlflow) -> None:
    folder = put()
    run = request_adoption(name="theirs", version="1", wake=False)
    (folder / "model.skops").unlink()
    with pytest.raises(AdoptionRefused, match=r"model\.skops cannot be read"):
        run_adoption(run.pk, as_of=NOW)
    assert AdoptionRun.objects.get().report["reasons"]
    assert not ModelVersion.objects.exists()


def test_a_cancelled_adoption_makes_nothing(put: Put) -> None:
    put()
    run = request_adoption(name="theirs", version="1", wake=False)
    assert cancel_adoption(run.pk)
    assert run_adoption(run.pk, as_of=NOW) is None
    assert not ModelVersion.objects.exists()


def test_a_column_held_out_is_refused_with_the_reason_written_there(put: Put) -> None:
    inputs = [
        *({"name": item.name, "type": item.type} for item in own.INPUTS),
        {"name": "Contract", "type": "boolean"},
    ]
    put(described=own.mlmodel(signature={"inputs": inputs, "outputs": [{"type": "double"}]}))
    with pytest.raises(AdoptionRefused, match="held out of the feature set: a leak"):
        adopted()
