"""`train_model`: what it prints for people and programs, and how it says no."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from leadscoring.common import claims
from scoring.contracts import FeatureSetState
from scoring.models import ModelVersion, TrainingRun
from scoring.services.training import run as training_run
from tests.factories.learned import some_leads
from tests.factories.rows import a_feature_set, days_ago
from tests.factories.trained import SPECS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


@pytest.fixture(autouse=True)
def _unpublished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "publish_version", lambda version: False)


def train(**options: Any) -> str:
    out = io.StringIO()
    call_command("train_model", stdout=out, stderr=io.StringIO(), **{"trials": 1, "timeout": 5, **options})
    return out.getvalue()


@pytest.fixture
def leads() -> None:
    """A list one can learn from, known for long."""
    a_feature_set(SPECS)
    some_leads(160, dated=False, until=days_ago(3000))


def test_it_prints_one_json_object(leads: None, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(train(json=True, reason="spring"))
    version = ModelVersion.objects.get()
    assert document["version"] == version.number == 1
    assert document["digest"] == version.artefact_digest
    assert document["metrics"] == version.metrics
    assert document["report"]["split"]["kind"]
    assert TrainingRun.objects.get().reason == "spring"
    assert capsys.readouterr().err == "", "nothing beside the object"


def test_it_tells_people_how_the_model_was_judged_and_what_comes_next(leads: None) -> None:
    words = train()
    version = ModelVersion.objects.get()
    assert f"Version 1: {version.estimator.replace('_', ' ')}" in words
    assert "trained on 160 leads" in words
    assert "judged on 32 leads" in words
    assert "roc auc" in words
    assert "95 %" in words
    assert "840 more leads are needed" in words
    assert "manage.py release activate 1 --reason TEXT" in words


def test_the_same_seed_gives_the_same_model(leads: None) -> None:
    digests = {json.loads(train(json=True, seed=3))["digest"] for _ in range(2)}
    assert len(digests) == 1


def test_another_feature_set_is_named_by_its_number(leads: None) -> None:
    other = a_feature_set(SPECS[:2], state=FeatureSetState.DRAFT)
    train(feature_set=other.number)
    assert ModelVersion.objects.get().feature_set == other


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"feature_set": 99}, "There is no feature set 99"),
        ({"trials": 0}, "0 trials"),
        ({"timeout": -1}, "expected 1 to 1,000 trials and 1 to 3,000 seconds"),
        ({"seed": -1}, "Seed -1: expected 0 to 2,147,483,647"),
    ],
)
def test_it_refuses_what_makes_no_sense(leads: None, options: dict[str, int], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        train(**options)
    assert TrainingRun.objects.count() == 0


def test_without_a_feature_set_it_says_what_to_do_first() -> None:
    with pytest.raises(CommandError, match="Import a file first"):
        train()


def test_without_leads_it_says_what_to_do_first() -> None:
    a_feature_set(SPECS)
    with pytest.raises(CommandError, match="There are no leads yet"):
        train()
    assert TrainingRun.objects.get().state == "failed"


def test_a_run_taken_by_a_worker_is_told(leads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "claim", lambda *args, **kwargs: None)
    with pytest.raises(CommandError, match="was taken by a worker or cancelled"):
        train()
