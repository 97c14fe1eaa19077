"""The file of refused rows: raw, whole, as its source was written, and good to be mended and imported again."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from openpyxl import Workbook, load_workbook

from scoring.ml.reading import RawRow, TableError, open_table
from scoring.ml.reading_refused import marks
from scoring.models import ImportRun, Lead
from scoring.services.imports import (
    ImportOptions,
    ImportStopped,
    ImportSummary,
    chunks,
    import_file,
    store_upload,
)
from scoring.services.imports.errors import error_file_name, error_lines
from tests.factories.files import write_csv
from tests.factories.rows import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]

OPTIONS = ImportOptions(converted="Won", id="Id", created_at="Made", converted_at="Won on")
HEADER = ["Id", "Made", "Won", "Won on", "Notes"]
Table = list[list[str]]


def table(n: int = 70) -> Table:
    """A header and leads as a German export writes them; every third converted."""
    leads = [
        [
            f"L-{i}",
            f"{i % 15 + 13}.03.2025",
            "ja" if i % 3 == 0 else "nein",
            f"{i % 15 + 14}.03.2025" if i % 3 == 0 else "",
            f"ruft; {i}",
        ]
        for i in range(n)
    ]
    return [HEADER, *leads]


def run(
    path: Path, options: ImportOptions = OPTIONS, progress: Callable[[str, float], None] = lambda m, s: None
) -> ImportSummary:
    return import_file(path, options, requested_by=None, as_of=NOW, progress=progress)


def written(summary: ImportSummary) -> Path:
    return Path(settings.VAR_DIR) / "imports" / summary.error_file


def cells_of(path: Path, delimiter: str = ";") -> Table:
    text = path.read_text("utf-8")
    assert text.startswith("\ufeff"), "Excel takes a file without the mark for a Windows one"
    return list(csv.reader(text[1:].splitlines(keepends=True), delimiter=delimiter))


def test_it_is_written_as_its_source_with_the_raw_row_and_the_reason_in_front(tmp_path: Path) -> None:
    rows = table()
    rows[4][3] = "31.12.2199"
    rows[7][1] = "neulich"
    summary = run(write_csv(tmp_path / "leads-june.csv", rows, delimiter=";", encoding="cp1252"))
    assert written(summary).name == "leads-june refused rows.csv"
    assert cells_of(written(summary)) == [
        [*marks(ImportRun.objects.get().pk), *HEADER],
        ["5", "L-3", "Won on", "31.12.2199", "a date that is not in the future", *rows[4]],
        ["8", "L-6", "Made", "neulich", "a date such as 2026-03-14 or 14.03.2026 09:30", *rows[7]],
    ]


def test_mended_and_imported_again_its_rows_become_leads_like_the_others(tmp_path: Path) -> None:
    rows = table()
    rows[4][3], rows[7][1] = "31.12.2199", "neulich"
    rows[4][4], rows[7][4] = "=1+1", "'=so stood it"
    first = run(write_csv(tmp_path / "leads-june.csv", rows, delimiter=";"))
    refused = cells_of(written(first))
    assert (refused[1][9], refused[2][9]) == ("'=1+1", "''=so stood it")
    refused[1][8], refused[2][6] = "17.03.2025", "20.03.2025"
    refused.append([*[""] * 5, "L-99", "29.03.2025", "nein", "", "new"])
    mended = tmp_path / "leads-june refused rows (1).csv"
    again = run(write_csv(mended, refused, delimiter=";", encoding="utf-8-sig"))
    assert (again.source, again.created, again.refused) == ("leads-june", 3, 0)
    assert "It is a file of refused rows: the columns that say why are left aside." in again.format_note
    leads = {lead.external_id: lead for lead in Lead.objects.filter(source_system="leads-june")}
    assert len(leads) == 71
    assert leads["L-3"].attributes == {"Made": "16.03.2025", "Notes": "=1+1"}
    assert leads["L-6"].attributes["Notes"] == "'=so stood it"


def test_unmended_rows_are_refused_again_with_the_same_words(tmp_path: Path) -> None:
    rows = table()
    rows[4][3], rows[7][1] = "31.12.2199", "neulich"
    rows[5], rows[6] = rows[5][:3], [*rows[6], "too much"]
    first = run(write_csv(tmp_path / "leads.csv", rows, delimiter=";"))
    whole = [*rows, *cells_of(written(first))[1:]]
    back = [row[5:] for row in cells_of(written(first))[1:]]
    assert back == [rows[4], rows[5], rows[6], rows[7]]
    again = run(
        write_csv(
            tmp_path / "again refused rows.csv",
            [
                [*marks(1), *HEADER],
                *cells_of(written(first))[1:],
                *([*[""] * 5, *row] for row in whole[1:4] + whole[8:13]),
            ],
            delimiter=";",
        )
    )
    assert [(e.column, e.value, e.lead) for e in again.errors if e.column] == [
        ("Won on", "31.12.2199", "L-3"),
        ("Made", "neulich", "L-6"),
    ]
    assert [e.row for e in again.errors] == [2, 3, 4, 5]


def test_a_row_that_cannot_be_read_is_kept_as_far_as_its_cells_go(tmp_path: Path) -> None:
    lines = [",".join(row).replace("ruft; ", "ruft ") for row in table(20)]
    lines[3] = lines[3].replace("ruft", '"ruft')
    lines[6] = lines[6].replace("ruft", "Müller")
    lines[9] = lines[9].replace("ruft", "ru\0ft")
    content = "\n".join(lines).encode("utf-8").split(b"\n")
    content[6] = lines[6].encode("latin-1")
    content[12] = lines[12].replace("ruft", "Größe").encode("utf-8")
    path = tmp_path / "leads.csv"
    path.write_bytes(b"\n".join(content) + b"\n")
    summary = run(path, replace(OPTIONS, delimiter=","))
    found = {int(row[0]): row for row in cells_of(written(summary), ",")[1:]}
    assert [found[n][1] for n in (4, 7, 10)] == ["L-2", "L-5", "L-8"]
    assert [found[n][-1] for n in (4, 7, 10)] == ['"ruft 2', "Müller 5", "ru\ufffdft 8"]


def test_cut_values_and_cells_say_so_and_are_not_taken_for_whole_ones(tmp_path: Path) -> None:
    rows = table()
    rows[2][4] = "x" * 9000
    rows[5][0] = "y" * 300
    summary = run(write_csv(tmp_path / "leads.csv", rows, delimiter=";"))
    [long, wide] = cells_of(written(summary))[1:]
    assert (long[3], long[9]) == ("x" * 200 + "…", "x" * 8192 + "…")
    assert (wide[1], wide[5]) == ("y" * 200 + "…", "y" * 300)
    again = write_csv(
        tmp_path / "b.csv", [[*marks(1), *HEADER], long, wide, *([*[""] * 5, *r] for r in rows[6:])]
    )
    assert [error.column for error in run(again).errors] == ["Notes", "Id"]


def test_a_workbook_s_refused_rows_come_as_csv_and_may_come_back_as_a_workbook(tmp_path: Path) -> None:
    book = Workbook()
    rows = table()
    rows[4][3] = "31.12.2199"
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "leads june.xlsx")
    summary = run(tmp_path / "leads june.xlsx")
    assert written(summary).name == "leads june refused rows.csv"
    refused = cells_of(written(summary), ",")
    assert refused[1][5:] == rows[4]
    back = Workbook()
    refused[1][8] = "17.03.2025"
    for row in [*refused, *([None] * 5 + r for r in rows[1:4])]:
        back.active.append(row)
    back.save(tmp_path / "back.xlsx")
    assert load_workbook(tmp_path / "back.xlsx").active.max_column == 10
    again = run(tmp_path / "back.xlsx", replace(OPTIONS, source="leads-june"))
    assert (again.created, again.unchanged, again.refused) == (1, 3, 0)


def test_without_an_id_column_mended_rows_are_known_by_the_same_columns(tmp_path: Path) -> None:
    options = replace(OPTIONS, id=None)
    rows = table()
    rows[4][3] = "31.12.2199"
    first = run(write_csv(tmp_path / "leads.csv", rows, delimiter=";"), options)
    refused = cells_of(written(first))
    assert refused[1][1] == ""
    refused[1][8] = "17.03.2025"
    both = [*refused, *([*[""] * 5, *row] for row in rows[1:4])]
    again = run(write_csv(tmp_path / "leads refused rows.csv", both, delimiter=";"), options)
    assert (again.created, again.unchanged, again.refused) == (1, 3, 0)


def test_a_stopped_import_hands_out_what_it_refused_and_loses_none_when_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 4)
    rows = table()
    rows[2][1], rows[4][1], rows[10][1] = "neulich", "bald", "nie"
    path = write_csv(tmp_path / "leads.csv", rows, delimiter=";")

    def full_disk(message: str, share: float) -> None:
        if message == "Writing leads: 8 rows":
            raise OSError("No space left on device")

    with pytest.raises(ImportStopped):
        run(path, progress=full_disk)
    stopped = ImportRun.objects.get()
    assert [row[0] for row in cells_of(Path(settings.VAR_DIR) / "imports" / stopped.error_file)[1:]] == [
        "3",
        "5",
    ]
    ImportRun.objects.update(interrupted=True)
    summary = run(path)
    assert summary.run_id == stopped.pk
    assert [row[:4] for row in cells_of(written(summary))[1:]] == [
        ["3", "L-1", "Made", "neulich"],
        ["5", "L-3", "Made", "bald"],
        ["11", "L-9", "Made", "nie"],
    ]


def test_rows_that_were_refused_before_cells_were_kept_are_named_all_the_same(tmp_path: Path) -> None:
    old = ImportRun.objects.create(file_name="old.csv", source_system="old")
    old.row_errors.create(row_number=7, column="Made", value="neulich", expected="a date")
    assert list(error_lines(old))[1] == "7,,Made,neulich,a date\r\n"
    path = tmp_path / "old refused rows.csv"
    path.write_text("".join(error_lines(old)), "utf-8")
    with pytest.raises(TableError, match="without the rows themselves"):
        open_table(path)


def test_sent_back_on_the_page_it_has_the_answers_of_the_file_it_came_from(tmp_path: Path) -> None:
    rows = table()
    rows[4][3] = "31.12.2199"
    summary = run(write_csv(tmp_path / "leads.csv", rows, delimiter=";"), replace(OPTIONS, source="fair"))
    draft = store_upload("renamed.csv", [written(summary).read_bytes()], by=None)
    told = ImportOptions.from_json(draft.options)
    assert (draft.source_system, told) == ("fair", replace(OPTIONS, source="fair"))
    fewer = [[*marks(draft.pk), "Id", "Notes"], ["9", "", "", "", "", "1", "x"]]
    other = store_upload("other.csv", [write_csv(tmp_path / "other.csv", fewer).read_bytes()], by=None)
    unknown = [["Refused: row of import 987654321987654321", "Id"], ["9", "1"]]
    stranger = store_upload("odd.csv", [write_csv(tmp_path / "odd.csv", unknown).read_bytes()], by=None)
    assert [(one.source_system, one.options) for one in (other, stranger)] == [("other", {}), ("odd", {})]


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("leads-june.csv", "leads-june refused rows.csv"),
        ("Leads 2026.06.CSV.gz", "Leads 2026.06 refused rows.csv"),
        ("Käufer.xlsx", "Käufer refused rows.csv"),
        ('a"b/../c\n.csv', "a-b-..-c- refused rows.csv"),
        (".csv", "import refused rows.csv"),
        ("ü" * 200, "ü" * 75 + " refused rows.csv"),
    ],
)
def test_it_is_called_like_its_source(name: str, called: str) -> None:
    assert error_file_name(ImportRun(file_name=name)) == called


def test_the_columns_in_front_are_left_aside_wherever_they_went(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "moved.csv", [["Id", marks(1)[4], "Notes"], ["1", "a date", "'=1"], ["2", "", "-5"]]
    )
    opened = open_table(path)
    assert opened.columns == ("Id", "Notes")
    assert [row.values for [*chunk] in opened.chunks() for row in chunk if isinstance(row, RawRow)] == [
        {"Id": "1", "Notes": "=1"},
        {"Id": "2", "Notes": "-5"},
    ]
