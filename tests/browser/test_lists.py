"""The lead list in a real browser: saved views, filters, rows as cards on a phone, rescoring and export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from scoring.contracts import FeatureSetState
from scoring.models import ImportRun, RescoreRun, SavedView
from scoring.services.search import index_leads
from tests.factories.people import a_person
from tests.factories.rows import NOW, a_feature_set, a_lead, a_prediction, an_outcome
from tests.factories.trained import GOOD, a_served_release

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LISTS = (
    "lead", "prediction", "outcome", "importrun", "trainingrun", "modelversion", "featureset", "release",
    "gradeband", "apikey", "rescorerun", "savedview", "maturitywindow",
)  # fmt: skip


@pytest.fixture
def admin(settings: Settings, tmp_path: Path) -> User:
    settings.VAR_DIR = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    return a_person("superuser")


def some_rows(admin: User) -> None:
    """Leads with long texts, a view, a rescoring."""
    release = a_served_release()
    leads = []
    for number in range(6):
        lead = a_lead(
            f"{'a-very-long-id-without-a-break-' * 3}{number}", owner="Somebody With A Long Name" * 2, attributes=GOOD,
            stage="negotiation of the second contract", score=80 - number, grade="A", scored_at=NOW,
            scored_by=release.champion,
        )  # fmt: skip
        a_prediction(lead, release)
        an_outcome(lead)
        leads.append(lead)
    index_leads(leads, [])
    SavedView.objects.create(
        name="A view with quite a long name for a chip", owner=admin, query="grade=A", is_shared=True,
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    RescoreRun.objects.create(reason="A long reason. " * 20, state="done", leads_done=6, leads_expected=6)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light"), (390, "dark")])
def test_every_list_fits_the_window(width: int, scheme: str, admin: User, visit: Any) -> None:
    some_rows(admin)
    shown = visit(admin, width=width, scheme=scheme)
    for name in LISTS:
        shown.open(f"scoring/{name}/")
        assert shown.overflow() <= 0, name
    for page in ("rescore", "export", "save-view"):
        shown.open(f"scoring/lead/{page}/?grade=A")
        assert shown.overflow() <= 0, page
    assert shown.complaints == []


def test_a_lead_is_one_card_on_a_phone(admin: User, visit: Any) -> None:
    some_rows(admin)
    page = visit(admin, width=390).open("scoring/lead/?view=all")
    card = page.locator("tr.data-row").first
    box = card.bounding_box()
    assert box["width"] <= 390
    assert box["height"] < 330, "two cards on a screen"
    assert "80" in card.inner_text()


def test_a_person_filters_saves_and_comes_back_to_the_view(admin: User, visit: Any) -> None:
    some_rows(admin)
    shown = visit(admin)
    page = shown.open("scoring/lead/")
    page.locator("a:has-text('Filters')").first.click()
    page.select_option("select[name=grade]", "A")
    page.locator("#filter-form button[type=submit]").click()
    page.wait_for_url("**grade=A**")
    page.get_by_role("link", name="Save this view").click()
    page.fill("[name=name]", "Best ones")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("a.ls-on:has-text('Best ones')")
    assert SavedView.objects.get(name="Best ones").query == "grade=A"
    assert shown.complaints == []


def test_chosen_rows_are_scored_again_after_a_reason(admin: User, visit: Any) -> None:
    some_rows(admin)
    page = visit(admin).open("scoring/lead/?view=all")
    page.locator("input.action-select").nth(1).check()
    page.select_option("select[name=action]", "rescore_selected")
    page.get_by_role("button", name="Run").click()
    page.fill("[name=reason]", "looked odd")
    page.get_by_role("button", name="Score 1 lead again").click()
    page.wait_for_selector("text=1 chosen one by one")
    assert len(RescoreRun.objects.get(reason="looked odd").lead_ids) == 1


def test_an_export_comes_as_a_file(admin: User, visit: Any) -> None:
    some_rows(admin)
    page = visit(admin).open("scoring/lead/export/?grade=A")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the file").click()
    assert download.value.suggested_filename.startswith("leads-")
    assert len(Path(download.value.path()).read_text("utf-8-sig").splitlines()) == 7


def test_a_long_list_of_imports_is_not_cut_at_the_side(admin: User, visit: Any) -> None:
    for state, progress in (("running", 0.43), ("failed", 0.2), ("done", 1.0)):
        ImportRun.objects.create(
            file_name="leads_export_from_the_crm_november_2026_all_pipelines.csv", source_system=f"crm-{state}",
            state=state, progress=progress, rows_read=9_876_543, rows_created=4_938_271, rows_updated=2_469_135,
            rows_refused=98_765, requested_by=admin,
        )  # fmt: skip
    page = visit(admin, width=1440).open("scoring/importrun/")
    table = page.locator("#result_list").first
    hidden = """table => {
        let most = 0
        for (let box = table; box; box = box.parentElement)
            if (getComputedStyle(box).overflowX !== "visible") most = Math.max(most, box.scrollWidth - box.clientWidth)
        return most
    }"""
    assert table.evaluate(hidden) <= 0


@pytest.mark.parametrize("width", [1440, 390])
def test_the_boxes_of_a_feature_stand_below_each_other_beside_their_words(
    width: int, admin: User, visit: Any
) -> None:
    features = a_feature_set(state=FeatureSetState.DRAFT)
    page = visit(admin, width=width).open(f"scoring/featureset/{features.pk}/edit-features/")
    labels = page.locator("tbody tr").first.locator("th label.ls-check")
    assert [words.strip() for words in labels.all_inner_texts()] == ["sensitive", "watched value by value"]
    tops = []
    for label in labels.all():
        box, around = label.locator("input").bounding_box(), label.bounding_box()
        assert box["width"] == box["height"] >= 16
        assert abs((box["y"] + box["height"] / 2) - (around["y"] + around["height"] / 2)) <= 1.5, "one line"
        tops.append(box["y"])
    assert 20 <= tops[1] - tops[0] <= 40
