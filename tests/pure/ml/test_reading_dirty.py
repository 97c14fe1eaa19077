"""Files with every kind of dirt, read as people mean them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from scoring.ml.column_roles import currency_of, guess_roles, means_converted
from scoring.ml.parsing import clean_text, visible
from scoring.ml.reading import RawRow, RowProblem, Table, TableError, open_table
from scoring.ml.tables import find_header
from tests.factories.dirty import KINDS, write_dirty_book, write_dirty_csv

COLUMNS = (
    *("Lead ID", "Created on", "Source", "Budget", "Budget (2)", "column 6", "Notes"),
    *("Newsletter", "Owner", "City", "Status", "Closed on", "Deal value", "Empty"),
)


def read(table: Table) -> tuple[list[RawRow], list[RowProblem]]:
    items = [item for chunk in table.chunks() for item in chunk]
    rows = [item for item in items if isinstance(item, RawRow)]
    return rows, [item for item in items if isinstance(item, RowProblem)]


def test_there_are_more_than_thirty_kinds() -> None:
    assert len(KINDS) >= 30


@pytest.mark.parametrize(
    ("encoding", "newline"),
    [("utf-8-sig", "\r\n"), ("cp1252", "\r\n"), ("utf-16", "\n"), ("utf-8", "\r")],
)
def test_the_dirty_file_is_read_in_any_encoding(tmp_path: Path, encoding: str, newline: str) -> None:
    dirty = write_dirty_csv(tmp_path / "dirty.csv", encoding=encoding, newline=newline)
    table = open_table(dirty.path)
    assert table.columns == COLUMNS
    assert "header in row 4" in table.format_note
    assert table.form["header_row"] == "4"
    rows, problems = read(table)
    assert [problem.row for problem in problems] == [17, 29, 31]
    first = rows[0].values
    assert (rows[0].number, first["Lead ID"], first["Budget"]) == (5, "000001", "1.000,50")
    assert rows[3].values["Notes"] == "first line\nsecond line; still one cell"
    assert all(any(row.values.values()) for row in rows), "empty rows are no rows"


def test_a_workbook_reads_the_sheet_that_is_named(tmp_path: Path) -> None:
    dirty = write_dirty_book(tmp_path / "dirty.xlsx")
    table = open_table(dirty.path, sheet="Leads")
    assert table.sheets == ("About", "Leads")
    assert table.columns == ("Lead ID", "Created", "Source", "Pages", "Doubled", "Converted?")
    rows, _ = read(table)
    assert (rows[0].number, rows[0].values["Lead ID"]) == (4, "1000000")


# --- The header --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "at"),
    [
        ([["a", "b"], ["1", "2"]], 0),
        ([[], ["", ""], ["a", "b"], ["1", "2"]], 2),
        ([["Export"], ["a", "b", "c"], ["1", "2", "3"], ["4", "5", "6"]], 1),
        ([["Export", "", ""], ["Printed", "2026-01-01", ""], ["a", "b", "c"], ["1", "2", "3"]], 2),
        ([["a", "", "c"], ["1", "2", "3"], ["4", "5", "6"]], 0),
        ([["only"], ["1"], ["2"]], 0),
        # Nothing below fills the width with texts: the first row stays the header.
        ([["a", "b"], ["1", "2", "3", "4", "5"], ["1", "2", "3", "4", "5"]], 0),
        ([["a", "b", "c"]], 0),
        ([[None, None], ["a", "b"]], 1),
    ],
)
def test_it_finds_the_row_with_the_names(records: list[list[str | None]], at: int) -> None:
    assert find_header(records) == at


def test_a_person_says_which_row_it_is(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("x,y,z\nid,won,pages\n1,yes,3\n")
    assert open_table(path).columns == ("x", "y", "z")
    assert open_table(path, header_row=2).columns == ("id", "won", "pages")
    with pytest.raises(TableError, match="nothing in row 9"):
        open_table(path, header_row=9)
    with pytest.raises(TableError, match="header row 0: expected a number from 1 to 1000"):
        open_table(path, header_row=0)


def test_names_that_came_up_before_get_a_number_that_is_free(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("a,a,a (2),a\n1,2,3,4\n")
    assert open_table(path).columns == ("a", "a (3)", "a (2)", "a (4)")


# --- Marks without a width ---------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["L-7", " L-7\u00a0", "\u200bL-7\ufeff", "L\u00ad-7", "\u202aL-7\u202c"])
def test_ids_are_what_people_see(text: str) -> None:
    assert visible(text) == "L-7"


def test_a_text_keeps_marks_inside_and_loses_them_at_its_ends() -> None:
    assert clean_text("\u200b می\u200cخواهم \ufeff") == "می\u200cخواهم"


# --- What columns are for ----------------------------------------------------------------------------


def guessed(**columns: list[str]) -> dict[str, str]:
    values = {name.replace("_", " "): Counter(v for v in cells if v) for name, cells in columns.items()}
    rows = max(map(len, columns.values()))
    return {role: guess.column for role, guess in guess_roles(values, rows=rows).items()}


def test_it_guesses_from_names_and_values() -> None:
    found = guessed(
        Lead_ID=[f"L{n}" for n in range(20)],
        Created_on=["2026-01-02"] * 20,
        Deal_stage=["Closed Won", "Closed Lost"] * 10,
        Amount=["1.200,50 €", ""] * 10,
        Close_date=["02.03.2026", ""] * 10,
        Sales_rep=["Amal", "Ben"] * 10,
        Country=["AE", "DE"] * 10,
    )
    assert found == {
        "id": "Lead ID",
        "created_at": "Created on",
        "converted": "Deal stage",
        "revenue": "Amount",
        "converted_at": "Close date",
        "owner": "Sales rep",
    }


@pytest.mark.parametrize(
    "columns",
    [
        {"Country": ["AE", "DE"] * 5},
        {"Newsletter": ["yes", "no"] * 5},
        {"Newsletter_(y/n)": ["yes", "no"] * 5},
        {"Newsletter_status": ["yes", "no"] * 5},
        {"Lead_subscribed": ["1", "0"] * 5},
        {"Budget_known_(y/n)": ["y", "n"] * 5},
        {"Lead_ID": ["1"] * 10},
        {"Created": ["soon"] * 10},
        {"Code": ["0", "1", "2", "3", "4"] * 2},
        {"Interested": ["yes", "no", "perhaps"] * 4},
        {"Revenue": ["high", "low"] * 5},
        {"Notes": [""] * 10},
    ],
)
def test_it_guesses_nothing_where_nothing_speaks_for_it(columns: dict[str, list[str]]) -> None:
    assert guessed(**columns) == {}


@pytest.mark.parametrize("name", ["Converted", "y", "Kunde", "Became a customer", "Signed (y/n)"])
def test_yes_and_no_are_an_outcome_where_the_name_says_so(name: str) -> None:
    assert guessed(**{name: ["yes", "no"] * 5, "Newsletter_status": ["yes", "no"] * 5})["converted"] == name


def test_an_outcome_in_many_spellings_is_still_the_outcome() -> None:
    words = ("yes", "ja", "true", "no", "nein", "false")
    cells = [*words, *map(str.title, words), *map(str.upper, words), "yse", "n/a", "-"]
    reasons = ["signed contract", "too expensive", "bad timing"] * 7
    assert len(set(cells)) == 21
    assert guessed(**{"Won?": cells, "Closed_reason": reasons})["converted"] == "Won?"


def test_the_names_of_the_columns_in_the_middle_of_a_list_are_no_lead(tmp_path: Path) -> None:
    path = tmp_path / "pasted.csv"
    path.write_text("Lead ID,Source,Source,\n1,a,b,c\n Lead ID,Source,Source,\nLead ID,Source,b,\n", "utf-8")
    read = [item for chunk in open_table(path).chunks() for item in chunk]
    assert [item.number if isinstance(item, RawRow) else item.row for item in read] == [2, 3, 4]
    again = read[1]
    assert isinstance(again, RowProblem)
    assert (again.column, again.value, again.expected) == ("", "the names of the columns again", "a lead")
    assert again.cells == (" Lead ID", "Source", "Source", None), "a file of refused rows shows it whole"
    assert isinstance(read[2], RawRow), "one cell that differs makes it a row like any other"


def test_a_list_of_one_column_may_hold_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("Status\nStatus\nwon\n", "utf-8")
    assert [type(item) for chunk in open_table(path).chunks() for item in chunk] == [RawRow, RawRow]


def test_what_nearly_all_values_are_is_not_said_of_all() -> None:
    dates = Counter({f"2026-01-{day:02d}": 10 for day in range(1, 30)} | {"soon": 1})
    assert guess_roles({"Created": dates}, rows=291)["created_at"].why.startswith("99.7 % of its values")


@pytest.mark.parametrize(
    ("value", "converted"),
    [
        ("Closed Won", True),
        ("yes", True),
        ("Customer", True),
        ("Not converted", False),
        ("Lost", False),
        ("", False),
    ],
)
def test_it_knows_words_that_mean_converted(value: str, converted: bool) -> None:
    assert means_converted(value) is converted


@pytest.mark.parametrize(
    ("name", "cells", "code"),
    [
        ("Revenue (AED)", {}, "AED"),
        ("Value", {"€ 5": 1}, "EUR"),
        ("Value", {"5 USD": 1}, "USD"),
        ("Value", {"5": 1}, ""),
    ],
)
def test_it_reads_the_currency_off_the_column(name: str, cells: dict[str, int], code: str) -> None:
    assert currency_of(name, cells) == code
