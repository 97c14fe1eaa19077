"""Files of leads as raw texts: CSV, Excel and Parquet through one door, row by row, in flat memory.

Nothing is interpreted here: a cell is what the file holds, as text, and None where it holds nothing.
A file that cannot be read at all raises TableError; a row that cannot is a RowProblem among the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path

from scoring.ml.parsing import visible
from scoring.ml.reading_csv import open_csv
from scoring.ml.reading_refused import without_marks
from scoring.ml.tables import (
    MAX_CELL,
    MAX_COLUMNS,
    RawRow,
    RowProblem,
    Rows,
    SizeHint,
    Source,
    TableError,
    checked_columns,
)

__all__ = ["MAX_CELL", "MAX_COLUMNS", "RawRow", "RowProblem", "SizeHint", "Table", "TableError", "open_table"]

LAST_HEADER = 1000
_FOREIGN = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\xd0\xcf\x11\xe0", "an old Excel (.xls) or Office file: save it as .xlsx or CSV"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"SQLite format 3", "a SQLite database"),
    (b"Rar!", "a RAR archive"),
)


class Table:
    """An opened file: its columns, how it was read, and its rows as often as they are asked for."""

    def __init__(self, source: Source) -> None:
        self._source = source = without_marks(source)
        self._header = [_plain(name) for name in source.header]
        self._hint = SizeHint(0, source.total, source.unit)
        names, notes = checked_columns(source.header)
        self.columns: tuple[str, ...] = names
        self.format_note: str = " ".join([source.note, *notes])
        """What was detected and assumed, in words."""
        self.form: Mapping[str, str] = source.form
        self.sheets: tuple[str, ...] = source.sheets
        with closing(self._rows()) as rows:
            first = next(rows, None)
        if first is None:
            raise TableError(f"{source.name} has a header ({len(names)} columns) but no rows under it")

    @property
    def size_hint(self) -> SizeHint:
        """How much of the file the current `chunks` has read, of how much, in which unit."""
        return self._hint

    def chunks(self, size: int = 1000) -> Iterator[list[RawRow | RowProblem]]:
        """The rows in file order, `size` at a time; each call starts at the first row again."""
        rows = self._rows()
        while chunk := list(islice(rows, size)):
            yield chunk

    def unstored_formulas(self, most: int | None = None) -> Mapping[str, int]:
        """Column → cells that hold a formula whose result the file does not store, and so read as nothing: in the
        first `most` rows, or in all. Only Excel has such. Raises TableError where the file breaks off."""
        return self._source.unstored(self.columns, most)

    def _rows(self) -> Rows:
        first = self.columns[0] if self.columns else ""
        with closing(self._source.rows(self.columns, self._advance)) as rows:
            for item in rows:
                # Lists that were pasted together, or printed page by page, name their columns again and again.
                if isinstance(item, RawRow) and _plain(item.values[first]) == self._header[0]:
                    cells = tuple(item.values.values())
                    if len(cells) > 1 and [_plain(cell) for cell in cells] == self._header:
                        yield RowProblem(item.number, "", "the names of the columns again", "a lead", cells)
                        continue
                yield item

    def _advance(self, read: int) -> None:
        self._hint = SizeHint(min(read, self._source.total), self._source.total, self._source.unit)


def _plain(text: str | None) -> str:
    return " ".join(visible(text or "").split())


def open_table(
    path: str | Path,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
) -> Table:
    """Open a CSV (also gzip-compressed), Excel (.xlsx) or Parquet file; the content decides, not the name.

    `delimiter` and `encoding` override the detection for CSV, `sheet` chooses a sheet of an Excel file (else the one
    that looks most like leads), `header_row` the row with the names (from 1), where the one that was found is not it.
    Raises TableError, in words, when the file is missing, empty, not a table, or past a limit.
    """
    file = Path(path)
    if header_row is not None and not 1 <= header_row <= LAST_HEADER:
        raise TableError(f"header row {header_row}: expected a number from 1 to {LAST_HEADER}")
    if not file.exists():
        raise TableError(f"{file.name} was not found; expected a CSV, Excel or Parquet file")
    if not file.is_file():
        raise TableError(f"{file.name} is not a file; expected a CSV, Excel or Parquet file")
    try:
        with file.open("rb") as handle:
            head = handle.read(16)
    except OSError as error:
        raise TableError(f"{file.name} cannot be opened: {error.strerror}") from None
    if not head:
        raise TableError(f"{file.name} is empty; expected a header row and at least one lead")
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise TableError(f"{file.name} is {what}; expected a CSV, Excel (.xlsx) or Parquet file")
    # Imported where they are needed: no other process shall pay for openpyxl and pyarrow.
    if head.startswith(b"PK"):
        from scoring.ml.reading_excel import open_excel

        return Table(open_excel(file, sheet, header_row))
    if head.startswith(b"PAR1"):
        from scoring.ml.reading_parquet import open_parquet

        return Table(open_parquet(file))
    if delimiter is not None and len(delimiter) != 1:
        raise TableError(f"delimiter “{delimiter}”: expected one character, such as , or ;")
    return Table(open_csv(file, delimiter, encoding, header_row))
