"""Moments that can be merged in any order without losing precision."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.ml.intervals import NotEnoughData
from scoring.ml.moments import Moments


def test_they_equal_numpy_on_many_columns_with_gaps() -> None:
    data = np.random.default_rng(0).normal(5, 3, (200, 4))
    data[::3, 1] = np.nan
    moments = Moments.of(data)
    assert moments.n.tolist() == [200, 133, 200, 200]
    np.testing.assert_allclose(moments.mean, np.nanmean(data, axis=0), rtol=1e-13)
    np.testing.assert_allclose(moments.variance(), np.nanvar(data, axis=0, ddof=1), rtol=1e-12)


def test_a_thousand_values_near_a_billion_keep_their_variance() -> None:
    noise = np.random.default_rng(1).normal(size=1000)
    moments = Moments.of(1e9 + noise)
    assert float(moments.variance()) == pytest.approx(noise.var(ddof=1), rel=1e-6)
    merged = Moments.of(1e9 + noise[:400]).merge(Moments.of(1e9 + noise[400:]))
    assert float(merged.variance()) == pytest.approx(noise.var(ddof=1), rel=1e-6)


@settings(max_examples=80)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40),
    cuts=st.lists(st.integers(0, 40), min_size=2, max_size=2),
)
def test_merging_parts_in_any_order_equals_the_whole(values: list[float], cuts: list[int]) -> None:
    data = np.array(values)
    first, second = sorted(min(cut, len(values)) for cut in cuts)
    a, b, c = (Moments.of(part) for part in (data[:first], data[first:second], data[second:]))
    whole = Moments.of(data)
    scale = max(1.0, float(np.abs(data).max()))
    for merged in (a.merge(b).merge(c), c.merge(a.merge(b)), b.merge(c).merge(a)):
        assert int(merged.n) == len(values)
        assert float(merged.mean) == pytest.approx(float(whole.mean), abs=1e-12 * scale)
        assert float(merged.m2) == pytest.approx(float(whole.m2), rel=1e-9, abs=1e-9 * scale**2)


def test_an_empty_column_is_the_neutral_element() -> None:
    empty, some = Moments.of(np.full(5, np.nan)), Moments.of(np.array([1.0, 4.0]))
    assert (int(empty.n), float(empty.mean), float(empty.m2)) == (0, 0.0, 0.0)
    for merged in (empty.merge(some), some.merge(empty)):
        assert (int(merged.n), float(merged.mean), float(merged.m2)) == (2, 2.5, 4.5)


def test_one_value_has_no_variance() -> None:
    with pytest.raises(NotEnoughData, match="n = 1"):
        Moments.of(np.array([[1.0, 2.0], [np.nan, 3.0]])).variance()


def test_infinite_values_and_odd_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="infinite"):
        Moments.of(np.array([1.0, math.inf]))
    with pytest.raises(ValueError, match="shape"):
        Moments.of(np.ones((2, 2, 2)))
    with pytest.raises(ValueError, match="cannot merge"):
        Moments.of(np.ones(2)).merge(Moments.of(np.ones((2, 3))))


@pytest.mark.parametrize("data", [np.array([0.1, 0.7, 1 / 3]), np.random.default_rng(0).normal(size=(9, 3))])
def test_they_survive_json_exactly(data: np.ndarray) -> None:
    moments = Moments.of(data)
    again = Moments.from_json(json.loads(json.dumps(moments.to_json(), allow_nan=False)))
    for name in ("n", "mean", "m2"):
        assert np.array_equal(getattr(again, name), getattr(moments, name))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": -1}, "moments.n"),
        ({"n": 1.5}, "whole"),
        ({"mean": "x"}, "moments.mean"),
        ({"m2": -0.1}, "moments.m2"),
        ({"m2": [1.0, 2.0]}, "one length"),
    ],
)
def test_broken_stored_moments_are_refused_by_name(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Moments.from_json({**Moments.of(np.array([1.0, 2.0])).to_json(), **change})
    with pytest.raises(ValueError, match=r"moments\.n"):
        Moments.from_json({})
