"""What every kind of file is turned into, and the limits every kind of file keeps."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scoring.ml.parsing import shown, unstorable

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

    `column` is "" when the problem is the whole row.
    """

    row: int
    column: str
    value: str
    expected: str


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


def checked_columns(header: Sequence[str | None]) -> tuple[tuple[str, ...], list[str]]:
    """The stripped column names, and notes about those that had none.

    Raises TableError for too many columns, two columns of one name, or a name no database can hold.
    """
    if len(header) > MAX_COLUMNS:
        raise TableError(f"The header has {len(header):,} columns; expected at most {MAX_COLUMNS:,}")
    names: list[str] = []
    unnamed: list[str] = []
    for position, cell in enumerate(header, start=1):
        name = (cell or "").strip()
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
    first_at: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if name in first_at:
            raise TableError(
                f"Two columns are called “{shown(name)}”: number {first_at[name]} and number {position}; "
                "expected every column name once"
            )
        first_at[name] = position
    notes = []
    if unnamed:
        plural = "s" if len(unnamed) > 1 else ""
        notes.append(
            f"Column{plural} {', '.join(unnamed[:10])} had no name and got “column …” with the number."
        )
    return tuple(names), notes


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
            return RowProblem(number, "", f"{len(cells)} cells", f"{len(columns)} cells, as in the header")
        cells = cells[: len(columns)]
    values: dict[str, str | None] = {}
    for column, cell in zip(columns, cells, strict=True):
        if cell is None or not cell:
            values[column] = None
        elif cell.isprintable() and len(cell) <= MAX_CELL:
            values[column] = cell
        else:
            problem = cell_problem(number, column, cell)
            if problem is not None:
                return problem
            values[column] = cell
    return RawRow(number, values)
