"""The pages of an upload: each at its own address, each only where the import stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from scoring.models import ImportRun, Lead
from scoring.services.imports import work_on
from tests.factories.rows import counts
from tests.factories.uploads import an_upload

pytestmark = pytest.mark.django_db

UPLOAD = "/admin/scoring/importrun/upload/"
FILE = b"id,won,source\n1,yes,web\n2,no,fair\n3,no,web\n"


def at(run: ImportRun, step: str) -> str:
    return f"/admin/scoring/importrun/{run.pk}/{step}/"


def send(client: Client, content: bytes, name: str = "leads.csv") -> Any:
    return client.post(UPLOAD, {"file": SimpleUploadedFile(name, content)})


def words(answer: Any) -> str:
    return str(answer.content.decode())


def test_an_upload_leads_to_its_own_page(admin_client: Client, place: Path) -> None:
    answer = send(admin_client, FILE)
    run = ImportRun.objects.get()
    assert answer.headers["Location"] == at(run, "file")
    assert run.requested_by is not None
    page = words(admin_client.get(at(run, "file")))
    assert "comma between cells" in page
    assert "fair" in page
    assert not Lead.objects.exists()


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "leads.csv", "The file is empty."),
        (b"%PDF-1.7 x", "leads.csv", "is a PDF document"),
        (b"MZ\x90" + b"\0" * 99, "leads.xlsx", "is a program"),
        (b"just one line", "leads.csv", "no rows under it"),
    ],
)
def test_it_says_what_is_wrong_with_a_file(
    content: bytes, name: str, said: str, admin_client: Client, place: Path
) -> None:
    answer = send(admin_client, content, name)
    assert answer.status_code == 400
    assert said in words(answer)
    assert not ImportRun.objects.exists()


def test_no_file_is_no_import(admin_client: Client, place: Path) -> None:
    answer = admin_client.post(UPLOAD, {})
    assert (answer.status_code, "Choose a file." in words(answer)) == (400, True)


def test_a_file_past_the_limit_is_left_out_and_told(
    admin_client: Client, place: Path, settings: Settings
) -> None:
    settings.IMPORT_MAX_BYTES = 2048
    answer = send(admin_client, FILE * 100)
    assert answer.status_code == 400
    assert "The file is larger than" in words(answer)
    assert not (place / "uploads").exists()


def test_what_a_file_holds_is_shown_and_never_run(admin_client: Client, place: Path) -> None:
    attack = "<script>alert(1)</script>"
    send(admin_client, f"id,won,{attack}\n1,yes,{attack}\n2,no,x\n".encode(), f"{attack}.csv")
    run = ImportRun.objects.get()
    for step in ("file", "columns"):
        assert attack not in words(admin_client.get(at(run, step)))
    assert attack not in words(admin_client.get("/admin/scoring/importrun/"))


def test_no_step_can_be_skipped(admin_client: Client, place: Path) -> None:
    run = an_upload(place, step="uploaded")
    before = counts()
    for step in ("audit", "start"):
        assert admin_client.get(at(run, step)).headers["Location"] == at(run, "columns")
        assert admin_client.post(at(run, step), {"reason": "x"}).headers["Location"] == at(run, "columns")
    run.refresh_from_db()
    assert (run.state, run.step) == ("draft", "uploaded")
    assert counts() == before


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Tick at least one value that means converted."),
        ({"converted_values": ["perhaps"]}, "not one of the available choices"),
        ({"id": "no such"}, "not one of the available choices"),
        ({"new_source": "x" * 65}, "at most 64 characters"),
        ({"currency": "Dhs!"}, "at most 3 characters"),
        ({"converted_values": ["1"], "currency": "d1"}, "expected a code of three letters"),
        (
            {"converted_values": ["1"], "id": "Lead ID", "owner": "Lead ID"},
            "is given as the id and as the owner",
        ),
    ],
)
def test_answers_that_make_no_sense_come_back_with_a_word(
    form: dict[str, Any], said: str, admin_client: Client, place: Path
) -> None:
    run = an_upload(place, step="uploaded")
    answer = admin_client.post(at(run, "columns") + "?outcome=Converted", {"new_source": "crm", **form})
    assert answer.status_code == 400
    assert said in words(answer)
    run.refresh_from_db()
    assert run.state == "draft"


def test_whichever_outcome_is_chosen_its_plain_words_are_ticked(admin_client: Client, place: Path) -> None:
    rows = ["id,Converted,Called"] + [
        f"{n},{'yes' if n % 2 else 'no'},{('Ja', 'nein', 'JA')[n % 3]}" for n in range(9)
    ]
    send(admin_client, "\n".join(rows).encode())
    run = ImportRun.objects.get()
    page = words(admin_client.get(at(run, "columns") + "?outcome=Called"))
    ticked = re.findall(r'name="converted_values" value="([^"]*)"[^>]* checked', page)
    assert ticked == ["Ja"], "both spellings are one"
    assert "A value without a tick says that the lead did not convert" in page


def test_a_run_that_is_past_its_preparation_leads_to_its_own_page(admin_client: Client, place: Path) -> None:
    run = an_upload(place)
    ImportRun.objects.filter(pk=run.pk).update(state="running", step="import")
    for step in ("file", "columns", "audit", "start"):
        assert admin_client.get(at(run, step)).headers["Location"] == at(run, "change")


def test_a_failed_upload_is_prepared_again_with_its_answers(admin_client: Client, place: Path) -> None:
    run = an_upload(place)
    ImportRun.objects.filter(pk=run.pk).update(state="failed", step="import", error="x")
    assert "Prepare again" in words(admin_client.get(at(run, "change")))
    answer = admin_client.post(at(run, "again"))
    again = ImportRun.objects.latest("id")
    assert answer.headers["Location"] == at(again, "file")
    assert (again.state, again.options) == ("draft", run.options)


def test_discarding_asks_first(admin_client: Client, place: Path) -> None:
    run = an_upload(place)
    assert admin_client.get(at(run, "discard")).status_code == 200
    assert ImportRun.objects.get(pk=run.pk).state == "draft"
    admin_client.post(at(run, "discard"))
    assert ImportRun.objects.get(pk=run.pk).state == "cancelled"
    assert not list((place / "uploads").glob("*/*"))


def test_the_whole_way_costs_few_queries(admin_client: Client, place: Path) -> None:
    run = an_upload(place, step="uploaded", rows=200)
    form = {"converted_values": ["1"], "new_source": "crm", "id": "Lead ID", "created_at": "Created"}
    admin_client.post(at(run, "columns") + "?outcome=Converted", form)
    work_on(run.pk, as_of=timezone.now())
    for step in ("file", "columns", "audit", "start", "change"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert admin_client.get(at(run, step)).status_code == 200, step
        assert len(queries) <= 15, step
