"""Cells on their way into a file and back: guarded against being run, and cut to what a database can hold."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scoring.ml.parsing import unstorable

LONGEST_CELL = 8192
"""Characters of a cell that are kept; a cut cell gets a “…” more, and so is refused again, should it be sent again."""
LONGEST_ROW = 256 * 1024

# A text that starts a formula, or that does so behind apostrophes; a plain negative number does not.
_RISKY = re.compile(r"'*(?!-\d[\d.,]*\Z)[=+\-@\t\r\n]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def harmless(text: str) -> str:
    """A cell that a spreadsheet shows and never runs: a text that would start a formula gets an apostrophe.

    >>> harmless("=1+1"), harmless("'=1+1"), harmless("-12.50"), harmless("-1+1"), harmless("'s-Gravenhage")
    ("'=1+1", "''=1+1", '-12.50', "'-1+1", "'s-Gravenhage")
    """
    return f"'{text}" if _RISKY.match(text) else text


def as_it_was(text: str) -> str:
    """The cell that `harmless` was given.

    >>> as_it_was("'=1+1"), as_it_was("''=1+1"), as_it_was("-12.50"), as_it_was("'s-Gravenhage")
    ('=1+1', "'=1+1", '-12.50', "'s-Gravenhage")
    """
    return text[1:] if text.startswith("'") and _RISKY.match(text) else text


def kept_cells(cells: Iterable[str | None]) -> list[str | None]:
    """The cells of a row as a database can hold them: cut with “…”, and no more of them than fit into a row.

    A byte of another encoding is read as a Windows one, as on the page; what is no character at all becomes “\ufffd”.
    """
    kept: list[str | None] = []
    room = LONGEST_ROW
    for cell in cells:
        room -= min(len(cell or ""), LONGEST_CELL) + 8
        if room < 0:
            return [*kept, "…"]
        kept.append(None if cell is None else _storable(cell))
    return kept


def _storable(text: str) -> str:
    if len(text) > LONGEST_CELL:
        text = text[:LONGEST_CELL] + "…"
    if unstorable(text) is None:
        return text
    return _SURROGATE.sub(_readable, text.replace("\0", "\ufffd"))


def _readable(mark: re.Match[str]) -> str:
    code = ord(mark[0])
    return bytes([code - 0xDC00]).decode("cp1252", "replace") if 0xDC80 <= code <= 0xDCFF else "\ufffd"
