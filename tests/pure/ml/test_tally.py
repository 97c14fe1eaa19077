"""The flat dictionary behaves like a dict."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from scoring.ml.tally import Tally


@pytest.mark.parametrize("seed", range(5))
def test_it_counts_like_a_counter(seed: int) -> None:
    draw = random.Random(seed)
    some = [0, 1, -1, 2**63, -(2**63), 2**64 - 1, *(draw.getrandbits(64) for _ in range(400))]
    tally, counted = Tally(), Counter[int]()
    for _ in range(3000):
        key = draw.choice(some)
        counted[key % 2**64] += 1
        assert tally.add(key) == counted[key % 2**64]
    assert len(tally) == len(counted)


def test_it_remembers_the_first_value_through_growth() -> None:
    draw = random.Random(1)
    keys = [draw.getrandbits(64) for _ in range(20_000)]
    tally = Tally()
    for number, key in enumerate(keys, start=1):
        assert tally.first(key, number) == number
    for number, key in enumerate(keys, start=1):
        assert tally.first(key, 99_999) == number


def test_keys_that_follow_each_other_do_not_pile_up() -> None:
    tally = Tally()
    for key in range(50_000):
        assert tally.add(key) == 1
    assert len(tally) == 50_000
