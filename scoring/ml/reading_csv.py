"""CSV of any delimiter, encoding and quoting, read as a stream; gzip-compressed or not."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from scoring.ml.csv_dialect import CsvForm, decide_encoding, decide_form, scan_bytes
from scoring.ml.parsing import shown
from scoring.ml.tables import (
    MAX_CELL,
    Advance,
    RawRow,
    RowProblem,
    Rows,
    Source,
    TableError,
    find_header,
    row_or_problem,
)

MAX_RECORD = 16 * MAX_CELL
MAX_GZIP_RATIO = 200
"""Exports of leads shrink 5 to 20 times; a thousandfold is an attack, not a table."""
_GZIP_FREE = 64 * 1024 * 1024
_HEAD = 256 * 1024
FIRST_ROWS = 200


def open_csv(
    path: Path, delimiter: str | None, encoding: str | None, header_row: int | None = None
) -> Source:
    """Detect encoding, delimiter and quoting of a file and describe how its rows are read.

    Raises TableError when the file is not a text table or its header cannot be read.
    """
    scan = scan_bytes(_blocks(path), path.name)
    head_bytes = _head(path)
    chosen, encoding_note = decide_encoding(scan, head_bytes, encoding, path.name)
    head = head_bytes.decode(chosen, errors="surrogateescape" if chosen.startswith("utf-8") else "replace")
    form = decide_form(head, delimiter, truncated=len(head_bytes) == _HEAD)
    with closing(_Lines(path, chosen, form)) as lines:
        first = lines.first(max(FIRST_ROWS, header_row or 0))
    if not any(any(cell.strip() for cell in record) for record in first):
        raise TableError(f"{path.name} holds no text; expected a header row and at least one lead")
    at = find_header(first) if header_row is None else header_row - 1 - form.skip
    if not 0 <= at < len(first) or not any(cell.strip() for cell in first[at]):
        raise TableError(f"{path.name} has nothing in row {header_row}; expected the names of the columns")
    header = first[at]
    if any("\ud800" <= mark <= "\udfff" for cell in header for mark in cell):
        raise TableError(
            f"{path.name}: the header row has bytes that are not {chosen}; expected one encoding throughout"
        )
    mixed = scan.foreign_bytes > 0 and scan.utf8_sequences > 0

    def rows(columns: tuple[str, ...], advance: Advance) -> Rows:
        with closing(_Lines(path, chosen, form)) as again:
            yield from _rows(again, columns, chosen, mixed, at, advance)

    packed = "gzip-compressed " if _is_gzip(path) else ""
    note = f"Read as {packed}CSV: {form.words()}, {encoding_note}"
    number = at + 1 + form.skip
    note += f", header in row {number}." if any(any(map(str.strip, record)) for record in first[:at]) else "."
    told = {"delimiter": form.delimiter, "encoding": chosen, "header_row": str(number)}
    return Source(path.name, header, note, scan.total, "bytes", rows, form=told)


class _Lines:
    """The physical lines of a file; those of the current record are kept so that they can be read again."""

    def __init__(self, path: Path, encoding: str, form: CsvForm) -> None:
        errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
        self._text = io.TextIOWrapper(_open(path), encoding=encoding, errors=errors, newline="")
        self._again: deque[str] = deque()
        self.record: list[str] = []
        self.too_long = False
        self.read_bytes = 0
        self._wide = 2 if encoding.startswith("utf-16") else 1
        self.skipped = form.skip
        for _ in range(form.skip):
            self._text.readline(MAX_RECORD)
        # The limit belongs to the whole process and its default refuses long notes; it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD))
        # A lenient reader: the reader must survive what it is there to report.
        self._form: dict[str, Any] = {
            "delimiter": form.delimiter,
            "quotechar": form.quote,
            "doublequote": form.escape is None,
            "escapechar": form.escape,
            "skipinitialspace": form.skip_blank,
        }
        self.records = csv.reader(self, **self._form)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._text.readline(MAX_RECORD)
        if not line:
            raise StopIteration
        self.read_bytes += len(line) * self._wide
        if len(line) >= MAX_RECORD and not line.endswith(("\n", "\r")):
            self.too_long = True
            while (rest := self._text.readline(MAX_RECORD)) and not rest.endswith(("\n", "\r")):
                self.read_bytes += len(rest)
            line = "\n"
        self.record.append(line)
        return line

    def again(self, lines: list[str]) -> None:
        """Put lines back, to be read as records of their own."""
        self._again.extendleft(reversed(lines))

    def close(self) -> None:
        """Let go of the file."""
        self._text.close()

    def apart(self, line: str) -> tuple[str, ...]:
        """The cells of a line whose quotes mean nothing."""
        return tuple(line.rstrip("\r\n").split(self._form["delimiter"]))

    def well_closed(self) -> bool:
        """Whether the quotes of the current record open and close where they should."""
        try:
            deque(csv.reader(self.record, strict=True, **self._form), maxlen=0)
        except csv.Error:
            return False
        return True

    def first(self, limit: int) -> list[list[str]]:
        """The first records, blank ones included."""
        found: list[list[str]] = []
        try:
            for record in islice(self.records, limit):
                self.record.clear()
                found.append(record)
        except (csv.Error, UnicodeError) as error:
            # Rows that cannot be read are reported one by one; a header that cannot is the end.
            if not any(any(cell.strip() for cell in record) for record in found):
                raise TableError(f"The header row cannot be read: {error}") from None
        return found


def _rows(
    lines: _Lines, columns: tuple[str, ...], encoding: str, mixed: bool, header_at: int, advance: Advance
) -> Rows:
    deque(islice(lines.records, header_at + 1), maxlen=0)
    number = 1 + lines.skipped + header_at
    width = len(columns)
    while True:
        lines.record.clear()
        lines.too_long = False
        broken = ""
        try:
            cells = next(lines.records)
        except StopIteration:
            return
        except UnicodeError as error:
            yield RowProblem(
                number + 1,
                "",
                f"byte {getattr(error, 'start', 0)}",
                f"text in {encoding}; the rest was not read",
            )
            return
        except csv.Error as error:
            cells, broken = [], str(error)
        number += 1
        advance(lines.read_bytes)
        torn = len(lines.record) > 1 and (len(cells) != width or not lines.well_closed())
        if lines.too_long:
            yield RowProblem(number, "", f"more than {MAX_RECORD:,} characters", "a row of usual length")
        elif torn:
            # A quote that is never closed swallows the rows after it: report its line, read the rest again.
            first, *rest = lines.record
            expected = "every opened quote closed in the same cell"
            yield RowProblem(number, "", shown(first.strip()), expected, lines.apart(first))
            lines.again(rest)
        elif broken:
            line = lines.record[0]
            yield RowProblem(number, "", shown(line.strip()), f"a row of CSV ({broken})", lines.apart(line))
        elif any(cells) and not (width > 1 and all(map(_blank, cells))):
            yield _checked(number, columns, cells, encoding, mixed)


def _blank(cell: str) -> bool:
    return not cell or cell.isspace()


def _checked(
    number: int, columns: tuple[str, ...], cells: list[str], encoding: str, mixed: bool
) -> RawRow | RowProblem:
    if mixed:
        for position, cell in enumerate(cells[: len(columns)]):
            if cell.isascii():
                continue
            found = _foreign(cell, encoding)
            if found is not None:
                return RowProblem(number, columns[position], found[0], found[1], tuple(cells))
    return row_or_problem(number, columns, cells)


def _foreign(cell: str, encoding: str) -> tuple[str, str] | None:
    """The cell as shown and what was expected, when its bytes are in another encoding than the file's."""
    if encoding.startswith("utf-8"):
        for mark in cell:
            if "\udc80" <= mark <= "\udcff":
                readable = cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
                return shown(
                    readable
                ), f"UTF-8 like the rest of the file, got byte 0x{ord(mark) - 0xDC00:02X}"
        return None
    try:
        readable = cell.encode(encoding).decode("utf-8")
    except UnicodeError:
        return None
    byte = cell.encode(encoding)[next(i for i, mark in enumerate(cell) if not mark.isascii())]
    return shown(readable), f"{encoding} like the rest of the file, got UTF-8 (byte 0x{byte:02X})"


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(2) == b"\x1f\x8b"


def _open(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if _is_gzip(path) else path.open("rb")


def _blocks(path: Path) -> Iterator[bytes]:
    """The content in blocks, unpacked. Raises TableError when it unpacks to far more than it should."""
    packed = path.stat().st_size if _is_gzip(path) else 0
    total = 0
    with _open(path) as handle:
        while True:
            try:
                block = handle.read(1024 * 1024)
            except (OSError, EOFError, zlib.error) as error:
                raise TableError(
                    f"{path.name} cannot be unpacked: {error}; expected a whole gzip file"
                ) from None
            if not block:
                return
            total += len(block)
            if packed and total > _GZIP_FREE and total > packed * MAX_GZIP_RATIO:
                raise TableError(
                    f"{path.name} unpacks to more than {MAX_GZIP_RATIO} times its size; "
                    "expected a compressed table"
                )
            yield block


def _head(path: Path) -> bytes:
    with _open(path) as handle:
        return handle.read(_HEAD)
