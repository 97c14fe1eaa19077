"""What every kind of file is turned into, and the limits every kind of file keeps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from scoring.ml.parsing import shown, unstorable, visible

MAX_COLUMNS = 2000
MAX_CELL = 1024 * 1024
"""Characters of one cell; a lead with more in one field is a mistake of the export."""


class TableError(ValueError):
    """A file that cannot be read as a table; the message says which, what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row of a file. `number` counts as a spreadsheet does: the header is row 1."""

    number: int
    values: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One row that could not be read: where, what was found, what was expected.

    `column` is "" when the problem is the whole row. `cells` are those of the row as far as they can be told apart.
    """

    row: int
    column: str
    value: str
    expected: str
    cells: tuple[str | None, ...] = field(default=(), compare=False, repr=False)


class SizeHint(NamedTuple):
    """How far the reading is, for a progress bar."""

    read: int
    total: int
    unit: str


Rows = Generator[RawRow | RowProblem, None, None]
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """One file behind a Table: the raw header, a note in words, a function that starts reading the rows."""

    name: str
    header: Sequence[str | None]
    note: str
    total: int
    unit: str
    rows: Callable[[tuple[str, ...], Advance], Rows]
    form: Mapping[str, str] = field(default_factory=dict)
    """How it was read, by the name of the option that changes it: delimiter, encoding, sheet, header_row; and, of a
    file of refused rows, the number of the import that refused them: refused_of."""
    sheets: tuple[str, ...] = ()
    unstored: Callable[[tuple[str, ...], int | None], Mapping[str, int]] = lambda columns, most: {}
    """Formulas without a stored result in the first rows (None: in all), by column."""


def checked_columns(header: Sequence[str | None]) -> tuple[tuple[str, ...], list[str]]:
    """The column names as people see them, and notes about those that had none or one that was taken.

    Raises TableError for too many columns, or a name no database can hold.
    """
    if len(header) > MAX_COLUMNS:
        raise TableError(f"The header has {len(header):,} columns; expected at most {MAX_COLUMNS:,}")
    names: list[str] = []
    unnamed: list[str] = []
    for position, cell in enumerate(header, start=1):
        name = " ".join(visible(cell or "").split())
        if not name:
            name = f"column {position}"
            unnamed.append(str(position))
        wrong = unstorable(name)
        if wrong is not None:
            raise TableError(
                f"Column {position} (“{shown(name)}”) has {wrong} in its name; expected readable text"
            )
        if len(name) > 500:
            raise TableError(
                f"Column {position} (“{shown(name)}”) has a name of {len(name):,} characters; "
                "expected at most 500: is the first row the header?"
            )
        names.append(name)
    again: dict[str, list[str]] = {}
    taken = set(names)
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            number = 2
            while f"{name} ({number})" in taken:
                number += 1
            names[index] = f"{name} ({number})"
            taken.add(names[index])
            again.setdefault(name, []).append(names[index])
        seen.add(names[index])
    notes = []
    if unnamed:
        plural = "s" if len(unnamed) > 1 else ""
        notes.append(
            f"Column{plural} {', '.join(unnamed[:10])} had no name and got “column …” with the number."
        )
    for name, others in list(again.items())[:10]:
        became = ", ".join(f"“{shown(other)}”" for other in others[:5])
        notes.append(
            f"The name “{shown(name)}” is there {len(others) + 1} times; the later ones became {became}."
        )
    return tuple(names), notes


HEADER_WITHIN = 40
"""Rows above the header that an export may put there: a title, a date, a filter."""


def find_header(records: Sequence[Sequence[str | None]]) -> int:
    """The index of the row that names the columns, among the first rows of a file.

    It is the first row that is not blank, unless that fills less than half of the file's usual width, as a title does:
    then the first one below that fills it with texts.
    """
    filled = [sum(1 for cell in record if cell and not cell.isspace()) for record in records]
    first = next((index for index, n in enumerate(filled) if n), 0)
    below = Counter(n for n in filled[first + 1 :] if n)
    if not below:
        return first
    # Rows of data are alike in width; a title, a note and a total are not.
    width = max(below, key=lambda n: (below[n] * min(n, 8), n))
    if width < 3 or filled[first] * 2 > width:
        return first
    for index in range(first + 1, min(len(records), first + HEADER_WITHIN)):
        if filled[index] * 2 > width and not any(map(_numeric, records[index])):
            return index
    return first


_NUMERIC = re.compile(
    r"\s*[-+(]?[\d.,\s]*\d[\d.,\s]*%?\)?\s*|\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*", re.DOTALL
)


def _numeric(cell: str | None) -> bool:
    return cell is not None and _NUMERIC.fullmatch(cell) is not None


def cell_problem(number: int, column: str, value: str) -> RowProblem | None:
    """Why this cell cannot be taken over, or None."""
    if len(value) > MAX_CELL:
        return RowProblem(
            number,
            column,
            shown(value),
            f"a cell of at most {MAX_CELL // 1024:,} KiB, got {len(value):,} characters",
        )
    wrong = unstorable(value)
    return None if wrong is None else RowProblem(number, column, shown(value), f"text without {wrong}")


def row_or_problem(number: int, columns: tuple[str, ...], cells: Sequence[str | None]) -> RawRow | RowProblem:
    """A row with one cell for each column, or what is wrong with it."""
    if len(cells) != len(columns):
        surplus = cells[len(columns) :]
        if len(cells) < len(columns) or any(cell and not cell.isspace() for cell in surplus):
            found, wanted = f"{len(cells)} cells", f"{len(columns)} cells, as in the header"
            return RowProblem(number, "", found, wanted, tuple(cells))
        cells = cells[: len(columns)]
    whole = "".join(filter(None, cells))
    if len(whole) <= MAX_CELL and whole.isprintable():
        # The usual row: one look at all of it.
        return RawRow(number, dict(zip(columns, [cell or None for cell in cells], strict=True)))
    values: dict[str, str | None] = {}
    for column, cell in zip(columns, cells, strict=True):
        if cell is None or not cell:
            values[column] = None
        elif cell.isprintable() and len(cell) <= MAX_CELL:
            values[column] = cell
        else:
            problem = cell_problem(number, column, cell)
            if problem is not None:
                return replace(problem, cells=tuple(cells))
            values[column] = cell
    return RawRow(number, values)
