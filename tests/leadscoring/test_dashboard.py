"""The dashboard: useful on an empty install, exact on a full one, and calm when a panel fails."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from scoring import panels
from scoring.contracts import FeatureSetState
from tests.factories.evidence import a_report, some_metrics
from tests.factories.people import a_person
from tests.factories.rows import (
    a_feature_set,
    a_lead,
    a_prediction,
    a_release,
    a_training_run,
    a_version,
    an_outcome,
)

pytestmark = pytest.mark.django_db


def page(role: str = "superuser") -> str:
    client = Client()
    client.force_login(a_person(role), backend="django.contrib.auth.backends.ModelBackend")
    response = client.get("/admin/")
    assert response.status_code == 200
    return response.content.decode()


def test_it_says_how_to_begin_on_an_empty_install() -> None:
    assert "/admin/scoring/importrun/upload/" in page()


def test_it_names_the_next_step_at_every_stage() -> None:
    who, now = a_person("superuser", "looker"), timezone.now()

    def step() -> str | None:
        found = panels.next_step(who, now)
        return None if found is None else str(found["step"])

    assert step() == "import"
    a_feature_set(state=FeatureSetState.DRAFT)
    assert step() == "activate"
    a_feature_set()
    a_lead()
    assert step() == "train"
    run = a_training_run(state="running")
    assert step() == "wait"
    type(run).objects.update(state="done")
    version = a_version(training_run=run)
    assert step() == "release"
    a_release(version)
    assert step() is None


def test_it_says_what_serves_since_when_by_whom_and_why() -> None:
    approver = a_person("approver", "ruth")
    version = a_version(metrics=some_metrics(), report=a_report())
    a_release(version, opened_by=approver, reason="better on the newest leads")
    shown = page()
    for words in (
        "Version 1",
        "by ruth",
        "better on the newest leads",
        "0.780 (0.760 to 0.800, n = 400)",
        "200 more leads are needed",
    ):
        assert words in shown, words


def test_it_lists_the_best_new_leads_without_an_outcome() -> None:
    now = timezone.now()
    for name, score, seen in (("best", 90, now), ("next", 60, now), ("old", 95, now - timedelta(days=30))):
        a_lead(name, score=score, grade="A", first_seen=seen)
    an_outcome(a_lead("done", score=99, grade="A", first_seen=now))
    a_lead("waits", awaiting_score=True, first_seen=now)
    shown = panels.best_leads(a_person("sales rep"), now)
    assert shown is not None
    assert [lead.external_id for lead, _ in shown["leads"]] == ["best", "next"]


def test_it_counts_the_grades_of_the_last_days_with_n() -> None:
    now, lead = timezone.now(), a_lead()
    for days, grade in ((1, "A"), (2, "B"), (20, "C"), (40, "D")):
        a_prediction(lead, scored_at=now - timedelta(days=days), grade=grade)
    shown = panels.grades(a_person("sales rep"), now)
    assert shown is not None
    (week, week_bar), (month, month_bar) = shown["windows"]
    assert (week, month) == ("Last 7 days", "Last 30 days")
    assert "n = 2 scorings" in week_bar
    assert "n = 3 scorings" in month_bar


def test_it_names_waiting_leads_and_failed_runs() -> None:
    a_lead("waits", awaiting_score=True)
    a_training_run(state="failed", error="Only 3 leads converted")
    shown = page()
    assert "1 lead</a> waits for a score" in shown
    assert "Only 3 leads converted" in shown


def test_it_shows_a_sales_rep_their_leads_and_nothing_of_the_models() -> None:
    a_lead("L-7", score=80, grade="A", first_seen=timezone.now())
    a_release(a_version(metrics=some_metrics()))
    a_training_run(state="failed", error="Only 3 leads converted")
    shown = page("sales rep")
    assert "L-7" in shown
    for words in ("Serves now", "Only 3 leads converted", "Newest training", "ROC-AUC"):
        assert words not in shown, words


def test_it_tells_somebody_without_a_role_what_is_missing() -> None:
    assert "Your account has no role yet" in page("nobody")


def test_it_shows_the_other_panels_when_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise DatabaseError("gone")

    failing = panels.Panel("grades", "scoring.view_prediction", "scoring/panels/grades.html", broken)
    monkeypatch.setattr(panels, "PANELS", (failing, *(p for p in panels.PANELS if p.name == "next_step")))
    shown = page()
    assert "could not be read" in shown
    assert "import a file" in shown
