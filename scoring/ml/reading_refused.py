"""Files of refused rows: handed out with the reasons in front, mended by a person, and read again without them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

from scoring.ml.cells import as_it_was
from scoring.ml.parsing import visible
from scoring.ml.tables import Advance, RawRow, Rows, Source, TableError

_ROW = re.compile(r"Refused: row of import (\d{1,18})")
_OTHERS = ("Refused: lead id", "Refused: column", "Refused: value", "Refused: reason")
NO_COLUMN = "\0"
"""What no name of a column begins with."""


def marks(number: int) -> tuple[str, ...]:
    """The columns in front of the refused rows of an import: where each came from, whose it is, what was wrong."""
    return (f"Refused: row of import {number}", *_OTHERS)


def without_marks(source: Source) -> Source:
    """The file as it came, when it is one of refused rows: without those columns, and without the apostrophes that
    kept its cells from being run. Any other file as it is.

    Raises TableError when nothing is left.
    """
    header = ["" if name is None else name for name in source.header]
    plain = [" ".join(visible(name).split()) for name in header]
    row = next(filter(None, map(_ROW.fullmatch, plain)), None)
    keep = [at for at, name in enumerate(plain) if name not in _OTHERS and not _ROW.fullmatch(name)]
    if len(keep) == len(header):
        return source
    if not keep:
        raise TableError(
            f"{source.name} names refused rows without the rows themselves; expected their columns behind the reasons"
        )

    def whole(columns: tuple[str, ...]) -> tuple[str, ...]:
        own = dict(zip(keep, columns, strict=True))
        return tuple(own.get(at, f"{NO_COLUMN}{at}") for at in range(len(header)))

    def rows(columns: tuple[str, ...], advance: Advance) -> Rows:
        with closing(source.rows(whole(columns), advance)) as found:
            for item in found:
                if isinstance(item, RawRow):
                    values = {name: _as_it_was(item.values[name]) for name in columns}
                    yield RawRow(item.number, values)
                else:
                    cells = tuple(_as_it_was(cell) for cell in _without(item.cells, set(keep), len(header)))
                    column = "" if item.column.startswith(NO_COLUMN) else item.column
                    yield replace(item, cells=cells, column=column)

    def unstored(columns: tuple[str, ...], most: int | None) -> Mapping[str, int]:
        return {name: n for name, n in source.unstored(whole(columns), most).items() if name in columns}

    return replace(
        source,
        header=[as_it_was(header[at]) for at in keep],
        note=f"{source.note} It is a file of refused rows: the columns that say why are left aside.",
        rows=rows,
        unstored=unstored,
        form={**source.form, **({"refused_of": row[1]} if row is not None else {})},
    )


def _as_it_was(cell: str | None) -> str | None:
    return None if cell is None else as_it_was(cell)


def _without(cells: tuple[str | None, ...], keep: set[int], width: int) -> list[str | None]:
    return [cell for at, cell in enumerate(cells) if at in keep or at >= width]
