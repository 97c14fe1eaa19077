"""`import_leads` with files as they come, twice, dry, and what it prints."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
from django.core.management import call_command

from scoring.models import FeatureSet, ImportRun, Lead, Outcome
from tests.factories.files import lead_rows, write_csv, write_leads
from tests.factories.importing import HEADER, MAPPED, refused_rows, rows, run
from tests.factories.rows import counts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]

# --- Files as they come ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(";", "cp1252"), ("\t", "utf-16"), ("|", "utf-8-sig"), (",", "utf-8")]
)
def test_it_reads_any_delimiter_and_encoding(tmp_path: Path, delimiter: str, encoding: str) -> None:
    table = rows(12)
    table[1][2] = "Zürich, Straße"
    run(write_csv(tmp_path / "leads.csv", table, delimiter=delimiter, encoding=encoding))
    assert Lead.objects.count() == 12
    assert Lead.objects.get(external_id="L-0").attributes["Source"] == "Zürich, Straße"


@pytest.mark.parametrize("ending", ["xlsx", "parquet"])
def test_it_reads_excel_and_parquet_like_csv(tmp_path: Path, ending: str) -> None:
    table = rows(12)
    frame = pd.DataFrame(table[1:], columns=table[0])
    frame["Pages"] = frame["Pages"].astype(int)
    frame["Created"] = pd.to_datetime(frame["Created"])
    frame["Converted"] = frame["Converted"] == "1"
    path = tmp_path / f"leads.{ending}"
    frame.to_excel(path, index=False) if ending == "xlsx" else frame.to_parquet(path)
    result = run(path)
    assert (result["created"], result["converted"], result["refused"]) == (12, 6, 0)
    found = Lead.objects.get(external_id="L-3")
    assert found.created is not None
    assert found.created.isoformat() == "2026-01-04T00:00:00+00:00"
    assert found.attributes["Pages"] == "3"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("%d/%m/%Y", True),
        ("%m/%d/%Y", True),
        ("%Y-%m-%d", True),
        ("%d.%m.%Y %H:%M", True),
        ("%d %B %Y", True),
    ],
)
def test_it_reads_dates_in_the_column_s_own_format(tmp_path: Path, written: str, read: bool) -> None:
    table = rows(28)
    for row in table[1:]:
        row[1] = pd.Timestamp(row[1]).strftime(written)
    result = run(write_csv(tmp_path / "leads.csv", table))
    assert (result["refused"] == 0) is read
    created = Lead.objects.get(external_id="L-19").created
    assert created is not None
    assert created.date().isoformat() == "2026-01-20"


def test_dates_in_three_formats_in_one_column_are_not_guessed_in_silence(tmp_path: Path) -> None:
    table = rows(30)
    for index, row in enumerate(table[1:]):
        row[1] = pd.Timestamp(row[1]).strftime(["%Y-%m-%d", "%d/%m/%Y", "%d %b %Y"][index % 3])
    result = run(write_csv(tmp_path / "leads.csv", table))
    right = {f"L-{i}": f"2026-01-{i % 28 + 1:02d}" for i in range(30)}
    for lead in Lead.objects.all():
        assert lead.created is not None
        assert lead.created.date().isoformat() == right[lead.external_id], "no day and month swapped"
    assert result["created"] + result["refused"] == 30


def test_thousands_separators_are_read_as_the_column_writes_them(tmp_path: Path) -> None:
    table = [[*HEADER, "Revenue"], *([*row, ""] for row in rows(60)[1:])]
    for index, row in enumerate(table[1:]):
        if row[4] == "1":
            row[5] = f"{1000 + index * 37.5:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")
    run(write_csv(tmp_path / "leads.csv", table, delimiter=";"), revenue="Revenue", currency="EUR")
    outcome = Outcome.objects.get(lead__external_id="L-41")
    assert (str(outcome.revenue), outcome.currency) == ("2537.50", "EUR")


def test_unicode_headers_and_ids_of_255_characters_come_through(tmp_path: Path) -> None:
    table = [
        ["معرف", "Größe", "転換"],
        *([f"{'ä' * 252}{i:03d}", f"groß {i % 3} 🏢", str(i % 2)] for i in range(8)),
    ]
    run(
        write_csv(tmp_path / "leads.csv", table),
        id="معرف",
        converted="転換",
        created_at=None,
    )
    assert Lead.objects.get(external_id="ä" * 252 + "003").attributes == {"Größe": "groß 0 🏢"}


def test_an_id_of_256_characters_is_a_row_error(tmp_path: Path) -> None:
    table = rows()
    table[2][0] = "x" * 256
    [(row, column, _, expected)] = refused_rows(run(write_csv(tmp_path / "leads.csv", table)))
    assert (row, column, expected) == (3, "Lead ID", "an id of at most 255 characters")


# --- Twice, dry, and what it prints ------------------------------------------------------------------


def test_a_dry_run_writes_nothing_at_all(tmp_path: Path, place: Path) -> None:
    table = rows(12)
    table[4][1] = "sometime"
    before = counts()
    result = run(write_csv(tmp_path / "leads.csv", table), dry_run=True)
    assert counts() == before
    assert list(place.iterdir()) == []
    assert (result["dry_run"], result["run_id"], result["created"], result["refused"]) == (True, None, 11, 1)


def test_a_dry_run_after_an_import_says_that_nothing_would_change(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "leads.csv", rows(12))
    run(path)
    result = run(path, dry_run=True)
    assert (result["created"], result["updated"], result["unchanged"]) == (0, 0, 12)


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    path = write_leads(tmp_path / "leads.csv", lead_rows(300))
    run(path)
    everything = list(Lead.objects.order_by("id").values()), list(Outcome.objects.order_by("id").values())
    sets = FeatureSet.objects.count()
    again = run(path)
    assert (again["created"], again["updated"], again["unchanged"], again["outcomes_recorded"]) == (
        0,
        0,
        300,
        0,
    )
    assert (
        list(Lead.objects.order_by("id").values()),
        list(Outcome.objects.order_by("id").values()),
    ) == everything
    assert FeatureSet.objects.count() == sets


def test_importing_twice_without_ids_or_dates_changes_nothing(tmp_path: Path) -> None:
    table = [["Source", "Pages", "Converted"], *([r[2], str(int(r[3]) % 3), r[4]] for r in rows(40)[1:])]
    path = write_csv(tmp_path / "leads.csv", table)
    run(path, id=None, created_at=None)
    everything = list(Lead.objects.order_by("id").values())
    assert len(everything) == 40, "equal rows are leads of their own"
    again = run(path, id=None, created_at=None)
    assert (again["created"], again["unchanged"]) == (0, 40)
    assert list(Lead.objects.order_by("id").values()) == everything


def test_it_tells_people_what_happened(tmp_path: Path) -> None:
    table = rows(40)
    for row in table[2:18]:
        row[1] = "sometime"
    out = io.StringIO()
    call_command(
        "import_leads",
        str(write_csv(tmp_path / "leads.csv", table)),
        stdout=out,
        stderr=io.StringIO(),
        **MAPPED,
    )
    words = out.getvalue()
    assert "40 rows as source “leads”" in words
    assert "24 new, 0 changed, 0 unchanged, 16 refused" in words
    assert "row 3, Created: “sometime”; expected a date" in words
    assert "… and 6 more refused rows" in words
    assert "refused rows.csv" in words
    assert "Feature set 1 is active" in words


def test_outcomes_alone_may_follow_leads_already_known(tmp_path: Path) -> None:
    run(write_csv(tmp_path / "leads.csv", rows(12)), source="crm")
    sets = FeatureSet.objects.count()
    told = write_csv(tmp_path / "news.csv", [["Lead ID", "Converted"], ["L-2", "1"], ["L-3", "0"]])
    result = run(told, source="crm", created_at=None)
    assert (result["created"], result["updated"], result["feature_set_state"]) == (
        0,
        2,
        "active; the file tells outcomes only",
    )
    assert FeatureSet.objects.count() == sets
    assert Lead.objects.get(external_id="L-2").attributes["Source"] == "web"


def test_a_file_whose_columns_are_all_held_out_is_imported_and_waits_for_a_person(tmp_path: Path) -> None:
    table = [["Lead ID", "Signed contract", "Converted"]]
    table += [[str(i), "yes" if i % 2 else "", str(i % 2)] for i in range(200)]
    result = run(write_csv(tmp_path / "leads.csv", table), created_at=None)
    assert result["created"] == 200
    assert [column["feature"] for column in result["held_out"]] == ["Signed contract"]
    assert result["feature_set_state"].startswith("a draft: every column is held out.")
    assert FeatureSet.objects.get().state == "draft"
    assert ImportRun.objects.get().state == "done"


def test_leads_known_under_another_source_are_warned_of_before_they_are_held_twice(tmp_path: Path) -> None:
    run(write_csv(tmp_path / "june.csv", rows(12)), source="crm")
    july, err = write_csv(tmp_path / "july.csv", rows(20)), io.StringIO()
    result = run(july, dry_run=True, stderr=err)
    assert (
        "Warning: 12 of 20 leads looked at are known already under another source: “crm” (12)."
        in err.getvalue()
    )
    assert "import it with --source crm" in err.getvalue()
    assert result["elsewhere"] == {"looked_at": 20, "leads": 12, "sources": [["crm", 12]]}
    err = io.StringIO()
    run(july, source="crm", stderr=err)
    assert err.getvalue() == ""
    assert Lead.objects.count() == 20


def test_the_command_tells_how_a_draft_is_put_to_use(tmp_path: Path) -> None:
    run(write_csv(tmp_path / "leads.csv", rows(12)))
    table = [[*row, f"c{n % 3}" if n else "Campaign"] for n, row in enumerate(rows(40))]
    result = run(write_csv(tmp_path / "leads.csv", table))
    assert "manage.py feature_set activate 2 --reason TEXT" in result["feature_set_state"]
