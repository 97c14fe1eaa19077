"""Counts and shares in sentences."""

from __future__ import annotations

import pytest

from scoring.ml.phrases import count, percent


@pytest.mark.parametrize(
    ("n", "words"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (20_000, "20,000 rows")]
)
def test_one_is_not_many(n: int, words: str) -> None:
    assert count(n, "row") == words


def test_a_noun_may_bring_its_verb() -> None:
    assert (count(1, "cell is", "cells are"), count(3, "cell is", "cells are")) == (
        "1 cell is",
        "3 cells are",
    )


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0.0 %"),
        (0.0001, "<0.1 %"),
        (1 / 201, "0.5 %"),
        (0.0949, "9.5 %"),
        (0.184, "18 %"),
        (200 / 201, "99.5 %"),
        (0.99999, ">99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_a_share_is_never_none_or_all_while_it_is_neither(share: float, words: str) -> None:
    assert percent(share) == words
