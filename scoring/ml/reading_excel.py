"""Excel workbooks (.xlsx), one sheet, row by row, checked for size before anything is unpacked."""

from __future__ import annotations

import datetime as dt
import math
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from scoring.ml.tables import Advance, Rows, Source, TableError, find_header, row_or_problem

MAX_UNPACKED = 512 * 1024 * 1024
MAX_RATIO = 250
"""Sheets of numbers shrink 10 to 30 times."""
_RATIO_FREE = 16 * 1024 * 1024
FIRST_ROWS = 200
_BROKEN = (
    InvalidFileException,
    zipfile.BadZipFile,
    zlib.error,
    SyntaxError,  # of which XML's ParseError is one
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OSError,
    EOFError,
)
"""What openpyxl raises when a part of a workbook is missing, cut or not what it says."""


def open_excel(path: Path, sheet: str | None, header_row: int | None = None) -> Source:
    """Describe how the rows of a sheet are read: the named one, or the first that holds anything.

    Raises TableError when the file is no workbook, unpacks to too much, or has no such sheet.
    """
    _check_archive(path)
    book = _load(path)
    try:
        names = [str(name) for name in book.sheetnames]
        if sheet is not None and sheet not in names:
            raise TableError(f"{path.name} has no sheet “{sheet}”; it has {', '.join(names)}")
        for name in [sheet] if sheet is not None else names:
            first = list(islice(_cells(book, name), max(FIRST_ROWS, header_row or 0)))
            if not any(map(any, (cells for _, cells in first))):
                continue
            at = find_header([cells for _, cells in first]) if header_row is None else header_row - 1
            if at >= len(first) or not _trimmed(first[at][1]):
                raise TableError(
                    f"Sheet “{name}” has nothing in row {header_row}; expected the names of columns"
                )
            number, cells = first[at]
            others = [other for other in names if other != name]
            note = f"Read as Excel, sheet “{name}”"
            note += f" (not read: {', '.join(others[:5])})" if others else ""
            note += f", header in row {number}." if number > 1 else "."
            return Source(
                path.name,
                _trimmed(cells),
                note,
                _row_count(book, name),
                "rows",
                _reader(path, name, number),
                form={"sheet": name, "header_row": str(number)},
                sheets=tuple(names),
            )
    finally:
        book.close()
    raise TableError(f"{path.name} holds no cells; expected a header row and at least one lead")


def _reader(path: Path, sheet: str, header_row: int) -> Any:
    def rows(columns: tuple[str, ...], advance: Advance) -> Rows:
        book = _load(path)
        try:
            for number, cells in _cells(book, sheet):
                if number <= header_row or not any(cells):
                    continue
                advance(number)
                padded = [*cells, *[None] * (len(columns) - len(cells))]
                yield row_or_problem(number, columns, padded)
        finally:
            book.close()

    return rows


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            names = {info.filename for info in infos}
            unpacked = sum(info.file_size for info in infos)
            if "xl/workbook.xml" not in names:
                raise TableError(
                    f"{path.name} is a zip archive but no Excel workbook; expected .xlsx, CSV or Parquet"
                )
            size = max(path.stat().st_size, 1)
            if unpacked > MAX_UNPACKED or (unpacked > _RATIO_FREE and unpacked > size * MAX_RATIO):
                raise TableError(
                    f"{path.name} unpacks to {unpacked // 2**20:,} MiB from {size // 2**10:,} KiB; "
                    "expected at most "
                    f"{MAX_UNPACKED // 2**20:,} MiB and {MAX_RATIO} times its size"
                )
            for info in infos:
                if info.filename.endswith((".xml", ".rels")):
                    with archive.open(info) as part:
                        if b"<!DOCTYPE" in part.read(1024).upper():
                            raise TableError(
                                f"{path.name} declares a document type in {info.filename}; no workbook does"
                            )
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise TableError(f"{path.name} cannot be unpacked as an Excel workbook: {error}") from None


def _load(path: Path) -> Any:
    with warnings.catch_warnings():
        # openpyxl warns about styles and validations that carry no data.
        warnings.simplefilter("ignore")
        try:
            return load_workbook(path, read_only=True, data_only=True, keep_links=False)
        except _BROKEN as error:
            raise TableError(f"{path.name} cannot be read as an Excel workbook: {error}") from None


def _row_count(book: Any, name: str) -> int:
    return int(getattr(book[name], "max_row", None) or 0)


def _cells(book: Any, name: str) -> Iterator[tuple[int, list[str | None]]]:
    sheet = book[name]
    if not hasattr(sheet, "iter_rows"):
        return
    rows = sheet.iter_rows(values_only=True)
    number = 0
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                values = next(rows)
            except StopIteration:
                return
            except _BROKEN as error:
                raise TableError(f"Sheet “{name}” breaks off after row {number}: {error}") from None
        number += 1
        yield number, [cell_text(value) for value in values]


def _trimmed(cells: list[str | None]) -> list[str | None]:
    while cells and not (cells[-1] or "").strip():
        cells = cells[:-1]
    return cells


def cell_text(value: object) -> str | None:
    """A typed cell as the text a CSV export would hold; None for nothing (and for NaN)."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, dt.datetime) and (value.tzinfo is not None or value.time() != dt.time()):
        return value.isoformat(sep=" ")
    return value.date().isoformat() if isinstance(value, dt.datetime) else str(value)


def _float_text(value: float) -> str | None:
    if math.isnan(value):
        return None
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
