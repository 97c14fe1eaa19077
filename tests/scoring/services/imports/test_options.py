"""Which columns mean what: compared with the file before a row is read."""

from __future__ import annotations

import pytest

from scoring.contracts import ImportRefused
from scoring.services.imports.options import ImportOptions

COLUMNS = ("id", "Created", "Converted", "Revenue", "Source")


def test_columns_of_the_file_are_accepted() -> None:
    ImportOptions(converted="Converted", id="id", created_at="Created", exclude=("Source",)).check(COLUMNS)


def test_the_creation_date_may_also_describe_the_lead() -> None:
    options = ImportOptions(converted="Converted", id="id", created_at="Created", revenue="Revenue")
    assert options.not_attributes() == {"Converted", "id", "Revenue"}


def test_it_guesses_what_was_meant() -> None:
    with pytest.raises(ImportRefused) as refused:
        ImportOptions(converted="converted").check(COLUMNS)
    assert refused.value.detail == (
        "--converted “converted”: the file has no such column. Did you mean “Converted”? "
        "It has: id, Created, Converted, Revenue, Source."
    )


@pytest.mark.parametrize("option", ["id", "created_at", "converted_at", "revenue", "owner", "stage"])
def test_it_names_the_option_whose_column_is_not_there(option: str) -> None:
    options = ImportOptions(converted="Converted", **{option: "nowhere"})
    with pytest.raises(
        ImportRefused, match=f"--{option.replace('_', '-')} “nowhere”: the file has no such column"
    ):
        options.check(COLUMNS)


def test_an_excluded_column_must_be_there_too() -> None:
    with pytest.raises(ImportRefused, match="--exclude “Salary”"):
        ImportOptions(converted="Converted", exclude=("Salary",)).check(COLUMNS)


def test_a_long_list_of_columns_is_cut() -> None:
    with pytest.raises(ImportRefused, match="and 1970 more"):
        ImportOptions(converted="won").check([f"c{n}" for n in range(2000)])


def test_the_outcome_cannot_be_the_id_as_well() -> None:
    with pytest.raises(
        ImportRefused, match="given as the outcome and as the id; expected one meaning a column"
    ):
        ImportOptions(converted="Converted", id="Converted").check(COLUMNS)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("currency", "EURO", "Currency “EURO”: expected a code of three letters such as AED"),
        ("currency", "€", "Currency “€”"),
        ("source", "s" * 65, "Source “.*”: expected 1 to 64 printable characters"),
        ("source", "a\0b", "Source"),
        ("source", "  ", "Source"),
    ],
)
def test_what_no_row_could_hold_is_refused_before_the_first_row(option: str, value: str, words: str) -> None:
    with pytest.raises(ImportRefused, match=words):
        ImportOptions(converted="Converted", **{option: value}).check(COLUMNS)
