"""Which source a file is from, and the warning before its leads are held twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scoring.models import ImportRun, Lead
from scoring.selectors.distinct import counted_values
from scoring.services.imports import (
    ImportOptions,
    Plan,
    Suggestion,
    import_file,
    known_sources,
    preview_upload,
    request_audit,
    store_upload,
    suggest_source,
    work_on,
)
from tests.factories.files import lead_rows, write_leads
from tests.factories.rows import NOW, a_lead

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]

OPTIONS = ImportOptions(converted="Converted", id="Lead ID", created_at="Created", source="crm")


def imported(path: Path, options: ImportOptions = OPTIONS) -> list[Plan]:
    """Import it; what was known before the first row was written."""
    plans: list[Plan] = []
    import_file(
        path, options, requested_by=None, as_of=NOW, progress=lambda message, share: None, before=plans.append
    )
    return plans


def a_file(place: Path, name: str, first: int, last: int) -> Path:
    """The leads from one number to another, as another month's export of the same system has them."""
    return write_leads(place / name, lead_rows(60)[first:last])


def suggested(path: Path, *, id_column: str | None = "Lead ID") -> Suggestion:
    run = store_upload(path.name, [path.read_bytes()], by=None)
    preview = preview_upload(run, ImportOptions(converted=""))
    return suggest_source(preview, known=known_sources(), id_column=id_column)


# --- What is known -----------------------------------------------------------------------------------


def test_sources_are_counted_in_order_and_only_so_far() -> None:
    for number in range(3):
        a_lead(f"L-{number}")
    a_lead("L-1", source_system="booth")
    assert known_sources() == {"booth": 1, "crm": 3}
    assert list(known_sources()) == ["booth", "crm"]
    assert counted_values(Lead, "source_system", ["crm", "booth", "o'clock"], most=2) == {
        "crm": 2,
        "booth": 1,
        "o'clock": 0,
    }
    assert counted_values(Lead, "source_system", [], most=2) == {}


# --- Which one it is from ----------------------------------------------------------------------------


def test_the_first_file_is_from_a_new_source(tmp_path: Path) -> None:
    assert suggested(a_file(tmp_path, "june.csv", 0, 40)) == Suggestion()


def test_next_months_file_is_from_the_source_whose_leads_it_names(tmp_path: Path) -> None:
    imported(a_file(tmp_path, "june.csv", 0, 40))
    found = suggested(a_file(tmp_path, "july.csv", 20, 60))
    run = ImportRun.objects.get(state="done")
    assert found == Suggestion(
        "crm",
        f"20 leads of it are in this file and import {run.pk} brought a file with these columns from it",
    )


def test_without_one_known_lead_the_columns_tell(tmp_path: Path) -> None:
    imported(a_file(tmp_path, "june.csv", 0, 40))
    found = suggested(a_file(tmp_path, "july.csv", 40, 60))
    assert (found.source, found.why.startswith("import ")) == ("crm", True)


def test_ids_tell_where_the_columns_are_others(tmp_path: Path) -> None:
    a_lead("L-00001", source_system="hub")
    path = tmp_path / "report.csv"
    path.write_text("Lead ID,Won\nL-00001,yes\nL-00002,no\n")
    assert suggested(path) == Suggestion("hub", "1 lead of it is in this file")


def test_other_columns_and_other_ids_are_a_new_source(tmp_path: Path) -> None:
    imported(a_file(tmp_path, "june.csv", 0, 40))
    path = tmp_path / "shop.csv"
    path.write_text("Order,Basket,Paid\nA1,12,yes\nA2,7,no\n")
    assert suggested(path, id_column="Order") == Suggestion()


def test_another_id_column_is_not_the_same_export(tmp_path: Path) -> None:
    imported(a_file(tmp_path, "june.csv", 0, 40))
    assert suggested(a_file(tmp_path, "july.csv", 40, 60), id_column=None) == Suggestion()


def test_suggesting_costs_the_same_however_many_sources_there_are(tmp_path: Path) -> None:
    path = a_file(tmp_path, "june.csv", 0, 30)
    for number in range(6):
        imported(path, replace(OPTIONS, source=f"source-{number}"))
    run = store_upload(path.name, [path.read_bytes()], by=None)
    preview = preview_upload(run, ImportOptions(converted=""))
    with CaptureQueriesContext(connection) as queries:
        suggest_source(preview, known=known_sources(), id_column="Lead ID")
    assert len(queries) <= 6


# --- Held twice --------------------------------------------------------------------------------------


def test_leads_known_under_another_source_are_counted_before_the_first_row(tmp_path: Path) -> None:
    imported(a_file(tmp_path, "june.csv", 0, 40))
    [plan] = imported(a_file(tmp_path, "july.csv", 10, 60), replace(OPTIONS, source="july"))
    assert (plan.elsewhere.looked_at, plan.elsewhere.leads) == (50, 30)
    assert plan.elsewhere.sources == (("crm", 30),)


def test_the_same_source_holds_nothing_twice(tmp_path: Path) -> None:
    imported(a_file(tmp_path, "june.csv", 0, 40))
    a_lead("of another", source_system="hub")
    [plan] = imported(a_file(tmp_path, "july.csv", 10, 60))
    assert (plan.elsewhere.looked_at, plan.elsewhere.leads, plan.elsewhere.sources) == (50, 0, ())


def test_leads_that_are_held_twice_already_are_not_warned_of_again(tmp_path: Path) -> None:
    path = a_file(tmp_path, "june.csv", 0, 40)
    imported(path)
    imported(path, replace(OPTIONS, source="june"))
    [plan] = imported(path, replace(OPTIONS, source="june"))
    assert plan.elsewhere.leads == 0


def test_rows_known_by_their_content_are_found_too(tmp_path: Path) -> None:
    by_content = replace(OPTIONS, id=None)
    imported(a_file(tmp_path, "june.csv", 0, 40), by_content)
    [plan] = imported(a_file(tmp_path, "june (1).csv", 0, 45), replace(by_content, source="june-1"))
    assert plan.elsewhere.sources == (("crm", 40),)


def test_with_one_source_alone_nothing_is_looked_up(tmp_path: Path) -> None:
    imported(a_file(tmp_path, "june.csv", 0, 40))
    [plan] = imported(a_file(tmp_path, "july.csv", 0, 60))
    assert plan.elsewhere.looked_at == 0


def test_the_audit_keeps_both_kinds_of_warnings(tmp_path: Path) -> None:
    imported(a_file(tmp_path, "june.csv", 0, 40))
    path = a_file(tmp_path, "july.csv", 0, 50)
    run = store_upload(path.name, [path.read_bytes()], by=None)
    request_audit(run, replace(OPTIONS, source="july", converted_values=("1",)))
    work_on(run.pk, as_of=NOW)
    run.refresh_from_db()
    assert run.audit["elsewhere"] == {"looked_at": 50, "leads": 40, "sources": [["crm", 40]]}
    assert run.audit["warnings"] == []
    assert run.audit["feature_set"]["number"] == 1
