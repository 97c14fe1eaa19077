"""Imports that are killed, met by another, or started again: nothing doubled, nothing lost, counts exact."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from leadscoring.common import alive, claims
from scoring.contracts import ImportRefused
from scoring.models import FeatureSet, ImportRun, Lead, Outcome
from scoring.services import maintenance
from scoring.services.imports import (
    ImportOptions,
    ImportStopped,
    ImportSummary,
    chunks,
    import_file,
    starts,
    write,
)
from scoring.services.imports import run as import_run
from tests.factories.files import lead_rows, write_leads
from tests.factories.rows import NOW, counts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]

OPTIONS = ImportOptions(converted="Converted", id="Lead ID", created_at="Created", source="crm")


class Killed(BaseException):
    """Stands for kill -9: with `unclosed`, nobody gets to close the row."""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten rows a transaction, so that a small file has several."""
    monkeypatch.setattr(chunks, "CHUNK", 10)


@pytest.fixture
def unclosed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies says nothing to its row."""
    close = import_run._close_unfinished

    def closed(run: Any, held: Any, summary: Any, error: BaseException) -> None:
        if not isinstance(error, Killed):
            close(run, held, summary, error)

    monkeypatch.setattr(import_run, "_close_unfinished", closed)


def rows(n: int = 100) -> list[dict[str, str]]:
    """Leads, every seventh with a date that is none."""
    made = lead_rows(n)
    for number in range(0, n, 7):
        made[number]["Created"] = "some day"
    return made


@pytest.fixture
def leads(tmp_path: Path) -> Path:
    return write_leads(tmp_path / "leads.csv", rows())


def quiet(message: str, share: float) -> None:
    """Nobody watches."""


def run(path: Path, options: ImportOptions = OPTIONS, progress: Any = quiet) -> ImportSummary:
    return import_file(path, options, requested_by=None, as_of=NOW, progress=progress)


def kill_at(done: int) -> Callable[[str, float], None]:
    """Dies when this many rows are committed."""

    def progress(message: str, share: float) -> None:
        if message == f"Writing leads: {done:,} rows":
            raise Killed

    return progress


def killed_at(path: Path, done: int, options: ImportOptions = OPTIONS) -> ImportRun:
    with pytest.raises(Killed):
        run(path, options, kill_at(done))
    row = ImportRun.objects.latest("id")
    assert (row.state, row.rows_read) == ("running", done)
    return row


def of_a_whole_run(summary: ImportSummary) -> tuple[int, ...]:
    return (summary.rows_read, summary.created, summary.unchanged, summary.refused, summary.outcomes_recorded)


@pytest.mark.parametrize("done", [10, 50, 100])
def test_a_rerun_goes_on_exactly_behind_the_last_committed_chunk(
    leads: Path, unclosed: None, done: int
) -> None:
    killed_at(leads, done)
    summary = run(leads)
    good = [row for row in rows() if row["Created"] != "some day"]
    won = sum(row["Converted"] == "1" for row in good)
    assert of_a_whole_run(summary) == (100, len(good), 0, 15, won)
    row = ImportRun.objects.get()
    assert (row.state, row.rows_created, row.rows_refused, row.outcomes_recorded) == (
        "done",
        len(good),
        15,
        won,
    )
    assert Lead.objects.count() == len(good)
    assert Outcome.objects.count() == won
    assert f"Went on behind row {done}" in " ".join(summary.notes)
    assert list(row.row_errors.values_list("row_number", flat=True)) == list(range(2, 102, 7))
    assert [error.row for error in summary.errors] == list(range(2, 102, 7))


def test_the_refused_rows_of_a_killed_import_are_named_already(leads: Path, unclosed: None) -> None:
    row = killed_at(leads, 50)
    assert list(row.row_errors.values_list("row_number", flat=True)) == [2, 9, 16, 23, 30, 37, 44, 51]


def test_rows_known_by_their_content_are_counted_on_after_a_kill(tmp_path: Path, unclosed: None) -> None:
    few = [{key: row[key] for key in ("Source", "Budget known", "Converted")} for row in lead_rows(100)]
    path = write_leads(tmp_path / "leads.csv", few)
    options = replace(OPTIONS, id=None, created_at=None)
    killed_at(path, 50, options)
    assert run(path, options).created == 100
    assert Lead.objects.count() == 100
    assert run(path, options).unchanged == 100


def test_an_id_used_before_the_kill_is_still_used_after_it(tmp_path: Path, unclosed: None) -> None:
    doubled = lead_rows(100)
    doubled[80]["Lead ID"] = doubled[3]["Lead ID"]
    path = write_leads(tmp_path / "leads.csv", doubled)
    killed_at(path, 50)
    summary = run(path)
    assert [(error.row, error.expected) for error in summary.errors] == [
        (82, "an id used once in the file; row 5 has it too")
    ]


def test_another_file_is_another_import_and_closes_the_killed_one(
    tmp_path: Path, leads: Path, unclosed: None
) -> None:
    first = killed_at(leads, 50)
    changed = rows()
    changed[1]["Pages"] = "77"
    summary = run(write_leads(leads, changed))
    first.refresh_from_db()
    assert (first.state, ImportRun.objects.count()) == ("failed", 2)
    assert "another import followed it" in first.error
    assert summary.rows_read == 100
    assert Lead.objects.get(external_id="L-00001").attributes["Pages"] == "77"


def test_other_options_are_another_import(leads: Path, unclosed: None) -> None:
    killed_at(leads, 50)
    run(leads, replace(OPTIONS, exclude=("Country",)))
    assert ImportRun.objects.count() == 2


def test_the_sweep_closes_a_silent_command_and_the_same_one_goes_on(leads: Path, unclosed: None) -> None:
    row = killed_at(leads, 50)
    maintenance.sweep(as_of=NOW)
    row.refresh_from_db()
    assert row.state == "running", "its lease still runs"
    ImportRun.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    maintenance.sweep(as_of=NOW)
    row.refresh_from_db()
    assert (row.state, row.interrupted) == ("failed", True)
    assert "Run the same command again" in row.error
    summary = run(leads)
    assert (summary.run_id, summary.rows_read) == (row.pk, 100)
    assert ImportRun.objects.get().state == "done"


def test_what_happened_meanwhile_makes_a_rerun_start_anew(
    leads: Path, unclosed: None, tmp_path: Path
) -> None:
    row = killed_at(leads, 50)
    changed = rows()
    changed[1]["Pages"] = "77"
    run(write_leads(tmp_path / "newer.csv", changed))
    summary = run(leads)
    assert summary.run_id != row.pk
    assert Lead.objects.get(external_id="L-00001").attributes["Pages"] == rows()[1]["Pages"]


# --- Two at once -------------------------------------------------------------------------------------


def test_a_second_start_into_the_same_source_is_refused_in_words(leads: Path) -> None:
    before = counts()
    with (
        alive.holding(starts.lock_name("crm")),
        pytest.raises(ImportRefused, match="Another import into “crm”"),
    ):
        run(leads)
    assert counts() == before
    assert run(leads).created > 0, "the lock goes with its holder"


def test_an_import_that_runs_elsewhere_is_not_taken_for_a_dead_one(leads: Path) -> None:
    row = ImportRun.objects.create(file_name="big.csv", source_system="crm", held_by="another machine:/var")
    claims.claim(ImportRun, row.pk, lease_seconds=60)
    with pytest.raises(ImportRefused, match=rf"Import {row.pk} into “crm” \(big.csv\) is running, 0 % done"):
        run(leads)
    assert Lead.objects.count() == 0


def test_an_upload_that_waits_for_a_worker_is_not_overtaken(leads: Path) -> None:
    ImportRun.objects.create(file_name="up.csv", source_system="crm", stored_file="a/up.csv")
    with pytest.raises(ImportRefused, match="waits for a worker"):
        run(leads)


def test_another_source_is_nobody_s_business(leads: Path) -> None:
    with alive.holding(starts.lock_name("crm")):
        assert run(leads, replace(OPTIONS, source="other")).created > 0


def test_whoever_lost_the_row_writes_nothing_more(leads: Path) -> None:
    def overtaken(message: str, share: float) -> None:
        if message == "Writing leads: 50 rows":
            ImportRun.objects.update(fence=99)

    with pytest.raises(ImportStopped, match="has taken import"):
        run(leads, progress=overtaken)
    row = ImportRun.objects.get()
    assert (row.rows_read, row.state) == (50, "running")
    assert Lead.objects.count() == row.rows_created


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_two_first_imports_at_once_one_activates_its_set(tmp_path: Path) -> None:
    """Two sources at once, whose files have different columns."""
    one = write_leads(tmp_path / "one.csv", lead_rows(100))
    two = write_leads(
        tmp_path / "two.csv", [{**row, "Campaign": row["Country"] + row["Source"]} for row in lead_rows(100)]
    )
    ready = threading.Barrier(2)
    ends: list[Any] = []

    def meet(message: str, share: float) -> None:
        if message == "Writing leads: 100 rows":
            ready.wait(timeout=20)

    def go(path: Path, source: str) -> None:
        try:
            ends.append(run(path, replace(OPTIONS, source=source), meet))
        except Exception as error:
            ends.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=pair) for pair in ((one, "a"), (two, "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    states = sorted(end.feature_set_state.split(",")[0] for end in ends)
    assert states == ["a draft", "active"], ends
    assert sorted(FeatureSet.objects.values_list("state", flat=True)) == ["active", "draft"]


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_the_same_file_started_twice_at_once_goes_in_once(leads: Path) -> None:
    ready = threading.Barrier(2)
    ends: list[Any] = []

    def go() -> None:
        try:
            ready.wait(timeout=20)
            ends.append(run(leads))
        except Exception as error:
            ends.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(type(end).__name__ for end in ends) == ["ImportRefused", "ImportSummary"], ends
    assert Lead.objects.count() == 85


# --- Rows known by their content ---------------------------------------------------------------------


def sold(path: Path) -> Path:
    """Leads without ids whose file tells a revenue."""
    made = [
        {**row, "Money": str(10 * n) if row["Converted"] == "1" else ""}
        for n, row in enumerate(lead_rows(40))
    ]
    for row in made:
        del row["Lead ID"]
    return write_leads(path, made)


def test_telling_the_revenue_later_doubles_no_lead(tmp_path: Path) -> None:
    path = sold(tmp_path / "leads.csv")
    options = replace(OPTIONS, id=None)
    run(path, options)
    again = run(path, replace(options, revenue="Money", currency="AED"))
    assert (again.created, Lead.objects.count()) == (0, 40)
    assert "leads known already are found again" in " ".join(again.notes)
    assert Outcome.objects.filter(is_current=True, revenue__isnull=False).exists()


def test_no_longer_telling_the_revenue_doubles_no_lead_either(tmp_path: Path) -> None:
    path = sold(tmp_path / "leads.csv")
    run(path, replace(OPTIONS, id=None, revenue="Money"))
    assert run(path, replace(OPTIONS, id=None)).created == 0


def test_ids_of_imports_from_before_are_recognised(tmp_path: Path) -> None:
    path = sold(tmp_path / "leads.csv")
    run(path, replace(OPTIONS, id=None))
    ImportRun.objects.update(identity_columns=[])
    assert run(path, replace(OPTIONS, id=None, revenue="Money")).created == 0


def test_it_says_when_leads_will_be_there_twice(tmp_path: Path) -> None:
    rows = lead_rows(40)
    path = write_leads(tmp_path / "leads.csv", rows)
    run(path, replace(OPTIONS, id=None))
    summary = run(path)
    assert summary.created == 40
    assert "would be held twice" in " ".join(summary.warnings)
    for row in rows:
        del row["Country"]
    fewer = run(write_leads(tmp_path / "fewer.csv", rows), replace(OPTIONS, id=None))
    assert "lacks “Country”" in " ".join(fewer.warnings)


def test_a_lead_that_came_in_by_another_way_meanwhile_is_found_at_the_second_try(
    leads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 100)
    run(leads)
    known, calls = write._known, []

    def blind(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return {} if len(calls) == 1 else known(*args, **kwargs)

    monkeypatch.setattr(write, "_known", blind)
    again = run(leads)
    assert (again.created, again.unchanged, len(calls)) == (0, 85, 2)
    assert ImportRun.objects.latest("id").row_errors.count() == 15, "the refused rows are kept once"
