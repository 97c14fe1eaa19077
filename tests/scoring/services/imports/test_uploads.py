"""An upload from its first byte to its removal: prepared by a person, done by workers that may die."""

from __future__ import annotations

import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from leadscoring.common import claims
from scoring.contracts import ImportRefused
from scoring.models import ImportRun, Lead
from scoring.services import maintenance
from scoring.services.imports import (
    ImportOptions,
    cancel_import,
    chunks,
    discard_upload,
    prepare_again,
    remove_uploads,
    request_audit,
    request_import,
    set_reading,
    store_upload,
    stored_path,
    work_on,
)
from scoring.services.imports import run as import_run
from scoring.services.imports.work import waiting_imports
from tests.factories.files import lead_rows, write_leads
from tests.factories.rows import NOW, counts
from tests.factories.uploads import OPTIONS, an_upload

pytestmark = pytest.mark.django_db


def files(place: Path) -> list[Path]:
    return sorted((place / "uploads").glob("*/*"))


def audited(place: Path, **changes: Any) -> ImportRun:
    """Uploaded, explained and audited by a worker."""
    run = an_upload(place, step="uploaded", **changes)
    request_audit(run, ImportOptions.from_json(OPTIONS))
    work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    return run


# --- Receiving ---------------------------------------------------------------------------------------


def test_it_keeps_a_file_by_its_digest_for_its_owner_only(place: Path) -> None:
    run = an_upload(place, step="uploaded")
    [file] = files(place)
    assert stored_path(run) == file
    assert file.parent.name == run.file_digest
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert (run.state, run.step, run.file_size) == ("draft", "uploaded", file.stat().st_size)
    assert "Read as CSV" in run.format_note


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7", "is a PDF document"),
        (b"\x7fELF" + b"\0" * 50, "is a program"),
        (b"PK\x03\x04 nothing", "cannot be unpacked"),
        (bytes(range(256)) * 20, "is not text"),
    ],
)
def test_it_refuses_what_is_no_table_and_keeps_nothing(place: Path, content: bytes, words: str) -> None:
    before = counts()
    with pytest.raises(ImportRefused, match=words):
        store_upload("leads.csv", [content], by=None)
    assert counts() == before
    assert list((place / "uploads").iterdir()) == []


def test_it_stops_reading_at_the_limit(place: Path, settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = 1024
    sent = []

    def endless() -> Any:
        while True:
            sent.append(1)
            yield b"a,b\n" * 100

    with pytest.raises(ImportRefused, match="larger than 0 MiB"):
        store_upload("leads.csv", endless(), by=None)
    assert len(sent) == 3
    assert list((place / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ben\\leads.csv", "leads.csv"),
        ("a\0b<c>.csv", "a-b-c-.csv"),
        ("...", "upload"),
        ("é" * 300 + ".csv", "é" * 98 + ".csv"),
        ("\ud800.csv", "-.csv"),
    ],
)
def test_it_makes_a_harmless_name_of_any_name(place: Path, name: str, kept: str) -> None:
    run = store_upload(name, [b"id,won\n1,yes\n2,no\n"], by=None)
    assert run.file_name == kept
    assert stored_path(run).is_file()


@pytest.mark.parametrize("stored", ["../../secret_key", "/etc/passwd", "..", "../..", "a/../../secret_key"])
def test_it_reads_nothing_outside_its_folder(place: Path, stored: str) -> None:
    (place / "secret_key").write_text("secret")
    run = ImportRun(stored_file=stored)
    assert (place / "uploads") in [stored_path(run), *stored_path(run).parents]


# --- Preparing ---------------------------------------------------------------------------------------


def test_an_audit_counts_names_and_writes_nothing(place: Path) -> None:
    before = counts()
    run = audited(place)
    assert {**counts(), "ImportRun": 0} == {**before, "ImportRun": 0}
    assert (run.state, run.step, run.error) == ("draft", "audited", "")
    assert (run.audit["rows_read"], run.audit["rows_created"], run.audit["rows_refused"]) == (40, 40, 0)
    assert run.audit["feature_set"]["words"].startswith("The first feature set is drawn up and activated")
    assert run.rows_read == 0, "the counts of the row are those of the import"


def test_an_audit_that_cannot_be_done_says_why_and_can_be_asked_for_again(place: Path) -> None:
    run = an_upload(place, step="uploaded")
    request_audit(run, ImportOptions.from_json({**OPTIONS, "converted": "Pages", "converted_values": ["99"]}))
    work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    assert (run.state, run.step) == ("draft", "mapped")
    assert "“99” does not occur in column “Pages”" in run.error
    request_audit(run, ImportOptions.from_json(OPTIONS))
    work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    assert (run.step, run.error) == ("audited", "")


def test_reading_it_another_way_takes_the_audit_back(place: Path) -> None:
    run = audited(place)
    set_reading(run, ImportOptions(converted="", delimiter=","))
    assert (run.step, run.audit, run.options["delimiter"]) == ("uploaded", {}, ",")
    with pytest.raises(ImportRefused, match="not ready to start"):
        request_import(run, reason="x", by=None)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_nothing_starts_without_a_reason(place: Path, reason: str) -> None:
    run = audited(place)
    with pytest.raises(ImportRefused, match="A reason is needed"):
        request_import(run, reason=reason, by=None)
    run.refresh_from_db()
    assert run.state == "draft"


def test_it_starts_once(place: Path) -> None:
    run = audited(place)
    request_import(run, reason="new leads", by=None)
    with pytest.raises(ImportRefused, match="not ready to start"):
        request_import(run, reason="new leads", by=None)


def test_one_import_a_source_is_open(place: Path) -> None:
    run, other = audited(place), audited(place, rows=50)
    request_import(run, reason="first", by=None)
    with pytest.raises(ImportRefused, match=f"Import {run.pk} into “fair” .* waits for a worker"):
        request_import(other, reason="second", by=None)
    other.refresh_from_db()
    assert (other.state, other.step) == ("draft", "audited")


# --- Importing ---------------------------------------------------------------------------------------


def queued(place: Path, rows: int = 40) -> ImportRun:
    run = audited(place, rows=rows)
    request_import(run, reason="new leads", by=None)
    return run


def test_a_worker_imports_it_and_removes_the_file(place: Path) -> None:
    run = queued(place)
    work_on(run.pk, as_of=NOW)
    work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    assert (run.state, run.rows_created, run.reason) == ("done", 40, "new leads")
    assert Lead.objects.count() == 40
    assert files(place) == []


def test_another_worker_goes_on_where_one_was_killed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    monkeypatch.setattr(chunks, "CHUNK", 10)
    monkeypatch.setattr(import_run, "_close_unfinished", lambda *args: None)
    run = queued(place, rows=100)
    write, calls = chunks.write_chunk, []

    def dies(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        written = write(*args, **kwargs)
        if len(calls) == 4:
            raise Killed
        return written

    monkeypatch.setattr(chunks, "write_chunk", dies)
    with pytest.raises(Killed):
        work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    assert (run.state, run.rows_read) == ("running", 30)
    assert waiting_imports() == [], "its lease still runs"
    ImportRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    maintenance.sweep(as_of=NOW)
    run.refresh_from_db()
    assert run.state == "running", "the sweep leaves it to a worker"
    assert waiting_imports() == [run.pk]
    work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    assert (run.state, run.rows_created, run.rows_read) == ("done", 100, 100)
    assert Lead.objects.count() == 100


def test_it_stops_within_a_chunk_and_can_be_prepared_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 10)
    run = queued(place, rows=100)
    write = chunks.write_chunk

    def asked(*args: Any, **kwargs: Any) -> Any:
        assert cancel_import(run.pk)
        return write(*args, **kwargs)

    monkeypatch.setattr(chunks, "write_chunk", asked)
    work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    assert (run.state, run.rows_created, Lead.objects.count()) == ("cancelled", 10, 10)
    again = prepare_again(run, by=None)
    assert (again.state, again.step, again.options) == ("draft", "uploaded", run.options)
    assert len(files(place)) == 1


def test_a_waiting_audit_that_is_stopped_waits_for_a_person_again(place: Path) -> None:
    run = an_upload(place, step="uploaded")
    request_audit(run, ImportOptions.from_json(OPTIONS))
    assert cancel_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.step) == ("draft", "mapped")
    work_on(run.pk, as_of=NOW)
    assert not ImportRun.objects.get(pk=run.pk).audit


def test_a_file_that_is_gone_is_told(place: Path) -> None:
    run = queued(place)
    stored_path(run).unlink()
    work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    assert (run.state, run.error) == (
        "failed",
        "The uploaded file fair.csv is no longer there; upload it again.",
    )
    with pytest.raises(ImportRefused, match="no longer there"):
        prepare_again(run, by=None)


def test_a_command_s_row_is_no_worker_s_business(place: Path) -> None:
    run = ImportRun.objects.create(file_name="leads.csv", source_system="crm")
    work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    assert run.state == "queued"
    assert waiting_imports() == []


# --- Removing ----------------------------------------------------------------------------------------


def test_discarding_removes_the_file_unless_another_upload_has_it(place: Path) -> None:
    one, two = an_upload(place), an_upload(place)
    assert discard_upload(one)
    assert not discard_upload(one)
    assert len(files(place)) == 1
    assert discard_upload(two)
    assert files(place) == []


def test_old_files_are_removed_and_needed_ones_kept(place: Path) -> None:
    old, new = an_upload(place), an_upload(place, rows=50)
    late = NOW + timedelta(days=8)
    ImportRun.objects.filter(pk=old.pk).update(created_at=NOW)
    ImportRun.objects.filter(pk=new.pk).update(created_at=late)
    for file in files(place):
        os.utime(file, (NOW.timestamp(), NOW.timestamp()))
    assert remove_uploads(as_of=late) == 1
    old.refresh_from_db()
    assert (old.state, stored_path(old).exists(), stored_path(new).exists()) == ("cancelled", False, True)


def test_a_claimed_audit_that_is_overtaken_changes_nothing(place: Path) -> None:
    run = an_upload(place, step="uploaded")
    request_audit(run, ImportOptions.from_json(OPTIONS))
    claims.claim(ImportRun, run.pk, lease_seconds=60)
    work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    assert (run.state, run.audit, run.fence) == ("running", {}, 1)


def test_leads_of_a_second_file_of_the_source_are_changed_not_doubled(place: Path) -> None:
    work_on(queued(place).pk, as_of=NOW)
    rows = lead_rows(40)
    rows[0]["Pages"] = "99"
    content = write_leads(place / "fair.csv", rows).read_bytes()
    run = store_upload("fair-2.csv", [content], by=None)
    request_audit(run, ImportOptions.from_json(OPTIONS))
    work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    assert (run.audit["rows_updated"], run.audit["rows_unchanged"]) == (1, 39)
    assert run.audit["feature_set"]["words"].endswith("stays as it is: the file has its columns.")
