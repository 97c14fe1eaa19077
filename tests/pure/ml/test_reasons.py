"""Reasons read like sentences of a person, in order of size, without noise and without column names."""

from __future__ import annotations

import pytest

from scoring.ml.reasons import number_text, reasons, value_text
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, Value

SCHEMA = FeatureSchema(
    (
        FeatureSpec("pages_cnt", "Pages visited", Kind.NUMBER),
        FeatureSpec("bdgt", "Budget", Kind.NUMBER, unit="AED"),
        FeatureSpec("demo_flag", "Demo requested", Kind.YES_NO),
        FeatureSpec("src_cd", "Source", Kind.CATEGORY),
        FeatureSpec("first_dt", "First contact", Kind.DATE),
        FeatureSpec("msg_txt", "Message", Kind.TEXT),
    )
)
VALUES: dict[str, Value] = {
    "pages_cnt": 4.0,
    "bdgt": None,
    "demo_flag": 1.0,
    "src_cd": "Referral",
    "first_dt": 20_524.0,
    "msg_txt": "please call me back",
}
PARTS = {"pages_cnt": 0.9, "bdgt": -0.8, "demo_flag": 0.7, "src_cd": -0.6, "first_dt": 0.5, "msg_txt": -0.4}


def test_each_kind_reads_as_a_person_would_say_it() -> None:
    assert [reason.text for reason in reasons(SCHEMA, VALUES, PARTS)] == [
        "Pages visited: 4 · raises the chance",
        "Budget: not known · lowers the chance",
        "Demo requested: yes · raises the chance",
        "Source: Referral · lowers the chance",
        "First contact: 12 March 2026 · raises the chance",
        "Message: 4 words · lowers the chance",
    ]


def test_no_column_name_is_shown() -> None:
    shown = " ".join(f"{r.text} {r.label} {r.value}" for r in reasons(SCHEMA, VALUES, PARTS))
    assert not any(name in shown for name in PARTS)


def test_the_largest_come_first_and_each_direction_has_its_room() -> None:
    found = reasons(SCHEMA, VALUES, PARTS, up=1, down=2)
    assert [(r.feature, r.direction) for r in found] == [
        ("pages_cnt", "up"),
        ("bdgt", "down"),
        ("src_cd", "down"),
    ]
    assert reasons(SCHEMA, VALUES, PARTS, up=0, down=0) == ()


def test_what_is_below_one_percent_of_the_whole_is_left_out() -> None:
    found = reasons(SCHEMA, VALUES, {"pages_cnt": 1.0, "demo_flag": 0.009, "src_cd": 0.02, "bdgt": 0.0})
    assert [r.feature for r in found] == ["pages_cnt", "src_cd"]


def test_a_model_that_says_nothing_gives_no_reasons() -> None:
    assert reasons(SCHEMA, VALUES, {}) == ()
    assert reasons(SCHEMA, VALUES, dict.fromkeys(PARTS, 0.0)) == ()


def test_a_level_the_model_never_met_is_marked() -> None:
    found = reasons(SCHEMA, {**VALUES, "src_cd": "Fax"}, {"src_cd": -0.3}, unseen=("src_cd",))
    assert found[0].text == "Source: Fax (new to the model) · lowers the chance"
    assert found[0].value == "Fax"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (4.0, "pages", "4 pages"),
        (1.0, "pages", "1 page"),
        (1.0, "inquiries", "1 inquiry"),
        (1.0, "hrs", "1 hrs"),
        (1.0, "business", "1 business"),
        (0.0, "visits", "0 visits"),
        (12_500.0, "AED", "12,500 AED"),
        (-12.5, "€", "-€12.5"),
        (45.0, "%", "45%"),
        (2.5, "", "2.5"),
    ],
)
def test_units_stand_where_people_put_them(value: float, unit: str, text: str) -> None:
    assert value_text(FeatureSpec("x", "X", Kind.NUMBER, unit=unit), value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_250_000.0, "1,250,000"),
        (1234.56, "1,234.6"),
        (3.14159, "3.14"),
        (0.00002, "2e-05"),
        (1e29, "1e+29"),
    ],
)
def test_numbers_carry_no_more_digits_than_help(value: float, text: str) -> None:
    assert number_text(value) == text


def test_a_time_of_day_is_shown_where_there_is_one() -> None:
    spec = FeatureSpec("x", "X", Kind.DATE)
    assert value_text(spec, 20_524.0 + 14.5 / 24) == "12 March 2026, 14:30"
    assert value_text(spec, -719_162.0) == "1 January 1"


def test_a_long_or_broken_text_stays_one_short_line() -> None:
    spec = FeatureSpec("x", "X", Kind.CATEGORY)
    assert value_text(spec, "two\nlines") == "two lines"
    shown = value_text(spec, "long " * 100)
    assert len(shown) <= 60
    assert shown.endswith("…")


def test_one_word_is_one_word() -> None:
    assert value_text(FeatureSpec("x", "X", Kind.TEXT), "hello") == "1 word"
