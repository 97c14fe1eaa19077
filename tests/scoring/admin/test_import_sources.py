"""The pages of an upload where a wrong answer costs most: the source, the sheet, and what is read as nothing."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from openpyxl import Workbook

from scoring.models import FeatureSet, ImportRun, Lead
from scoring.services.imports import work_on
from tests.factories.files import lead_rows, write_leads
from tests.factories.rows import a_lead

pytestmark = pytest.mark.django_db

LIST = "/admin/scoring/importrun/"


def at(run: ImportRun, step: str) -> str:
    return f"{LIST}{run.pk}/{step}/"


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def uploaded(client: Client, name: str, content: bytes) -> ImportRun:
    client.post(f"{LIST}upload/", {"file": SimpleUploadedFile(name, content)})
    return ImportRun.objects.latest("id")


def leads_file(place: Path, first: int, last: int) -> bytes:
    return write_leads(place / "any.csv", lead_rows(60)[first:last]).read_bytes()


def answered(client: Client, run: ImportRun, **form: Any) -> Any:
    """The page of the columns, sent."""
    told = {"converted_values": ["1"], "id": "Lead ID", "created_at": "Created", **form}
    return client.post(at(run, "columns") + "?outcome=Converted", told)


def done(client: Client, run: ImportRun, **form: Any) -> None:
    """Audited and imported."""
    answered(client, run, **form)
    work_on(run.pk, as_of=timezone.now())
    client.post(at(run, "start"), {"reason": "test"})
    work_on(run.pk, as_of=timezone.now())


@pytest.fixture
def june(admin_client: Client, place: Path) -> ImportRun:
    """Forty leads of the first file, as source crm."""
    run = uploaded(admin_client, "june.csv", leads_file(place, 0, 40))
    done(admin_client, run, new_source="crm")
    assert Lead.objects.filter(source_system="crm").count() == 40
    return run


# --- The source --------------------------------------------------------------------------------------


def test_the_first_source_is_only_named(admin_client: Client, place: Path) -> None:
    run = uploaded(admin_client, "June export.csv", leads_file(place, 0, 40))
    page = words(admin_client.get(at(run, "columns")))
    assert 'name="source"' not in page
    assert 'name="new_source" value="june-export"' in page
    assert "This field is required" in words(answered(admin_client, run, new_source=" "))


def test_the_next_file_goes_to_the_known_source_without_a_word(
    admin_client: Client, june: ImportRun, place: Path
) -> None:
    run = uploaded(admin_client, "july.csv", leads_file(place, 20, 60))
    page = words(admin_client.get(at(run, "columns")))
    assert '<option value="=crm" selected>crm (40 leads)</option>' in page
    assert "It looks like “crm”: 20 leads of it are in this file" in page
    assert "a new source, named below" in page
    done(admin_client, run, source="=crm", new_source="")
    assert Lead.objects.count() == 60


def test_a_new_source_is_warned_of_leads_that_are_known(
    admin_client: Client, june: ImportRun, place: Path
) -> None:
    run = uploaded(admin_client, "july.csv", leads_file(place, 20, 60))
    answered(admin_client, run, source="new", new_source="july")
    work_on(run.pk, as_of=timezone.now())
    for step in ("audit", "start"):
        page = words(admin_client.get(at(run, step)))
        assert "20 of 40 leads looked at are known already under another source" in page
        assert "“crm” (20)" in page
        assert "these leads would be held twice" in page
        assert f'<a href="{at(run, "columns")}">go back to the columns</a>' in page
    answered(admin_client, run, source="=crm")
    work_on(run.pk, as_of=timezone.now())
    assert "held twice" not in words(admin_client.get(at(run, "audit")))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"source": "new", "new_source": "crm"}, "There is a source “crm” already, with 40 leads."),
        ({"source": "new", "new_source": "  "}, "Name the new source, or choose a known one above."),
        ({"source": "=nobody's"}, "not one of the available choices"),
        ({"source": "new", "new_source": "x" * 65}, "at most 64 characters"),
    ],
)
def test_a_source_is_chosen_or_named_and_never_both_by_chance(
    form: dict[str, str], said: str, admin_client: Client, june: ImportRun, place: Path
) -> None:
    run = uploaded(admin_client, "july.csv", leads_file(place, 20, 60))
    answer = answered(admin_client, run, **form)
    assert (answer.status_code, said in words(answer)) == (400, True)
    run.refresh_from_db()
    assert run.step == "uploaded"


def test_a_file_called_like_a_source_does_not_slip_into_it(admin_client: Client, place: Path) -> None:
    a_lead("other id", source_system="shop")
    run = uploaded(admin_client, "shop.csv", leads_file(place, 0, 20))
    page = words(admin_client.get(at(run, "columns")))
    assert '<option value="new" selected>' in page
    assert 'name="new_source" value="shop-2"' in page


def test_the_name_of_a_source_is_shown_and_never_run(admin_client: Client, place: Path) -> None:
    attack = "<script>alert(1)</script>"
    a_lead("L-00001", source_system=attack)
    run = uploaded(admin_client, "leads.csv", leads_file(place, 0, 20))
    assert attack not in words(admin_client.get(at(run, "columns")))
    answered(admin_client, run, source="new", new_source="mine")
    work_on(run.pk, as_of=timezone.now())
    page = words(admin_client.get(at(run, "audit")))
    assert "1 of 20 leads looked at is known already" in page
    assert attack not in page


# --- Workbooks ---------------------------------------------------------------------------------------


def a_book(**sheets: list[list[Any]]) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


LEADS = [["Lead ID", "Pages", "Twice", "Result"]] + [
    [f"L{n}", n, f"=B{n + 2}*2", ("won", "lost")[n % 2]] for n in range(30)
]
NAMES = [["Name", "City"], *([f"Name {n}", "Bonn"] for n in range(30))]


def test_the_page_says_which_sheet_was_chosen_out_of_which(admin_client: Client, place: Path) -> None:
    run = uploaded(admin_client, "book.xlsx", a_book(About=[["Made by the CRM"]], Leads=LEADS, Names=NAMES))
    page = words(admin_client.get(at(run, "file")))
    assert "sheet “Leads”, which of 3 sheets looks most like a list of leads (not read: About, Names)" in page
    assert '“About”, <span class="ls-strong">“Leads”</span> (this one), “Names”' in page
    admin_client.post(at(run, "file"), {"sheet": "Names"})
    page = words(admin_client.get(at(run, "file")))
    assert "sheet “Names” (not read: About, Leads)" in page


def test_where_no_column_is_an_outcome_another_sheet_may_hold_it(admin_client: Client, place: Path) -> None:
    run = uploaded(admin_client, "book.xlsx", a_book(Names=NAMES, Lists=[["Code"], ["a"]]))
    page = words(admin_client.get(at(run, "columns")))
    assert "this is “Names”, the workbook also has “Lists”" in page
    assert f'href="{at(run, "file")}#id_sheet"' in page
    run = uploaded(admin_client, "book.xlsx", a_book(Names=NAMES))
    page = words(admin_client.get(at(run, "columns")))
    assert "No column looks like an outcome" in page
    assert "another sheet" not in page


def test_formulas_without_a_result_are_told_before_and_in_the_audit(
    admin_client: Client, place: Path
) -> None:
    said = "Column “Twice”: 30 cells hold a formula without a stored result and are read as empty."
    run = uploaded(admin_client, "book.xlsx", a_book(Leads=LEADS))
    assert said in words(admin_client.get(at(run, "file")))
    admin_client.post(
        at(run, "columns") + "?outcome=Result",
        {"converted_values": ["won"], "id": "Lead ID", "new_source": "x"},
    )
    work_on(run.pk, as_of=timezone.now())
    assert said in words(admin_client.get(at(run, "audit")))


# --- Words -------------------------------------------------------------------------------------------


def test_no_page_tells_anybody_to_type_a_command(
    admin_client: Client, june: ImportRun, place: Path, settings: Any
) -> None:
    content = leads_file(place, 0, 60).replace(b"Country", b"Land")
    run = uploaded(admin_client, "other.csv", content)
    pages = [admin_client.get(f"{LIST}upload/"), admin_client.get(at(run, "columns"))]
    answered(admin_client, run, source="=crm")
    work_on(run.pk, as_of=timezone.now())
    audit = admin_client.get(at(run, "audit"))
    done(admin_client, run, source="=crm")
    again = uploaded(admin_client, "other.csv", content)
    answered(admin_client, again, source="=crm")
    work_on(again.pk, as_of=timezone.now())
    waits = admin_client.get(at(again, "audit"))
    settings.IMPORT_MAX_BYTES = 10
    refused = admin_client.post(f"{LIST}upload/", {"file": SimpleUploadedFile("a.csv", content)})
    for page in [*pages, audit, waits, refused, admin_client.get(at(run, "change"))]:
        assert "manage.py" not in words(page)
    assert "presses “Activate”" in words(audit)
    draft = FeatureSet.objects.get(state="draft")
    assert f'href="/admin/scoring/featureset/{draft.pk}/change/">Open feature set {draft.number}' in words(
        waits
    )


def test_an_audit_of_an_earlier_release_is_shown_as_it_was(
    admin_client: Client, june: ImportRun, place: Path
) -> None:
    run = uploaded(admin_client, "july.csv", leads_file(place, 0, 60))
    ImportRun.objects.filter(pk=run.pk).update(
        step="audited", audit={"rows_read": 60, "feature_set": "Feature set 1 stays as it is."}
    )
    for step in ("audit", "start"):
        page = words(admin_client.get(at(run, step)))
        assert "Feature set 1 stays as it is." in page
        assert "held twice" not in page


def test_every_step_says_where_it_stands(admin_client: Client, june: ImportRun, place: Path) -> None:
    assert "<title> Import a file, step 1 of 4: file |" in words(admin_client.get(f"{LIST}upload/"))
    run = uploaded(admin_client, "july.csv", leads_file(place, 0, 60))
    answered(admin_client, run, source="=crm")
    work_on(run.pk, as_of=timezone.now())
    for number, (step, name) in enumerate(
        [("file", "file"), ("columns", "columns"), ("audit", "audit"), ("start", "import")], start=1
    ):
        page = words(admin_client.get(at(run, step)))
        assert f"Import july.csv, step {number} of 4: {name} |" in page
        assert '<h2 class="ls-title">Import july.csv</h2>' in page
