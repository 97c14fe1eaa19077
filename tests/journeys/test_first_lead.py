"""The main walk: a file of leads becomes a model that scores the next lead with reasons, over the REST interface."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core.management import call_command
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from leadscoring.celery import app
from scoring import loader
from scoring.models import FeatureSet, Lead, Outcome, Prediction
from scoring.services.keys import forget_keys
from tests.factories.files import lead_rows, write_csv, write_leads

DATA = Path(project.BASE_DIR).parent / "shared" / "data"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_place(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A place of its own, MLflow away, tasks run at once, and a process that remembers nothing."""
    settings.VAR_DIR = tmp_path / "var"
    settings.MLFLOW_TRACKING_URI = "http://127.0.0.1:9"
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    settings.CELERY_TASK_ALWAYS_EAGER = True
    app.conf.update(task_always_eager=True)
    loader.forget()
    forget_keys()
    yield
    app.conf.update(task_always_eager=False)
    loader.forget()
    forget_keys()


def command(name: str, *words: str, **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command(name, *words, json=True, stdout=out, stderr=io.StringIO(), **options)
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


class Caller:
    """A system with an API key."""

    def __init__(self, source: str) -> None:
        scopes = [word for scope in ("score", "outcomes", "read") for word in ("--scope", scope)]
        made = command("create_api_key", "journey", *scopes, "--source", source)
        self.client = Client(headers={"Authorization": f"Api-Key {made['key']}"})

    def post(self, path: str, body: object) -> tuple[int, dict[str, Any]]:
        answer = self.client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json")
        return answer.status_code, json.loads(answer.content)

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        answer = self.client.get(f"/api/v1/{path}")
        return answer.status_code, json.loads(answer.content)


def walk(tmp_path: Path) -> None:
    """From a file to an outcome."""
    rows = lead_rows(300)
    for row in rows:
        row["Contract signed"] = "yes" if row["Converted"] == "1" else ""
    summary = command(
        "import_leads",
        str(write_leads(tmp_path / "leads.csv", rows)),
        converted="Converted",
        id="Lead ID",
        source="crm",
    )
    assert (summary["created"], summary["refused"]) == (300, 0)
    assert [column["feature"] for column in summary["held_out"]] == ["Contract signed"]

    crm = Caller("crm")
    good = {"Source": "referral", "Pages": 11, "Budget known": True, "Country": "AE"}
    status, problem = crm.post("score-lead", {"external_id": "early", "attributes": good})
    assert status == 503
    assert "The lead is kept" in problem["detail"]

    trained = command("train_model", trials=1, timeout=5)
    assert trained["metrics"]["roc_auc"]["value"] > 0.6
    assert "Contract signed" not in {row["feature"] for row in trained["importance"]}
    released = command("release", "activate", "1", reason="the first")
    assert released["version"] == 1
    assert Lead.objects.get(external_id="early").score is not None, "the lead that came too early was scored"

    status, answer = crm.post("score-lead", {"external_id": "next", "attributes": good})
    assert status == 200
    assert 1 <= answer["score"] <= 99
    assert 0 < answer["probability"] < 1
    assert any("raises the chance" in reason["text"] for reason in answer["reasons"])
    assert answer["model"]["version"] == 1
    poor = {"Source": "mail", "Pages": 0, "Budget known": False, "Country": "AE"}
    status, batch = crm.post(
        "score-leads",
        {"leads": [{"external_id": "next", "attributes": good}, {"external_id": "poor", "attributes": poor}]},
    )
    assert status == 200
    assert len(batch["results"]) == 2
    assert Lead.objects.get(external_id="poor").score < Lead.objects.get(external_id="next").score  # type: ignore[operator]

    status, _ = crm.post(
        "outcomes", {"external_id": "next", "outcome": "converted", "revenue": "12500.00", "currency": "AED"}
    )
    assert status in (200, 201)
    assert Outcome.objects.get(lead__external_id="next").currency == "AED"
    status, lead = crm.get("leads/next")
    assert status == 200
    assert lead["external_id"] == "next"
    status, scores = crm.get("leads/next/scores")
    assert status == 200
    assert Prediction.objects.filter(lead__external_id="next").count() == len(scores["results"]) == 2
    status, info = crm.get("model-info")
    assert status == 200
    assert info["champion"]["version"] == 1


def test_a_file_of_leads_becomes_a_model_that_scores_the_next_one(tmp_path: Path) -> None:
    walk(tmp_path)


@pytest.mark.services
def test_the_same_on_postgresql(tmp_path: Path) -> None:
    assert connection.vendor == "postgresql"
    walk(tmp_path)


# --- Real files --------------------------------------------------------------------------------------


def rows_of(name: str) -> tuple[list[str], list[list[str]]]:
    """The header and rows of a file in ../shared/data, or a skip that says what is missing."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"../shared/data/{name} is not there")
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file, delimiter=";")
    return header, rows


def score_one(source: str, header: list[str], row: list[str], outcome: str) -> dict[str, Any]:
    """The answer to one lead of the file, sent as a caller would send it."""
    attributes = {name: value for name, value in zip(header, row, strict=True) if name != outcome}
    status, answer = Caller(source).post("score-lead", {"external_id": "from-file", "attributes": attributes})
    assert status == 200, answer
    return answer


def test_the_bank_s_calls_are_learned_without_the_call_that_decided_them(tmp_path: Path) -> None:
    header, rows = rows_of("bank-marketing.csv.gz")
    # Every eighth call, in the file's order: the same walk in an eighth of the time.
    path = write_csv(tmp_path / "bank-marketing.csv", [header, *rows[::8]], delimiter=";")
    summary = command("import_leads", str(path), converted="y")
    assert summary["refused"] == 0
    assert "duration" in {column["feature"] for column in summary["held_out"]}
    spec = FeatureSet.objects.get().schema().by_name
    assert "unknown" in spec["poutcome"].missing_tokens
    assert "-1" in spec["pdays"].missing_tokens
    trained = command("train_model", trials=1, timeout=10)
    assert trained["report"]["split"]["kind"] != "random"
    assert trained["metrics"]["roc_auc"]["value"] > 0.55
    others = {other["name"]: other for other in trained["report"]["other_splits"]}
    assert any("random" in name for name in others)
    assert any(other["warning"] for other in others.values()), "random splits flatter, and it says so"
    command("release", "activate", "1", reason="bank")
    answer = score_one("bank-marketing", header, rows[-1], "y")
    assert answer["reasons"]
    assert not any("duration" in reason["feature"] for reason in answer["reasons"])


def test_a_few_hundred_deals_give_a_small_model_that_says_how_unsure_it_is(tmp_path: Path) -> None:
    header, rows = rows_of("b2b-deals.csv.gz")
    summary = command(
        "import_leads", str(DATA / "b2b-deals.csv.gz"), converted="Status", converted_value=["Won"]
    )
    assert summary["created"] == len(rows)
    assert summary["converted"] == sum(row[header.index("Status")].casefold() == "won" for row in rows)
    trained = command("train_model", trials=1, timeout=10)
    assert trained["estimator"] in ("prior", "naive_bayes", "logistic")
    auc = trained["metrics"]["roc_auc"]
    assert auc["value"] > 0.6
    assert auc["high"] - auc["low"] > 0.08, "with so few deals the interval is wide"
    assert any("more leads are needed" in words for words in trained["report"]["readiness"]["messages"])
    command("release", "activate", "1", reason="deals")
    assert score_one("b2b-deals", header, rows[0], "Status")["reasons"]
