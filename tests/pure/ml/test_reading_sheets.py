"""Workbooks of several sheets, and cells whose formula has no stored result."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from scoring.ml.reading import RawRow, TableError, open_table
from scoring.ml.sheets import likeness_to_leads

LEADS = [["Lead ID", "Created", "Country", "Status"]] + [
    [f"L{n}", f"2026-01-{n + 1:02d}", ("AE", "DE")[n % 2], ("Won", "Lost")[n % 2]] for n in range(20)
]
ABOUT = [["Exported by the CRM"]]
LISTS = [["Code", "Meaning"]] + [[str(n), f"meaning {n}"] for n in range(300)]


def a_book(path: Path, hidden: Sequence[str] = (), **sheets: Iterable[Sequence[object]]) -> Path:
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        if name in hidden:
            sheet.sheet_state = "hidden"
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_the_sheet_that_looks_like_leads_is_opened_wherever_it_stands(tmp_path: Path) -> None:
    path = a_book(tmp_path / "book.xlsx", About=ABOUT, Lists=LISTS, Export=LEADS, Empty=[])
    table = open_table(path)
    assert table.columns == ("Lead ID", "Created", "Country", "Status")
    assert table.sheets == ("About", "Lists", "Export", "Empty")
    assert table.format_note == (
        "Read as Excel, sheet “Export”, which of 4 sheets looks most like a list of leads "
        "(not read: About, Lists, Empty)."
    )


def test_a_named_sheet_is_opened_without_a_word_about_choosing(tmp_path: Path) -> None:
    table = open_table(a_book(tmp_path / "book.xlsx", Lists=LISTS, Export=LEADS), sheet="Lists")
    assert table.format_note == "Read as Excel, sheet “Lists” (not read: Export)."


def test_a_hidden_sheet_gives_way_to_one_that_people_see(tmp_path: Path) -> None:
    path = a_book(tmp_path / "a.xlsx", hidden=["Old"], Old=LEADS, Lists=LISTS)
    assert open_table(path).form["sheet"] == "Lists"
    path = a_book(tmp_path / "b.xlsx", hidden=["Old"], Old=LEADS, About=ABOUT)
    assert open_table(path).form["sheet"] == "Old", "no other one holds rows"


def test_an_empty_sheet_that_was_named_tells_of_the_others(tmp_path: Path) -> None:
    path = a_book(tmp_path / "book.xlsx", Leads=LEADS, Empty=[])
    with pytest.raises(TableError, match=r"Sheet “Empty” of book\.xlsx holds no cells; the others are Leads"):
        open_table(path, sheet="Empty")


def test_a_header_alone_is_like_no_leads() -> None:
    assert likeness_to_leads(LEADS[:1]) == 0.0
    assert likeness_to_leads([]) == 0.0
    assert likeness_to_leads([[c or None for c in row] for row in LEADS]) > likeness_to_leads(LISTS)


def stored(path: Path, cell: str, result: str) -> None:
    """Put a result into a formula's cell, as Excel does when it saves."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    pattern = rf'(<c r="{cell}"[^>]*><f>[^<]*</f>)<v\s*/?>(</v>)?'
    assert re.search(pattern, sheet)
    parts["xl/worksheets/sheet1.xml"] = re.sub(pattern, rf"\1<v>{result}</v>", sheet).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_formulas_without_a_result_are_counted_by_column(tmp_path: Path) -> None:
    rows = [["Lead ID", "Pages", "Doubled", "Half"]] + [
        [f"L{n}", n, f"=B{n}*2", f"=B{n}/2" if n % 2 else n / 2] for n in range(2, 12)
    ]
    path = a_book(tmp_path / "book.xlsx", Leads=rows)
    assert open_table(path).unstored_formulas() == {"Doubled": 10, "Half": 5}
    assert open_table(path).unstored_formulas(4) == {"Doubled": 4, "Half": 2}
    stored(path, "C2", "4")
    table = open_table(path)
    assert table.unstored_formulas() == {"Doubled": 9, "Half": 5}
    assert next(table.chunks())[0].values["Doubled"] == "4"  # type: ignore[union-attr]


def test_a_formula_drawn_down_below_the_list_is_not_counted(tmp_path: Path) -> None:
    rows = [["Lead ID", "Pages"], ["L1", 1], *([None, f"=A{n}"] for n in range(3, 9))]
    assert open_table(a_book(tmp_path / "book.xlsx", Leads=rows)).unstored_formulas() == {}


def test_files_without_formulas_have_none_to_count(tmp_path: Path) -> None:
    assert open_table(a_book(tmp_path / "book.xlsx", Leads=LEADS)).unstored_formulas() == {}
    (tmp_path / "leads.csv").write_text("id,sum\n1,=A1\n")
    assert open_table(tmp_path / "leads.csv").unstored_formulas() == {}


def test_ids_keep_the_zeros_that_their_format_shows(tmp_path: Path) -> None:
    path = a_book(
        tmp_path / "ids.xlsx", Leads=[["Lead ID", "Deal"], [42, 42], ["00043", 1.5], [-7, 7], [1234567, 1]]
    )
    book = load_workbook(path)
    for row in book["Leads"].iter_rows(min_row=2, max_col=1):
        row[0].number_format = "00000"
    book["Leads"]["B3"].number_format = "00"
    book.save(path)
    read = [item.values for chunk in open_table(path).chunks() for item in chunk if isinstance(item, RawRow)]
    assert [row["Lead ID"] for row in read] == ["00042", "00043", "-7", "1234567"]
    assert [row["Deal"] for row in read] == ["42", "1.5", "7", "1"]
