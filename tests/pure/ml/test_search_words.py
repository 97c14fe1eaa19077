"""Words that people search by: cut alike when kept and when asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.ml.search_words import LONGEST_WORD, MOST_WORDS, asked, kept, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Zoë Müller", ["zoe", "muller"]),
        ("+971 50 123-4567", ["971", "50", "123", "4567", "971501234567"]),
        ("a.b@example.com", ["a", "b", "example", "com", "a.b@example.com"]),
        ("محمد علي", ["محمد", "علي"]),
        ("Ｆｕｌｌ", ["full"]),
        ("  -- !! ", []),
        ("o'hara@x.org", ["o", "hara", "x", "org", "ohara@x.org"]),
    ],
)
def test_it_cuts_a_text_into_words(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(st.text(max_size=200))
def test_what_is_kept_is_found_by_its_own_words(text: str) -> None:
    stored = kept([text]).split(" ")
    assert len(stored) <= MOST_WORDS
    assert all(len(word) <= LONGEST_WORD and "'" not in word and word.strip() == word for word in stored)
    for part in asked(text):
        assert any(word.startswith(part) for word in stored) or len(words(text)) > MOST_WORDS


def test_it_keeps_each_word_once_and_not_too_many() -> None:
    assert kept(["Amal", "amal AMAL"]) == "amal"
    assert len(kept([" ".join(f"w{i}" for i in range(100))]).split()) == MOST_WORDS
