"""Which values of an outcome column mean converted, lost or open."""

from __future__ import annotations

from collections import Counter

import pytest

from scoring.contracts import ImportRefused
from scoring.services.imports.options import ImportOptions
from scoring.services.imports.target import Target, read_target


def target(values: dict[str, int], converted_value: str | None = None) -> Target:
    return read_target(
        Counter(values),
        ImportOptions(converted="won?", converted_values=(converted_value,) if converted_value else ()),
    )


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("yes", "no"),
        ("1", "0"),
        ("TRUE", "FALSE"),
        ("Won", "Lost"),
        ("Ja", "Nein"),
        ("oui", "non"),
        ("1.0", "0.0"),
    ],
)
def test_it_reads_two_plain_words(yes: str, no: str) -> None:
    found = target({yes: 3, no: 7})
    assert found.is_converted(f"  {yes.upper()} ")
    assert not found.is_converted(no)
    assert not found.is_converted(None)
    assert "3 of 10 rows" in found.note


def test_spellings_of_one_word_count_together() -> None:
    found = target({"Yes": 1, "yes ": 2, "NO": 4})
    assert "“yes” means converted; 3 of 7 rows" in found.note


def test_it_takes_the_value_named() -> None:
    found = target({"Gold": 2, "Silver": 3, "Bronze": 5}, converted_value=" gold ")
    assert found.is_converted("GOLD")
    assert not found.is_converted("Silver")


def test_blank_cells_are_open_and_tell_no_from_not_yet() -> None:
    found = target({"1": 2, "0": 3, "": 5})
    assert found.is_blank("  ")
    assert found.is_blank(None)
    assert found.is_lost("0")
    assert "5 blank ones are open" in found.note


def test_without_open_leads_a_no_is_not_yet_a_loss() -> None:
    assert not target({"1": 2, "0": 3}).is_lost("0")


@pytest.mark.parametrize("word", ["unknown", "N/A", "-", "tbd", "غير معروف"])
def test_words_for_nothing_leave_a_lead_open(word: str) -> None:
    found = target({"yes": 2, "no": 3, word: 1})
    assert found.is_blank(word)
    assert not found.is_lost(word)
    assert "2 of 5 rows that are filled, 1 blank one is open" in found.note


def test_it_says_what_the_values_without_a_tick_mean() -> None:
    told = target({"yes": 2, "no": 3, "noo": 1, "": 1}, converted_value="yes").note
    assert told.endswith("“no” (3), “noo” (1) say that the lead did not convert.")


def test_it_says_that_a_no_is_only_not_yet_where_no_cell_is_blank() -> None:
    dated = ImportOptions(converted="won?", created_at="created")
    assert read_target(Counter({"yes": 2, "no": 3}), dated).note.endswith(
        "“no” (3) says that it has not converted yet: no cell of the column is blank, so its age will tell."
    )
    assert "did not convert" in target({"yes": 2, "no": 3}).note, "without dates of creation no age can tell"
    assert "“lost” (3) says that the lead did not convert" in read_target(Counter(won=2, lost=3), dated).note


def test_it_names_a_few_of_very_many_other_values() -> None:
    note = target({str(n): 1 for n in range(100)}, converted_value="7").note
    assert "and 91 more say that the lead did not convert." in note


def test_lost_is_lost_even_when_every_lead_is_told() -> None:
    assert target({"won": 2, "lost": 3}).is_lost("Lost")


@pytest.mark.parametrize(
    ("values", "converted_value", "words"),
    [
        (
            {"won": 1, "lost": 1, "open": 1},
            None,
            r"holds 3 different values: .*; expected two.*--converted-value",
        ),
        ({"yes": 4}, None, r"one value only: “yes” \(4\); expected both"),
        ({"no": 4}, None, r"one value only: “no” \(4\); expected both"),
        ({"no": 4, "": 4}, None, r"one value only: “no” \(4\)"),
        ({"a": 1, "b": 2}, None, r"not plain which one means converted.*--converted-value"),
        ({"yes": 1, "1": 2}, None, r"not plain which one means converted"),
        ({"": 9}, None, r"holds nothing; it is not plain"),
        (
            {"a": 1, "b": 2},
            "c",
            r"--converted-value “c” does not occur in column “won\?”, which holds “b” \(2\)",
        ),
        ({"a": 1}, "a", r"one value only"),
        ({}, "a", r"which holds nothing"),
    ],
)
def test_it_says_what_is_wrong_with_the_column(
    values: dict[str, int], converted_value: str | None, words: str
) -> None:
    with pytest.raises(ImportRefused, match=words):
        target(values, converted_value)


def test_it_lists_a_few_of_very_many_values() -> None:
    with pytest.raises(ImportRefused, match="and 9,992 more values") as refused:
        target({str(n): 1 for n in range(10_000)})
    assert len(refused.value.detail) < 500


def test_it_shows_only_the_beginning_of_huge_values() -> None:
    with pytest.raises(ImportRefused) as refused:
        target({"x" * 500_000: 1, "y" * 500_000: 2, "z" * 500_000: 3})
    assert len(refused.value.detail) < 500
