"""A file of leads with every kind of dirt that people send, and what is to come of it."""

from __future__ import annotations

import csv
import io
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from tests.factories.files import lead_rows

TEXT, BOOK, ENCODED = "dirty.csv", "dirty.xlsx", "another encoding"

KINDS = {
    "title rows above the header": TEXT,
    "byte order mark": TEXT,
    "semicolons between cells": TEXT,
    "decimal commas": TEXT,
    "thousands marks": TEXT,
    "currency signs": TEXT,
    "mixed date styles": TEXT,
    "duplicate headers": TEXT,
    "blank header": TEXT,
    "blanks around header": TEXT,
    "trailing totals row": TEXT,
    "NUL": TEXT,
    "smart quotes": TEXT,
    "row too short": TEXT,
    "row too long": TEXT,
    "Select": TEXT,
    "N/A": TEXT,
    "quoted newlines": TEXT,
    "formula cells": TEXT,
    "leading zeros in ids": TEXT,
    "ids in scientific notation": TEXT,
    "duplicate ids": TEXT,
    "blank id": TEXT,
    "whitespace": TEXT,
    "invisible characters": TEXT,
    "yes and no in several spellings": TEXT,
    "outcome in several spellings": TEXT,
    "empty rows": TEXT,
    "empty column": TEXT,
    "very long cell": TEXT,
    "delimiter inside quotes": TEXT,
    "doubled quotes": TEXT,
    "two spellings of one letter": TEXT,
    "unreadable date": TEXT,
    "conversion in the future": TEXT,
    "two sheets": BOOK,
    "merged cells": BOOK,
    "formulas with a value": BOOK,
    "numbers as ids": BOOK,
    "dates as dates": BOOK,
    "windows encoding": ENCODED,
    "UTF-16": ENCODED,
    "CR line ends": ENCODED,
}

HEADER = [
    "Lead ID",
    " Created on ",
    "Source",
    "Budget",
    "Budget",
    "",
    "Notes",
    "Newsletter",
    "Owner",
    "City",
    "Status",
    "Closed on",
    "Deal value",
    "Empty",
]
YES = ("yes", "Y", "TRUE", "1", "x", "Ja ")
NO = ("no", "N", "FALSE", "0", "off", "nein")
NFD = unicodedata.normalize("NFD", "Zürich")


@dataclass(slots=True)
class Dirty:
    """What was written, and what must come of it."""

    path: Path
    leads: int = 0
    converted: int = 0
    refused: dict[int, str] = field(default_factory=dict)
    """Row number → a part of what was expected instead."""


def _rows(n: int) -> list[list[str]]:
    rows = []
    for number, row in enumerate(lead_rows(n, seed=3)):
        day = row["Created"][:10]
        year, month, date = day.split("-")
        created = (f"{date}.{month}.{year}", day, f"{int(date)} {_month(int(month))} {year}")[number % 3]
        won = row["Converted"] == "1"
        status = ("Won", " won", "WON")[number % 3] if won else ("Lost", "lost ", "LOST")[number % 3]
        flags = YES if row["Budget known"] == "yes" else NO
        amount = f"{1000 + 37 * number:,}".replace(",", ".")
        rows.append(
            [
                f"{number + 1:06d}",
                created,
                f"  {row['Source']}\u00a0" if number % 5 == 0 else row["Source"],
                f"{amount},50",
                str(number % 7),
                "kept" if number % 2 else "",
                f"“Quoted”, they said – no. {number}",
                flags[number % 6],
                ("Amal", "Ben")[number % 2],
                NFD if number % 2 else "Zürich",
                status if number % 11 else "",
                f"{date}.{month}.{year}" if won and number % 11 else "",
                f"€ {amount},00" if won and number % 11 else "",
                "",
            ]
        )
    return rows


def _month(number: int) -> str:
    return ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][number - 1]


def write_dirty_csv(path: Path, *, n: int = 300, encoding: str = "utf-8-sig", newline: str = "\r\n") -> Dirty:
    """A CSV with all kinds of `TEXT`, in this encoding and with these line ends."""
    made = Dirty(path)
    table = [["Leads export – first quarter"], ["Printed on 03.02.2026 by Ben"], [], HEADER]
    rows = _rows(n)
    rows[3][6] = "first line\nsecond line; still one cell"
    rows[4][6] = '=HYPERLINK("http://x.example","y")'
    rows[5][2] = "Select"
    rows[6][2] = "N/A"
    rows[7][0] = "\u200b000008\ufeff"
    rows[8][0] = "1,23E+09"
    rows[9][6] = 'she said "yes"'
    bad = {
        12: (6, "a\0b", "NUL"),
        14: (0, "000001", "used once in the file"),
        16: (0, "  ", "an id; the cell is blank"),
        18: (6, "long " * 2000, "at most 8,192 characters"),
        20: (1, "some day", "a date such as"),
    }
    for index, (column, value, expected) in bad.items():
        rows[index][column] = value
        made.refused[index] = expected
    rows[22][10:12] = ["Won", "31.12.2199"]
    made.refused[22] = "not in the future"
    rows[24] = rows[24][:9]
    made.refused[24] = "14 cells"
    rows[26] = [*rows[26], "one more"]
    made.refused[26] = "14 cells"
    for index, row in enumerate(rows):
        if index not in made.refused:
            made.leads += 1
            made.converted += row[10].strip().casefold() == "won"
    table += rows
    table.insert(4 + 100, [""] * len(HEADER))
    table.append([])
    table.append(["", "Total:", "", "999.999,00", *[""] * 8, "€ 1.234.567,00", ""])
    # A row's number counts records from the first one; the blank one in the middle comes after all faults.
    made.refused = {index + 5: expected for index, expected in made.refused.items()}
    made.refused[len(table)] = "line of totals"
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator=newline).writerows(table)
    path.write_bytes(out.getvalue().encode(encoding, "ignore"))
    return made


def write_dirty_book(path: Path, *, n: int = 200) -> Dirty:
    """A workbook: a sheet about it first, a merged title, typed cells, formulas, totals."""
    from datetime import date, datetime

    from openpyxl import Workbook

    made = Dirty(path)
    book = Workbook()
    about = book.active
    assert about is not None
    about.title = "About"
    about["A1"], about["B1"] = "Made by", "the CRM"
    about["A2"], about["B2"] = "Rows", n
    sheet = book.create_sheet("Leads")
    sheet["A1"] = "All leads of the year"
    sheet.merge_cells("A1:E1")
    sheet.append([])
    sheet.append(["Lead ID", "Created", "Source", "Pages", "Doubled", "Converted?"])
    for number, row in enumerate(lead_rows(n, seed=5)):
        created = datetime.strptime(row["Created"], "%Y-%m-%d %H:%M")  # noqa: DTZ007  Excel knows no zones
        sheet.append(
            [
                1_000_000 + number,
                created if number % 2 else date(created.year, created.month, created.day),
                row["Source"],
                float(row["Pages"] or 0),
                f"=D{number + 4}*2",
                ("Yes" if number % 2 else "y") if row["Converted"] == "1" else "No",
            ]
        )
        made.leads += 1
        made.converted += row["Converted"] == "1"
    sheet.append(["Total", None, None, None, f"=SUM(D4:D{n + 3})", None])
    made.refused[n + 4] = "line of totals"
    book.save(path)
    return made
