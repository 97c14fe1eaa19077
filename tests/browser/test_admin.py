"""The admin in a real browser: under the content security policy, in both schemes, at both widths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from scoring.models import GradeTally, TrainingRun
from scoring.services import tallies
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
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


@pytest.fixture
def admin(settings: Settings, tmp_path: Path) -> User:
    settings.VAR_DIR = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    return a_person("superuser")


def paths() -> list[str]:
    """Rows of everything, and the pages that show them."""
    features = a_feature_set()
    for feature in features.features.all():
        feature.audit = an_audit()
        feature.save()
    version = a_version(feature_set=features, metrics=some_metrics(), report=a_report())
    release = a_release(version)
    lead = a_lead(attributes={"source": HOSTILE}, score=50, grade="B", scored_at=NOW, scored_by=version)
    prediction = a_prediction(lead, release, reasons=some_reasons(HOSTILE))
    return [
        "",
        "scoring/lead/",
        f"scoring/lead/{lead.pk}/change/",
        f"scoring/prediction/{prediction.pk}/change/",
        f"scoring/featureset/{features.pk}/change/",
        f"scoring/modelversion/{version.pk}/change/",
        f"scoring/modelversion/{version.pk}/activate/",
        "scoring/gradeband/",
        "scoring/gradeband/set-limits/",
        "scoring/readinesssnapshot/",
        "scoring/apikey/new-key/",
        "scoring/trainingrun/train/",
    ]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_shows_every_page_without_complaint_and_without_running_off_the_window(
    width: int, scheme: str, admin: User, visit: Any
) -> None:
    shown = visit(admin, width=width, scheme=scheme)
    for path in paths():
        shown.open(path)
        assert shown.page.title(), path
        assert shown.overflow() <= 0, path
    assert shown.complaints == []


def test_it_follows_the_scheme_of_the_system(admin: User, visit: Any) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        page = visit(admin, scheme=scheme).open("")
        page.wait_for_function(
            "dark => document.documentElement.classList.contains('dark') === dark", arg=scheme == "dark"
        )
        colours.add(page.eval_on_selector(".ls-card", "e => getComputedStyle(e).backgroundColor"))
    assert len(colours) == 2


def test_it_moves_the_progress_bar_and_shows_the_result_by_itself(admin: User, visit: Any) -> None:
    run = a_training_run(state="running", progress=0.1, message="Encoding")
    page = visit(admin).open(f"scoring/trainingrun/{run.pk}/change/")
    page.wait_for_selector("text=10 %")
    TrainingRun.objects.filter(pk=run.pk).update(progress=0.6, message="Trial 9 of 25")
    page.wait_for_selector("text=Trial 9 of 25", timeout=10_000)
    assert page.get_attribute("[role=progressbar]", "aria-valuenow") == "60"
    TrainingRun.objects.filter(pk=run.pk).update(state="failed", error="Only 3 leads converted")
    page.wait_for_selector("text=Only 3 leads converted", timeout=10_000)


def test_a_form_beside_a_count_keeps_what_was_typed_and_says_when_the_count_has_ended(
    admin: User, visit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "COUNTED_LIVE", 1)
    for name in ("one", "two"):
        a_lead(name, score=80, grade="A")
    shown = visit(admin, width=390)
    page = shown.open("scoring/gradeband/set-limits/")
    page.fill("[name=a]", "90")
    page.fill("[name=reason]", "fewer A")
    page.get_by_role("button", name="Preview").click()
    page.wait_for_selector("text=Waiting for a worker.")
    assert page.get_by_role("button", name="Set these limits").count() == 0
    page.fill("[name=reason]", "fewer A, more B")
    tallies.run_tally(GradeTally.objects.get().pk, as_of=NOW)
    page.wait_for_selector("text=It has ended: press Preview.", timeout=10_000)
    assert page.input_value("[name=reason]") == "fewer A, more B"
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Set these limits").click()
    page.wait_for_selector("text=Grade limits are now A ≥ 90")
    assert shown.complaints == []


def test_it_shows_a_new_key_once(admin: User, visit: Any) -> None:
    page = visit(admin).open("scoring/apikey/new-key/")
    page.fill("[name=name]", "Website")
    page.fill("[name=source_system]", "website")
    page.check("[value=score]")
    page.get_by_role("button", name="Make the key").click()
    key = page.inner_text("[data-secret]")
    page.click("text=I have copied it")
    page.wait_for_selector("text=Website")
    assert key not in page.content()
