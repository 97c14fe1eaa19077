"""Places in a body, in words and as pointers."""

from __future__ import annotations

import doctest

import pytest

from scoring.api import paths
from scoring.api.paths import Path, pointer, printable, shown, spoken


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(paths).failed == 0
    assert doctest.testmod(paths).attempted > 0


@pytest.mark.parametrize(
    ("path", "words", "json_pointer"),
    [
        ((), "the body", ""),
        (("external_id",), "external_id", "/external_id"),
        (("leads", 0, "attributes", "age"), "leads[0].attributes.age", "/leads/0/attributes/age"),
        (("attributes", "a.b"), 'attributes["a.b"]', "/attributes/a.b"),
        (("attributes", ""), 'attributes[""]', "/attributes/"),
        (("attributes", "Größe €"), 'attributes["Größe €"]', "/attributes/Größe €"),
        (("~", "/"), '["~"]["/"]', "/~0/~1"),
    ],
)
def test_it_writes_a_place_for_people_and_for_programs(path: Path, words: str, json_pointer: str) -> None:
    assert spoken(path) == words
    assert pointer(path) == json_pointer


@pytest.mark.parametrize("value", ["\ud800", "\x00", {"\udfff": "\x00"}, ["\ud83d"] * 3, "\ud800" * 500])
def test_whatever_is_shown_can_be_encoded_and_stored(value: object) -> None:
    text = shown(value)
    text.encode("utf-8")
    assert "\x00" not in text
    assert len(text) < 520


def test_long_values_are_cut_and_say_so() -> None:
    assert shown("x" * 5000).endswith("… (5000 characters)")
    assert shown(list(range(100))) == "a list of 100"
    assert shown({str(i): i for i in range(50)}) == "an object with 50 names"
    assert len(shown({"a": "x" * 5000})) < 100


def test_printable_text_stays_as_it_is() -> None:
    assert printable("Größe 😀\n") == "Größe 😀\n"
