"""The whole way with a model that was really trained and released: call, loader, scorer, reasons, rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring import store
from scoring.models import Prediction
from tests.factories.trained import GOOD, POOR, a_served_release
from tests.scoring.api.conftest import Api

pytestmark = pytest.mark.django_db


def test_a_good_lead_outranks_a_poor_one_and_both_are_told_why(api: Api, place: Path) -> None:
    opened = a_served_release()
    good = api.post("score-lead", {"external_id": "good", "attributes": GOOD})
    poor = api.post("score-lead", {"external_id": "poor", "attributes": POOR})
    assert (good.status, poor.status) == (200, 200), (good.raw, poor.raw)
    assert good.body["score"] > poor.body["score"]
    assert 0 < poor.body["probability"] < good.body["probability"] < 1
    for answer in (good, poor):
        assert answer.body["reasons"]
        assert answer.body["model"]["version"] == opened.champion.number
        row = Prediction.objects.get(pk=answer.body["prediction_id"])
        assert row.reasons == answer.body["reasons"]
        assert row.release_id == opened.pk


def test_contributions_are_the_models_own(api: Api, place: Path) -> None:
    a_served_release()
    answer = api.post("score-lead", {"external_id": "good", "attributes": GOOD})
    up = [reason["contribution"] for reason in answer.body["reasons"] if reason["direction"] == "up"]
    down = [reason["contribution"] for reason in answer.body["reasons"] if reason["direction"] == "down"]
    assert up == sorted(up, reverse=True)
    assert all(value > 0 for value in up)
    assert all(value < 0 for value in down)
    assert len(up) <= 5
    assert len(down) <= 5


def test_a_lead_with_nothing_known_is_scored_and_says_what_is_missing(api: Api, place: Path) -> None:
    a_served_release()
    answer = api.post("score-lead", {"external_id": "empty", "attributes": {}})
    assert answer.status == 200
    missing = {warning["feature"] for warning in answer.body["warnings"] if warning["code"] == "missing"}
    assert {"Source", "Pages", "Country"} <= missing


def test_no_released_model_means_503_and_the_lead_waits(api: Api, place: Path) -> None:
    api.post("score-lead", {"external_id": "a", "attributes": GOOD}).problem(503, "no-model-released")
    assert api.get("leads/a").body["awaiting_score"] is True


@pytest.mark.parametrize("path", ["score-lead", "score-leads"])
def test_a_released_version_without_its_file_means_503_in_words_and_the_lead_waits(
    path: str, api: Api, place: Path
) -> None:
    release = a_served_release()
    store.path_of(release.champion.artefact_digest).unlink()
    sent = {"external_id": "a", "attributes": GOOD}
    answer = api.post(path, sent if path == "score-lead" else {"leads": [sent]})
    answer.problem(503, "released-version-unusable")
    assert answer.body["title"] == "The released version cannot be used"
    assert answer.body["detail"] == (
        "Version 1 is released but cannot be used: its file is missing or cannot be read, and MLflow has no copy. "
        "The lead is kept and scored as soon as a version can be used."
    )
    assert answer.headers["Retry-After"] == "30"
    assert api.get("leads/a").body["awaiting_score"] is True
