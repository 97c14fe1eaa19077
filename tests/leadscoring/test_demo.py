"""`manage.py demo`: from nothing to a served model, and started again without beginning anew."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from scoring import loader
from scoring.models import FeatureSet, Lead, ModelVersion, Prediction
from scoring.services.keys import forget_keys

pytestmark = pytest.mark.django_db

FEW = 600


@pytest.fixture(autouse=True)
def _own_place(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.VAR_DIR = tmp_path / "var"
    settings.MLFLOW_TRACKING_URI = "http://127.0.0.1:9"
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    loader.forget()
    forget_keys()
    yield
    loader.forget()
    forget_keys()


def demo(**options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command(
        "demo",
        no_serve=True,
        json=True,
        leads=FEW,
        timeout=3,
        stdout=out,
        stderr=io.StringIO(),
        **options,
    )
    facts: dict[str, Any] = json.loads(out.getvalue())
    return facts


def test_it_trains_releases_scores_and_prints_a_call_that_works() -> None:
    facts = demo()
    assert Lead.objects.count() == FEW
    assert Prediction.objects.count() == 200
    assert FeatureSet.objects.get().state == "active"
    assert facts["version"] == ModelVersion.objects.get().number == 1
    assert 0.5 < facts["test_auc"]["value"] <= facts["test_auc"]["high"]
    assert 0.6 < facts["best_possible_auc"] < 1

    request = RequestFactory().post("/admin/login/")
    user = authenticate(request, username=facts["user"], password=facts["password"])
    assert user is not None
    assert user.is_staff

    words = shlex.split(facts["curl"])
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8000/api/v1/score-lead"]
    headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
    answer = Client().post(
        "/api/v1/score-lead",
        words[words.index("-d") + 1],
        content_type=headers.pop("Content-Type"),
        headers=headers,
    )
    assert answer.status_code == 200, answer.content
    scored = answer.json()
    assert 1 <= scored["score"] <= 99
    assert scored["reasons"]
    assert not [
        warning for warning in scored["warnings"] if warning["code"] in ("unknown_field", "unreadable")
    ]

    again = demo(seed=99)
    assert again["version"] == 1, "what is there is kept"
    assert again["best_possible_auc"] == facts["best_possible_auc"], "and so is the business"
    assert (ModelVersion.objects.count(), Prediction.objects.count()) == (1, 201)
    assert again["password"] != facts["password"], "a login of its own for each run"
    assert get_user_model().objects.filter(username="demo").count() == 1
    assert authenticate(request, username="demo", password=facts["password"]) is None


def test_too_few_leads_are_refused_before_anything_is_made(settings: Settings) -> None:
    with pytest.raises(CommandError, match="--leads 10: expected at least 200"):
        call_command("demo", leads=10, no_serve=True)
    assert not Path(settings.VAR_DIR).exists()
    assert Lead.objects.count() == 0


def test_what_cannot_be_learned_from_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from leadscoring.management.commands import demo as command
    from scoring.contracts import TrainingRefused

    def refuse(**options: Any) -> Any:
        raise TrainingRefused("There are no leads yet.")

    monkeypatch.setattr(command, "train_here", refuse)
    with pytest.raises(CommandError, match="There are no leads yet"):
        demo()
    assert ModelVersion.objects.count() == 0
