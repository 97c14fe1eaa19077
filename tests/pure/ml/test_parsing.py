"""Reading of numbers, dates and yes/no as people and systems write them."""

from __future__ import annotations

import datetime as dt

import pytest

from scoring.ml.dates import parse_date
from scoring.ml.parsing import parse_number
from scoring.ml.schema import FeatureSpec, Kind, parse_value


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("1,234", ".", 1234.0),
        ("1,234,567.5", ".", 1234567.5),
        ("12,34,567", ".", 1234567.0),
        ("1.234,5", ",", 1234.5),
        ("1234,5", ",", 1234.5),
        ("1 234,5", ",", 1234.5),
        ("1'234.5", ".", 1234.5),
        ("€ 12.50", ".", 12.5),
        ("12,50 €", ",", 12.5),
        ("AED 1,000", ".", 1000.0),
        ("-$3", ".", -3.0),
        ("$-3", ".", -3.0),
        ("(1,200.50)", ".", -1200.5),
        ("\u22125", ".", -5.0),
        ("45 %", ".", 45.0),
        ("1e3", ".", 1000.0),
        ("1,5", ".", None),
        ("1.5", ",", None),
        ("1,23,4", ".", None),
        ("٣", ".", None),
        ("0x10", ".", None),
        ("", ".", None),
        ("9" * 5000, ".", None),
    ],
)
def test_it_reads_numbers_as_the_column_writes_them(text: str, decimal: str, expected: float | None) -> None:
    assert parse_number(text, decimal) == expected


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("2024-05-03", "iso", dt.datetime(2024, 5, 3, tzinfo=dt.UTC)),
        ("2024/5/3", "dmy", dt.datetime(2024, 5, 3, tzinfo=dt.UTC)),
        ("03/05/2024", "dmy", dt.datetime(2024, 5, 3, tzinfo=dt.UTC)),
        ("03/05/2024", "mdy", dt.datetime(2024, 3, 5, tzinfo=dt.UTC)),
        ("3.5.24", "dmy", dt.datetime(2024, 5, 3, tzinfo=dt.UTC)),
        ("12/05/2024 03:04 PM", "dmy", dt.datetime(2024, 5, 12, 15, 4, tzinfo=dt.UTC)),
        ("5 May 2024", "mdy", dt.datetime(2024, 5, 5, tzinfo=dt.UTC)),
        ("May 5, 2024", "dmy", dt.datetime(2024, 5, 5, tzinfo=dt.UTC)),
        ("3. März 2024", "dmy", dt.datetime(2024, 3, 3, tzinfo=dt.UTC)),
        ("2024-05-03T10:00:00+02:00", "iso", dt.datetime(2024, 5, 3, 8, tzinfo=dt.UTC)),
        ("2024-05-03T10:00:00Z", "iso", dt.datetime(2024, 5, 3, 10, tzinfo=dt.UTC)),
        ("20240503", "iso", dt.datetime(2024, 5, 3, tzinfo=dt.UTC)),
        ("03-05-2024 10:00", "%d-%m-%Y %H:%M", dt.datetime(2024, 5, 3, 10, tzinfo=dt.UTC)),
        ("13/13/2024", "dmy", None),
        ("03/05/2024", "iso", None),
        ("2024-02-30", "iso", None),
        ("tomorrow", "dmy", None),
        ("0000-00-00", "iso", None),
    ],
)
def test_it_reads_dates_in_the_chosen_order(text: str, order: str, expected: dt.datetime | None) -> None:
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    days = None if expected is None else (expected - epoch) / dt.timedelta(days=1)
    assert parse_date(text, order) == (None if days is None else pytest.approx(days, abs=1e-9))


def test_it_survives_the_ends_of_the_calendar() -> None:
    assert parse_date("0001-01-01T00:00:00+14:00", "iso") == pytest.approx(-719162 - 14 / 24)
    assert parse_date("9999-12-31T23:00:00-12:00", "iso") == pytest.approx(2932896 + 35 / 24)


def test_it_reads_yes_and_no_in_the_words_of_the_column_and_of_json() -> None:
    spec = FeatureSpec("f", "F", Kind.YES_NO, true_values=("Oui",), false_values=("Non",))
    assert [parse_value(spec, raw)[0] for raw in ("oui", "NON", True, False, 1, 0, "1")] == [
        1,
        0,
        1,
        0,
        1,
        0,
        1,
    ]
    value, warning = parse_value(spec, "maybe")
    assert value is None
    assert warning is not None
    assert "“Oui” or “Non”" in warning.message


def test_it_makes_one_level_of_two_unicode_spellings() -> None:
    spec = FeatureSpec("f", "F", Kind.CATEGORY)
    assert parse_value(spec, "Cafe\u0301")[0] == parse_value(spec, "Café")[0]


def test_it_writes_typed_values_of_a_category_as_a_file_would() -> None:
    spec = FeatureSpec("f", "F", Kind.CATEGORY)
    assert [parse_value(spec, raw)[0] for raw in (3, 3.0, 2.5, True, dt.date(2024, 5, 3))] == [
        "3",
        "3",
        "2.5",
        "true",
        "2024-05-03",
    ]
