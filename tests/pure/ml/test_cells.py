"""Cells on their way into a file and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.ml.cells import LONGEST_CELL, LONGEST_ROW, as_it_was, harmless, kept_cells
from scoring.ml.parsing import unstorable


@given(st.one_of(st.text(), st.text(alphabet="'=+-@\t\r\n.,5a")))
def test_a_guarded_cell_never_starts_a_formula_and_comes_back_as_it_was(text: str) -> None:
    guarded = harmless(text)
    assert as_it_was(guarded) == text
    assert guarded[:1] not in {"=", "+", "@", "\t", "\r", "\n"}
    assert not guarded.startswith("-") or guarded.translate(str.maketrans("", "", "-.,")).isdecimal()


@pytest.mark.parametrize("text", ["-1-1", "-2+3+cmd|' /C calc'!A0", "-1\n=1", "-", "-a", "--1"])
def test_what_only_begins_like_a_negative_number_is_guarded(text: str) -> None:
    assert harmless(text) == f"'{text}"


@given(st.lists(st.one_of(st.none(), st.text(alphabet=st.characters(codec=None)))))
def test_kept_cells_can_be_stored(cells: list[str | None]) -> None:
    kept = kept_cells(cells)
    assert len(kept) == len(cells)
    assert all(cell is None or unstorable(cell) is None for cell in kept)


def test_a_byte_of_another_encoding_is_read_as_on_the_page() -> None:
    assert kept_cells(["M\udcfcller", "a\0b", "\ud800"]) == ["Müller", "a\ufffdb", "\ufffd"]


def test_a_long_cell_is_cut_and_says_so_and_a_huge_row_ends() -> None:
    [cell] = kept_cells(["x" * (LONGEST_CELL + 5)])
    assert cell == "x" * LONGEST_CELL + "…"
    row = kept_cells(["y" * LONGEST_CELL] * 100)
    assert row[-1] == "…"
    assert sum(len(cell or "") for cell in row) <= LONGEST_ROW
    assert len(kept_cells([None] * 10**6)) < LONGEST_ROW
