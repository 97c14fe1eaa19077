"""One person written twice is found; what two people may share has no form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.ml.identity import contact_kind, normal_email, normal_phone

SAME_ADDRESS = (
    "anna.lee@firm.ae",
    " Anna.Lee@FIRM.ae ",
    "Anna Lee <anna.lee@firm.ae>",
    "mailto:anna.lee@firm.ae",
    "anna.lee+newsletter@firm.ae",
    "ａｎｎａ.lee@firm.ae",
)


@pytest.mark.parametrize("text", SAME_ADDRESS)
def test_it_finds_one_address_in_all_its_spellings(text: str) -> None:
    assert normal_email(text) == "anna.lee@firm.ae"


def test_dots_mean_nothing_at_gmail_and_something_elsewhere() -> None:
    assert normal_email("a.n.n.a@gmail.com") == normal_email("anna@googlemail.com")
    assert normal_email("a.nna@firm.ae") != normal_email("anna@firm.ae")


NOBODY = (
    "test@test",
    "test@firm.ae",
    "test123@firm.ae",
    "noreply@firm.ae",
    "n/a",
    "",
    "@firm.ae",
    "anna@",
    "anna@firm",
    "anna@firm..ae",
    "a@b@firm.ae",
    "anna lee@firm.ae",
    "anna@example.com",
    "anna@office.test",
    "anna@192.168.1.1",
    "+@firm.ae",
    "x" * 300 + "@firm.ae",
    None,
    5,
    True,
    ["anna@firm.ae"],
)


@pytest.mark.parametrize("value", NOBODY, ids=range(len(NOBODY)))
def test_an_address_of_nobody_has_no_form(value: object) -> None:
    assert normal_email(value) is None


SAME_NUMBER = (
    "+971 50 812 4467",
    "00971508124467",
    "+971 (0)50 812-4467",
    "050 812 4467",
    "0508124467",
    "50 812 4467",
    "971508124467",
    "971508124467.0",
    971508124467,
    971508124467.0,
    "tel:+971508124467",
    "+971 50 812 4467 ext. 12",
    "\u200f+٩٧١٥٠٨١٢٤٤٦٧".lstrip("\u200f"),
)


@pytest.mark.parametrize("value", SAME_NUMBER, ids=range(len(SAME_NUMBER)))
def test_it_finds_one_number_in_all_its_spellings(value: object) -> None:
    assert normal_phone(value, country_code="971") == "+971508124467"


def test_without_a_country_a_national_number_matches_only_its_like() -> None:
    assert normal_phone("050 812 4467") == normal_phone("050-812-4467")
    assert normal_phone("050 812 4467") != normal_phone("+971508124467")
    assert normal_phone("050 812 4467", country_code="49") != normal_phone("050 812 4467", country_code="971")


NO_NUMBER = (
    "0000000",
    "+971 000 0000",
    "1234567",
    "0501234567",
    "+49 9876543",
    "1212121212",
    "12345",
    "1" * 30,
    "call me",
    "+971 50 812 4467 or 050 999 1111",
    "++971508124467",
    "",
    "+0971508124467",
    None,
    True,
    -971508124467,
    1.5,
    float("nan"),
    float("inf"),
    10**400,
)


@pytest.mark.parametrize("value", NO_NUMBER, ids=range(len(NO_NUMBER)))
def test_a_made_up_number_has_no_form(value: object) -> None:
    assert normal_phone(value, country_code="971") is None


@given(st.one_of(st.text(max_size=80), st.integers(), st.floats(), st.none(), st.booleans()))
def test_it_never_fails_and_its_form_is_its_own_form(value: object) -> None:
    for form in (normal_email(value), normal_phone(value, country_code="44"), normal_phone(value)):
        if form is not None and not form.startswith("~"):
            again = normal_email(form) if "@" in form else normal_phone(form)
            assert again == form


def test_it_tells_columns_by_what_they_hold() -> None:
    assert contact_kind("Contact", {f"p{n}@firm.ae": 1 for n in range(20)}) == "email"
    assert contact_kind("Mobile", {f"+97150812{n:04}": 1 for n in range(20)}) == "phone"
    assert contact_kind("Budget", {str(1_000_000 + n): 1 for n in range(20)}) is None
    assert contact_kind("Empty", {}) is None
