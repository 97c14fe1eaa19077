"""One row of a file into one lead: what is read, and what is refused by row, column, value, expectation."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from scoring.contracts import OutcomeKind
from scoring.ml.reading import RawRow
from scoring.ml.schema import FeatureSpec, Kind
from scoring.services.imports.options import ImportOptions, RowError
from scoring.services.imports.rows import FileLead, RowReader
from scoring.services.imports.target import read_target

AS_OF = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
ROW = {
    "id": "7",
    "made": "2026-01-05",
    "won": "0",
    "won at": "",
    "money": "",
    "rep": "",
    "step": "",
    "source": "web",
}


def reader(
    *, date_format: str = "", decimal: str = ".", thousands: str = "", open_ones: int = 0, **changes: Any
) -> RowReader:
    options = ImportOptions(
        **{
            "converted": "won",
            "id": "id",
            "created_at": "made",
            "converted_at": "won at",
            "revenue": "money",
            "owner": "rep",
            "stage": "step",
            **changes,
        }
    )
    date = {"kind": Kind.DATE, "date_format": date_format}
    specs = {
        "made": FeatureSpec(name="made", label="made", **date),
        "won at": FeatureSpec(name="won at", label="won at", **date),
        "money": FeatureSpec(
            name="money", label="money", kind=Kind.NUMBER, decimal=decimal, thousands=thousands
        ),
    }
    target = read_target(Counter({"1": 5, "0": 5} | ({"": open_ones} if open_ones else {})), options)
    return RowReader(options, target, specs, AS_OF)


def row(number: int = 2, **changes: str | None) -> RawRow:
    named = {name.replace("_", " "): value for name, value in changes.items()}
    return RawRow(number, {**ROW, **named})


def lead(found: FileLead | RowError) -> FileLead:
    assert isinstance(found, FileLead), found
    return found


def error(found: FileLead | RowError) -> RowError:
    assert isinstance(found, RowError), found
    return found


def test_it_reads_a_whole_row() -> None:
    sent = row(won="1", won_at="2026-02-01", money="1,250.50", rep=" Sara ", step="Won")
    found = lead(reader(thousands=",").read(sent))
    assert found == FileLead(
        number=2,
        external_id="7",
        attributes={"made": "2026-01-05", "rep": " Sara ", "step": "Won", "source": "web"},
        created=datetime(2026, 1, 5, tzinfo=UTC),
        owner="Sara",
        stage="Won",
        outcome=OutcomeKind.CONVERTED,
        occurred_at=datetime(2026, 2, 1, tzinfo=UTC),
        revenue=Decimal("1250.50"),
    )


def test_blank_cells_are_not_stored() -> None:
    assert "rep" not in lead(reader().read(row(rep=None))).attributes


def test_the_outcome_never_becomes_an_attribute() -> None:
    found = lead(reader().read(row(won="1", won_at="2026-02-01", money="99")))
    assert not {"won", "won at", "money", "id"} & set(found.attributes)


@pytest.mark.parametrize(
    ("text", "date_format", "day"),
    [
        ("2026-03-04", "", (2026, 3, 4)),
        ("04/03/2026", "dmy", (2026, 3, 4)),
        ("03/04/2026", "mdy", (2026, 3, 4)),
        ("4 March 2026", "dmy", (2026, 3, 4)),
        ("2026-03-04", "dmy", (2026, 3, 4)),
    ],
)
def test_it_reads_dates_as_the_column_writes_them(
    text: str, date_format: str, day: tuple[int, int, int]
) -> None:
    found = lead(reader(date_format=date_format).read(row(made=text)))
    assert found.created == datetime(*day, tzinfo=UTC)


@pytest.mark.parametrize("text", ["31.02.2026", "soon", "13/13/2026", "1", "0001-01-01", "1850-01-01"])
def test_it_names_a_date_that_is_none(text: str) -> None:
    found = error(reader(date_format="dmy").read(row(9, made=text)))
    assert (found.row, found.column, found.value) == (9, "made", text)
    assert found.expected == "a date such as 2026-03-14 or 14.03.2026 09:30"


@pytest.mark.parametrize(
    ("text", "decimal", "thousands", "amount"),
    [
        ("1.250,50", ",", ".", "1250.50"),
        ("1,250.50", ".", ",", "1250.50"),
        ("1 250,50", ",", " ", "1250.50"),
        ("12,34,567", ".", ",", "1234567.00"),
        ("0", ".", "", "0.00"),
        ("AED 99", ".", "", "99.00"),
    ],
)
def test_it_reads_money_as_the_column_writes_it(text: str, decimal: str, thousands: str, amount: str) -> None:
    found = lead(reader(decimal=decimal, thousands=thousands).read(row(won="1", money=text)))
    assert found.revenue == Decimal(amount)


@pytest.mark.parametrize("text", ["a lot", "1e400", "NaN", "inf", "999999999999999"])
def test_it_names_money_that_is_none(text: str) -> None:
    found = error(reader().read(row(won="1", money=text)))
    assert (found.column, found.value, found.expected) == (
        "money",
        text,
        "an amount of money such as 1250.00",
    )


def test_revenue_of_a_lead_that_did_not_convert_is_not_read() -> None:
    assert lead(reader().read(row(won="0", money="n/a"))).revenue is None


def test_a_blank_id_is_refused() -> None:
    found = error(reader().read(row(5, id="  ")))
    assert (found.row, found.column, found.expected) == (5, "id", "an id; the cell is blank")


@pytest.mark.parametrize(("length", "fits"), [(255, True), (256, False)])
def test_an_id_has_at_most_255_characters(length: int, fits: bool) -> None:
    found = reader().read(row(id="é" * length))
    assert isinstance(found, FileLead) is fits
    if not fits:
        assert error(found).expected == "an id of at most 255 characters"


def test_the_second_row_with_an_id_is_refused_and_names_the_first() -> None:
    reads = reader()
    lead(reads.read(row(2)))
    found = error(reads.read(row(3, id=" 7 ")))
    assert (found.row, found.column, found.value) == (3, "id", "7")
    assert found.expected == "an id used once in the file; row 2 has it too"


def test_a_cell_too_long_to_store_is_refused_by_name() -> None:
    found = error(reader().read(row(source="x" * 8193)))
    assert (found.column, found.expected) == ("source", "at most 8,192 characters, got 8,193")
    assert (len(found.value), found.value[-1]) == (201, "…")


def test_unicode_stays_what_it_was() -> None:
    sent = row(id="ليد-٧ 🏢", source="Ünïcödé — 東京")
    found = lead(reader().read(sent))
    assert (found.external_id, found.attributes["source"]) == ("ليد-٧ 🏢", "Ünïcödé — 東京")


@pytest.mark.parametrize(
    ("open_ones", "cell", "outcome"),
    [
        (0, "1", OutcomeKind.CONVERTED),
        (0, "0", None),  # with dates, "no" among yes and no says only "not yet"
        (4, "1", OutcomeKind.CONVERTED),
        (4, "0", OutcomeKind.LOST),  # where open leads are blank, "no" is final
        (4, "", None),
        (4, None, None),
    ],
)
def test_with_dates_a_no_is_open_unless_blanks_are(
    open_ones: int, cell: str | None, outcome: OutcomeKind | None
) -> None:
    assert lead(reader(open_ones=open_ones).read(row(won=cell))).outcome == outcome


def test_without_dates_a_no_is_lost() -> None:
    assert lead(reader(created_at=None).read(row(won="0"))).outcome is OutcomeKind.LOST


def test_a_conversion_long_before_creation_is_refused() -> None:
    found = error(reader().read(row(made="2026-01-05", won="1", won_at="2026-01-03")))
    assert (found.column, found.value) == ("won at", "2026-01-03")
    assert found.expected == "a date after 2026-01-05, when the lead was created"


def test_a_conversion_on_the_day_of_creation_is_taken() -> None:
    assert lead(reader().read(row(made="2026-01-05 17:30", won="1", won_at="2026-01-05"))).outcome


def test_a_conversion_in_the_future_is_refused() -> None:
    found = error(reader().read(row(won="1", won_at="2026-06-03")))
    assert (found.column, found.expected) == ("won at", "a date that is not in the future")


def test_without_an_id_a_row_is_known_by_its_content() -> None:
    first, again = reader(id=None), reader(id=None)
    once = lead(first.read(row(2))).external_id
    assert lead(again.read(row(40))).external_id == once
    assert lead(again.read(row(41, source="fair"))).external_id != once


def test_equal_rows_are_told_apart_by_their_occurrence() -> None:
    reads = reader(id=None)
    one, two = lead(reads.read(row(2))).external_id, lead(reads.read(row(3))).external_id
    assert one.endswith("-1")
    assert two == one.removesuffix("-1") + "-2"


def test_the_outcome_may_come_later_without_making_another_lead() -> None:
    now, later = reader(id=None), reader(id=None)
    open_one = lead(now.read(row(won="0"))).external_id
    assert lead(later.read(row(won="1", won_at="2026-02-01", money="100"))).external_id == open_one


def test_cells_cannot_be_shifted_into_another_row_with_the_same_digest() -> None:
    reads = reader(id=None)
    one = lead(reads.read(RawRow(2, {**ROW, "rep": "ab", "step": "c"}))).external_id
    two = lead(reads.read(RawRow(3, {**ROW, "rep": "a", "step": "bc"}))).external_id
    assert one != two
