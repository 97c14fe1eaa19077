"""Excel workbooks (.xlsx), one sheet, row by row, checked for size before anything is unpacked."""

from __future__ import annotations

import datetime as dt
import math
import re
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from scoring.ml.sheets import likeness_to_leads
from scoring.ml.tables import Advance, Rows, Source, TableError, find_header, row_or_problem

MAX_UNPACKED = 512 * 1024 * 1024
MAX_RATIO = 250
"""Sheets of numbers shrink 10 to 30 times."""
_RATIO_FREE = 16 * 1024 * 1024
FIRST_ROWS = 200
_ZEROS = re.compile("0{2,18}")
"""The format of numbers that are shown with leading zeros, as ids are: 00042."""
_FORMULA = re.compile(rb"<(?:\w{1,50}:)?f[\s/>]")
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
    """Describe how the rows of a sheet are read: the named one, or the one that looks most like leads.

    Raises TableError when the file is no workbook, unpacks to too much, or has no such sheet.
    """
    _check_archive(path)
    book = _load(path)
    try:
        names = [str(name) for name in book.sheetnames]
        if sheet is not None and sheet not in names:
            raise TableError(f"{path.name} has no sheet “{sheet}”; it has {', '.join(names)}")
        most = max(FIRST_ROWS, header_row or 0)
        heads = {
            name: list(islice(_cells(book, name), most)) for name in ([sheet] if sheet is not None else names)
        }
        name = sheet if sheet is not None else _most_like_leads(book, heads)
        first = heads[name]
        if not any(any(cells) for _, cells in first):
            raise TableError(
                f"{path.name} holds no cells; expected a header row and at least one lead"
                if sheet is None or len(names) == 1
                else f"Sheet “{name}” of {path.name} holds no cells; the others are {_others(names, name)}"
            )
        at = find_header([cells for _, cells in first]) if header_row is None else header_row - 1
        if at >= len(first) or not _trimmed(first[at][1]):
            raise TableError(f"Sheet “{name}” has nothing in row {header_row}; expected the names of columns")
        number, cells = first[at]
        note = f"Read as Excel, sheet “{name}”"
        if len(names) > 1:
            chosen = (
                f", which of {len(names)} sheets looks most like a list of leads" if sheet is None else ""
            )
            note += f"{chosen} (not read: {_others(names, name)})"
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
            unstored=_unstored(path, name, number),
        )
    finally:
        book.close()


def _most_like_leads(book: Any, heads: Mapping[str, list[tuple[int, list[str | None]]]]) -> str:
    """The sheet to open when nobody named one. A hidden one only where no other holds rows; of equals the first."""

    def rank(name: str) -> tuple[bool, float]:
        likeness = likeness_to_leads([cells for _, cells in heads[name]])
        return getattr(book[name], "sheet_state", "visible") == "visible" and likeness > 0, likeness

    return max(heads, key=rank)


def _others(names: list[str], chosen: str) -> str:
    others = [name for name in names if name != chosen]
    return ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")


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


def _unstored(
    path: Path, sheet: str, header_row: int
) -> Callable[[tuple[str, ...], int | None], Counter[str]]:
    def count(columns: tuple[str, ...], most: int | None) -> Counter[str]:
        found: Counter[str] = Counter()
        if not _has_formulas(path):
            return found
        results, formulas = _load(path), _load(path, formulas=True)
        try:
            rows = zip(_values(results, sheet), _values(formulas, sheet), strict=False)
            for (number, read), (_, told) in rows:
                if most is not None and number > header_row + most:
                    break
                # A row of nothing but such cells is a formula drawn down below the list.
                if number > header_row and any(value is not None for value in read):
                    found.update(
                        column
                        for column, result, formula in zip(columns, read, told, strict=False)
                        if result is None and formula is not None
                    )
        finally:
            results.close()
            formulas.close()
        return found

    return count


def _has_formulas(path: Path) -> bool:
    """Whether any sheet holds a formula: the raw bytes say so long before the cells do."""
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if not name.startswith("xl/worksheets/") or not name.endswith(".xml"):
                    continue
                with archive.open(name) as part:
                    tail = b""
                    while block := part.read(1024 * 1024):
                        if _FORMULA.search(tail + block):
                            return True
                        tail = block[-64:]
    except _BROKEN as error:
        raise TableError(f"{path.name} cannot be unpacked as an Excel workbook: {error}") from None
    return False


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


def _load(path: Path, *, formulas: bool = False) -> Any:
    with warnings.catch_warnings():
        # openpyxl warns about styles and validations that carry no data.
        warnings.simplefilter("ignore")
        try:
            return load_workbook(path, read_only=True, data_only=not formulas, keep_links=False)
        except _BROKEN as error:
            raise TableError(f"{path.name} cannot be read as an Excel workbook: {error}") from None


def _row_count(book: Any, name: str) -> int:
    return int(getattr(book[name], "max_row", None) or 0)


def _cells(book: Any, name: str) -> Iterator[tuple[int, list[str | None]]]:
    # Cells with their formats take twice the time of bare values, and few workbooks show such zeros.
    formats = book._number_formats  # noqa: SLF001  openpyxl tells them nowhere else
    if any(map(_ZEROS.fullmatch, formats)):
        for number, cells in _values(book, name, bare=False):
            yield number, [_as_shown(cell) for cell in cells]
        return
    for number, values in _values(book, name):
        yield number, [cell_text(value) for value in values]


def _as_shown(cell: Any) -> str | None:
    """A cell's text, with the leading zeros that its format gives a whole number."""
    text = cell_text(cell.value)
    if text is None or cell.data_type != "n" or not _ZEROS.fullmatch(cell.number_format):
        return text
    return text.zfill(len(cell.number_format)) if text.isdecimal() else text


def _values(book: Any, name: str, *, bare: bool = True) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """The rows of a sheet by number, as bare values or as cells that know their format."""
    sheet = book[name]
    if not hasattr(sheet, "iter_rows"):
        return
    rows = sheet.iter_rows(values_only=bare)
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
        yield number, values


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
