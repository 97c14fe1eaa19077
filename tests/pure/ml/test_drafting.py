"""Drafts of feature sets: kinds, missing values, orders of dates, copies, labels; every judgement said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.ml.drafting import ColumnDraft, draft_features
from scoring.ml.labels import label_and_unit
from scoring.ml.schema import Kind, KnownAt

N = 300
RNG = np.random.default_rng(7)


def draft(texts: list[Any], name: str = "x") -> ColumnDraft:
    frame = pd.DataFrame({name: texts}, dtype=object)
    return draft_features(frame, np.arange(len(texts)) % 3 == 0).columns[0]


def cycle(*texts: str | None) -> list[str | None]:
    return [texts[i % len(texts)] for i in range(N)]


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (cycle("1", "2.5", "3", "17"), Kind.NUMBER),
        (cycle("Yes", "No", ""), Kind.YES_NO),
        (cycle("Ja", "Nein", "k.A."), Kind.YES_NO),
        (cycle("0", "1"), Kind.YES_NO),
        (cycle("M", "F"), Kind.CATEGORY),
        (cycle("Web", "Fair", "Call"), Kind.CATEGORY),
        (cycle("2024-01-05", "2024-02-07"), Kind.DATE),
        (cycle("20240105", "20240207"), Kind.DATE),
        (cycle("01234", "99999", "12345"), Kind.CATEGORY),
        (cycle("10:30", "11:45", "09:00"), Kind.CATEGORY),
        (cycle("https://a.example/x", "https://a.example/y"), Kind.CATEGORY),
        ([f"called about offer number {i} and more" for i in range(N)], Kind.TEXT),
        ([f"a{i}@example.com" for i in range(N)], Kind.IDENTIFIER),
        ([f"+971 50 {100 + i} {1000 + 7 * i}" for i in range(N)], Kind.IDENTIFIER),
        ([str(5000 - i) for i in range(N)], Kind.IDENTIFIER),
        ([f"{i:032x}" for i in range(N)], Kind.IDENTIFIER),
        ([f"K{i * 7919 % 10007}" for i in range(N)], Kind.IDENTIFIER),
        ([f"{v:.4f}" for v in RNG.normal(size=N)], Kind.NUMBER),
    ],
)
def test_it_tells_kinds_by_their_values(texts: list[Any], kind: Kind) -> None:
    assert draft(texts).spec.kind is kind


def test_it_marks_personal_columns_and_says_so() -> None:
    found = draft([f"a{i}@example.com" for i in range(N)], "contact mail")
    assert found.spec.sensitive
    assert not found.spec.trainable
    assert any("e-mail" in note for note in found.notes)


@pytest.mark.parametrize(
    ("texts", "tokens"),
    [
        (cycle("Select", "Web", "Fair"), ("Select",)),
        (cycle("unknown", "a", "b", None), ("unknown",)),
        (cycle("-", "12", "13", "14"), ("-",)),
        (cycle("#N/A", "12", "13", "14"), ("#N/A",)),
        (cycle("-1", "0", "12", "13", "14"), ("-1",)),
        (cycle("999", "1", "2", "30", "41"), ("999",)),
        (cycle("None", "12", "13", "14"), ("None",)),
        (cycle("0000-00-00", "2024-01-05", "2024-03-05"), ("0000-00-00",)),
        (cycle("1900-01-01", "2024-01-05", "2024-03-05"), ("1900-01-01",)),
        (cycle("-1", "0", "1"), ()),
        (cycle("-1", "-5", "3", "9"), ()),
        (cycle("999", "900", "950", "30"), ()),
    ],
)
def test_it_lists_values_that_stand_for_nothing(texts: list[Any], tokens: tuple[str, ...]) -> None:
    found = draft(texts)
    assert found.spec.missing_tokens == tokens
    assert [token.count for token in found.missing] == [
        sum(text == token for text in texts) for token in tokens
    ]
    assert all(token.reason for token in found.missing)


def test_it_keeps_none_as_an_answer_of_a_category_and_says_so() -> None:
    found = draft(cycle("None", "Small", "Large"))
    assert found.spec.missing_tokens == ()
    assert any("“None” (100 rows)" in note for note in found.notes)


@pytest.mark.parametrize(
    ("texts", "order", "words"),
    [
        (cycle("03/05/2024", "25/12/2024"), "dmy", "no other way"),
        (cycle("03/05/2024", "12/25/2024"), "mdy", "no other way"),
        (cycle("03.05.2024", "04.06.2024"), "dmy", "Please check|points"),
        (cycle("01/02/2024", "02/02/2024", "03/02/2024", "09/02/2024"), "dmy", "close together"),
        (cycle("02/01/2024", "02/02/2024", "02/03/2024", "02/09/2024"), "mdy", "close together"),
        (cycle("2024-01-05", "13/05/2024", "25/12/2024", "05/13/2024"), "dmy", "mixed"),
    ],
)
def test_it_decides_the_order_of_day_and_month_by_evidence(texts: list[Any], order: str, words: str) -> None:
    found = draft(texts)
    assert found.spec.date_format == order
    assert any(any(word in note for word in words.split("|")) for note in found.notes)


def test_it_finds_the_decimal_comma_and_thousands() -> None:
    found = draft(cycle("1.234,50 €", "12,00 €", "3.000 €")).spec
    assert (found.decimal, found.thousands, found.unit) == (",", ".", "€")
    found = draft(cycle("1,234", "12", "3.5")).spec
    assert (found.decimal, found.thousands) == (".", ",")


def test_it_says_when_a_mark_could_mean_two_things() -> None:
    assert any("Please check" in note for note in draft(cycle("1,234", "2,500", "300")).notes)


def test_it_counts_what_it_cannot_read() -> None:
    found = draft([*cycle("1", "2", "17")[:-2], "abc", "def"])
    assert found.spec.kind is Kind.NUMBER
    assert any(note.startswith("2 rows cannot be read as a number") for note in found.notes)


def test_it_leaves_out_constants_empty_columns_and_copies() -> None:
    frame = pd.DataFrame(
        {
            "same": ["x y"] * N,
            "empty": [None] * N,
            "almost": ["a"] * (N - 2) + ["b", "b"],
            "source": cycle("Web", "Fair", "Call", ""),
            "copy": cycle("W", "F", "C", ""),
            "size": [f"{v:.3f}" for v in RNG.lognormal(size=N)],
        },
        dtype=object,
    )
    frame["size2"] = [f"{float(text) * 12:.6f}" for text in frame["size"]]
    found = {column.spec.name: column.spec for column in draft_features(frame, np.arange(N) % 2 == 0).columns}
    left_out = [name for name, spec in found.items() if spec.excluded]
    assert left_out == ["same", "empty", "almost", "copy", "size2"]
    assert found["copy"].exclusion_reason == (
        "Tells nothing that “Source” does not: each of its values always stands beside the same value there. "
        "One of the two is enough."
    )


def test_of_two_equal_columns_the_one_without_a_name_is_left_out() -> None:
    owners = cycle("Amal", "Ben", "Cleo")
    frame = pd.DataFrame({"column 6": owners, "Owner": owners}, dtype=object)
    found = {column.spec.name: column.spec for column in draft_features(frame, np.arange(N) % 2 == 0).columns}
    assert found["Owner"].trainable
    assert found["column 6"].exclusion_reason == (
        "Holds the same values as “Owner” in every row. One of the two is enough."
    )
    frame = pd.DataFrame({"column 6": owners, "column 7": owners}, dtype=object)
    later = draft_features(frame, np.arange(N) % 2 == 0).columns[1].spec
    assert later.exclusion_reason.startswith(
        "Holds the same values as “column 6”, which has no name in the file,"
    )


def test_one_row_is_no_rows() -> None:
    found = draft(["n/a", "abc", "", *cycle("1", "2", "17")[3:]])
    assert "1 row cannot be read as a number, such as “abc”: read as missing." in found.notes
    assert "1 row is blank." in found.notes
    assert any("“n/a” (1 row, means" in note for note in found.notes)


def test_it_does_not_take_two_independent_columns_for_copies() -> None:
    frame = pd.DataFrame(
        {"a": RNG.integers(0, 4, N).astype(str), "b": RNG.integers(0, 4, N).astype(str)}, dtype=object
    )
    assert not any(column.spec.excluded for column in draft_features(frame, np.arange(N) % 2 == 0).columns)


@pytest.mark.parametrize(
    ("name", "label", "unit"),
    [
        ("TotalVisits", "Total visits", ""),
        ("pages_visited", "Pages visited", ""),
        ("RFI", "RFI", ""),
        ("price_usd", "Price", "USD"),
        ("Time (min)", "Time", "min"),
        ("visit days", "Visit days", "days"),
        ("Budget (2)", "Budget (2)", ""),
    ],
)
def test_it_makes_labels_for_people(name: str, label: str, unit: str) -> None:
    assert label_and_unit(name) == (label, unit)


def test_it_guesses_when_a_column_is_known_from_its_name() -> None:
    names = {"Lost Reason": KnownAt.OUTCOME, "call duration": KnownAt.CONTACT, "Source": KnownAt.CREATION}
    names |= {"previous contract": KnownAt.CREATION, "Marital Status": KnownAt.CREATION}
    names |= {"Tags": KnownAt.CONTACT, "Paid search": KnownAt.CREATION, "First conversion": KnownAt.CREATION}
    for name, known_at in names.items():
        assert draft(cycle("a", "b", "c"), name).spec.known_at is known_at, name


def test_it_refuses_lengths_that_do_not_match() -> None:
    with pytest.raises(ValueError, match="must have 3 rows"):
        draft_features(pd.DataFrame({"a": ["1", "2", "3"]}), np.array([True]))
