"""Corrected p-values equal SciPy's, and a quiet world stays quiet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from scoring.ml.multiplicity import benjamini_hochberg


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_it_equals_scipy(p: list[float]) -> None:
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p), abs=1e-12)


def test_nothing_tested_gives_nothing() -> None:
    assert len(benjamini_hochberg([])) == 0


@pytest.mark.parametrize("bad", [[-0.1], [1.1], [float("nan")], [[0.5]]])
def test_what_is_no_p_value_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="p-values between 0 and 1"):
        benjamini_hochberg(bad)


def test_among_nothing_but_chance_one_time_in_twenty_something_is_flagged() -> None:
    rng = np.random.default_rng(1)
    flagged = [(benjamini_hochberg(rng.random(200)) <= 0.05).any() for _ in range(1000)]
    assert np.mean(flagged) == pytest.approx(0.05, abs=0.02)
