"""The page of an import that ran: every count says what it counts, and what the audit said is still there."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from django.test import Client

from scoring.models import ImportRun
from scoring.services.imports import ImportOptions, import_file, store_upload, work_on
from tests.factories.files import lead_rows, write_leads
from tests.factories.rows import NOW
from tests.scoring.admin.conftest import SignIn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]

OPTIONS = ImportOptions(converted="Converted", id="Lead ID", created_at="Created", source="fair")


def words_of(client: Client, run: ImportRun) -> str:
    """The page's text, on one line."""
    answer = client.get(f"/admin/scoring/importrun/{run.pk}/change/")
    assert answer.status_code == 200
    text = answer.content.decode().split('<div class="ls-page">')[1]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


def leads(n: int = 201, *, refused: int = 1) -> list[dict[str, str]]:
    """Leads, the first ones with a date that is none; calls are known of converted ones only."""
    rows = [{**row, "Calls": "3" if row["Converted"] == "1" else ""} for row in lead_rows(n)]
    for row in rows[:refused]:
        row["Created"] = "<b>lately</b>"
    return rows


def imported(path: Path, options: ImportOptions = OPTIONS) -> ImportRun:
    import_file(path, options, requested_by=None, as_of=NOW, progress=lambda message, share: None)
    return ImportRun.objects.latest("id")


def test_counts_say_what_they_count_and_add_up(admin_client: Client, tmp_path: Path) -> None:
    rows = leads(refused=3)
    run = imported(write_leads(tmp_path / "fair.csv", rows))
    won = sum(row["Converted"] == "1" for row in rows[3:])
    words = words_of(admin_client, run)
    assert "Rows read 201 of these went in 198 of these refused 3" in words
    assert (
        f"Of the 198 rows that went in Converted {won} Did not convert 0 No outcome yet {198 - won}" in words
    )
    assert f"{won} outcomes were written by this import" in words
    assert "Counts in these sentences are from before any row was refused." in words
    assert "3 rows were refused and brought no lead" in words


def test_one_row_is_no_rows_and_its_share_is_not_none(admin_client: Client, tmp_path: Path) -> None:
    words = words_of(admin_client, imported(write_leads(tmp_path / "fair.csv", leads())))
    assert "refused 1 · 0.5 %" in words
    assert "1 row was refused" in words
    assert "Download the refused row as CSV" in words
    assert re.search(r"\b1 rows", words) is None
    small = ImportRun.objects.create(
        file_name="one.csv", source_system="fair", state="done", rows_read=1, rows_created=1, rows_converted=1
    )
    one = words_of(admin_client, small)
    assert "n = 1 row " in one
    assert "Of the 1 row that went in Converted 1" in one


def test_what_the_audit_found_is_still_there_after_the_import(admin_client: Client, tmp_path: Path) -> None:
    rows = leads()
    rows[5]["Lead ID"] = "1.23E+09"
    content = write_leads(tmp_path / "fair.csv", rows).read_bytes()
    run = store_upload("fair.csv", [content], by=None)
    ImportRun.objects.filter(pk=run.pk).update(
        step="mapped", state="queued", options=OPTIONS.to_json(), source_system="fair"
    )
    work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    ImportRun.objects.filter(pk=run.pk).update(step="import", state="queued")
    work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    assert run.state == "done"
    words = words_of(admin_client, run)
    assert "Ids in “Lead ID” that are written like 1.23E+09: 1." in words
    assert run.audit["notes"][0] in words
    assert "Calls : Known only after the outcome" in words
    assert "A model may learn from: " in words


def test_an_import_of_the_command_keeps_its_audit_too(admin_client: Client, tmp_path: Path) -> None:
    words = words_of(admin_client, imported(write_leads(tmp_path / "fair.csv", leads())))
    assert "How the file was read and understood" in words
    assert "Columns held out of training" in words
    assert "Calls : Known only after the outcome" in words


def test_refused_rows_are_shown_as_they_stand_and_never_run(admin_client: Client, tmp_path: Path) -> None:
    run = imported(write_leads(tmp_path / "fair.csv", leads()))
    assert "2 L-00000 Created <b>lately</b> a date such as" in words_of(admin_client, run)
    page = admin_client.get(f"/admin/scoring/importrun/{run.pk}/change/").content.decode()
    assert "<b>lately</b>" not in page


@pytest.mark.parametrize("role", ["sales rep", "nobody"])
def test_who_may_not_see_refused_rows_gets_no_file(role: str, sign_in: SignIn, tmp_path: Path) -> None:
    run = imported(write_leads(tmp_path / "fair.csv", leads()))
    answer = sign_in(role).get(f"/admin/scoring/importrun/{run.pk}/download-errors/")
    assert answer.status_code == 403
    assert b"lately" not in answer.content
