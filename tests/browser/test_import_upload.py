"""A file with every kind of dirt, imported by somebody who reads nothing but the pages."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django.fixtures import Settings

from scoring.models import FeatureSet, ImportRun, Lead, Outcome
from scoring.services.imports import work_on
from tests.factories.dirty import write_dirty_book, write_dirty_csv
from tests.factories.people import a_person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SHOTS = os.environ.get("LEADSCORING_SCREENSHOTS", "")


@pytest.fixture
def analyst(settings: Settings, tmp_path: Path) -> User:
    settings.VAR_DIR = tmp_path / "var"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    # The test itself is the worker.
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    return a_person("superuser")


Look = Callable[[str], None]


def looker(shown: Any, label: str) -> Look:
    """Checks a page as it stands: nothing runs off the window, nothing is complained about."""

    def look(name: str) -> None:
        assert shown.overflow() <= 0, name
        assert shown.complaints == [], name
        if SHOTS:
            shown.page.screenshot(path=f"{SHOTS}/{label}-{name}.png", full_page=True)

    return look


def worker() -> None:
    """What a worker does when it is woken."""
    run = ImportRun.objects.latest("id")
    assert run.state == "queued"
    work_on(run.pk, as_of=timezone.now())


def upload(shown: Any, path: Path, look: Look) -> Any:
    page = shown.open("scoring/importrun/")
    if page.get_by_text("more_horiz").is_visible():
        page.get_by_text("more_horiz").click()  # on a phone the buttons lie behind it
    page.get_by_role("link", name="Import a file").click()
    look("1-upload")
    page.set_input_files("[name=file]", str(path))
    page.get_by_role("button", name="Upload and look at it").click()
    page.wait_for_selector("text=was read")
    return page


def finish(page: Any, look: Look) -> None:
    page.get_by_role("button", name="Audit the file").click()
    page.wait_for_selector("text=nothing is written")
    look("4-auditing")
    worker()
    page.wait_for_selector("text=What an import would do", timeout=20_000)
    look("5-audit")
    assert not Lead.objects.exists(), "an audit writes nothing"
    page.reload()
    page.get_by_role("link", name="Go on to the import").click()
    page.wait_for_selector("text=Start the import")
    look("6-start")
    page.get_by_role("button", name="Start the import").click()
    assert ImportRun.objects.latest("id").state == "draft", "without a reason nothing starts"
    page.fill("[name=reason]", "First leads of the year")
    page.get_by_role("button", name="Start the import").click()
    page.wait_for_selector("text=Waiting for a worker")
    look("7-waiting")
    worker()
    page.wait_for_selector("text=Done.", timeout=20_000)
    look("8-done")


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (390, "dark"), (390, "light"), (1280, "dark")]
)
def test_a_dirty_file_goes_in_by_reading_the_pages(
    width: int, scheme: str, analyst: User, visit: Any, tmp_path: Path
) -> None:
    dirty = write_dirty_csv(tmp_path / "Leads Q1 – export.csv")
    shown = visit(analyst, width=width, scheme=scheme)
    look = looker(shown, f"{width}-{scheme}")
    page = upload(shown, dirty.path, look)
    look("2-file")
    assert "header in row 4" in page.content()
    page.get_by_role("link", name="This is right").click()
    page.wait_for_selector("text=What the columns mean")
    look("3-columns")
    assert page.input_value("[name=outcome]") == "Status"
    for name, guessed in {
        "id": "Lead ID",
        "created_at": "Created on",
        "converted_at": "Closed on",
        "revenue": "Deal value",
        "owner": "Owner",
        "currency": "EUR",
    }.items():
        assert page.input_value(f"[name={name}]") == guessed
    page.fill("[name=new_source]", "crm")
    finish(page, look)
    assert Lead.objects.filter(source_system="crm").count() == dirty.leads
    assert Outcome.objects.filter(kind="converted", is_current=True).count() == dirty.converted
    told = dict(ImportRun.objects.get().row_errors.values_list("row_number", "expected"))
    assert set(told) == set(dirty.refused)
    for row, expected in dirty.refused.items():
        assert expected in told[row]
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the refused rows as CSV").click()
    lines = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    assert len(lines) == len(dirty.refused) + 1
    assert Lead.objects.get(external_id="000008").attributes["Owner"] == "Ben"
    assert FeatureSet.objects.get().state == "active"
    assert not list((tmp_path / "var" / "uploads").glob("*/*")), "the file is removed when it is in"


def test_another_sheet_is_chosen_and_pages_survive_reload_and_back(
    analyst: User, visit: Any, tmp_path: Path
) -> None:
    dirty = write_dirty_book(tmp_path / "leads.xlsx")
    shown = visit(analyst)
    look = looker(shown, "book")
    page = upload(shown, dirty.path, look)
    page.select_option("[name=sheet]", "Leads")
    page.get_by_role("button", name="Read it so").click()
    page.wait_for_selector("text=sheet “Leads”")
    page.reload()
    assert page.input_value("[name=sheet]") == "Leads"
    look("2-file")
    page.get_by_role("link", name="This is right").click()
    page.wait_for_selector("text=What the columns mean")
    assert page.is_checked("input[value=y]")
    page.go_back()
    page.wait_for_selector("text=was read")
    page.go_forward()
    page.wait_for_selector("text=What the columns mean")
    finish(page, look)
    assert Lead.objects.count() == dirty.leads
    assert Outcome.objects.filter(kind="converted").count() == dirty.converted
    assert Lead.objects.filter(external_id="1000000").exists(), "a number as id is read without a point"
