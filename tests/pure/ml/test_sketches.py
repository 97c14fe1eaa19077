"""Sketches: the stated rank error is a guarantee, whatever the order, and merging keeps it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.ml.intervals import NotEnoughData
from scoring.ml.sketches import LevelCounts, QuantileSketch


def _worst_rank_error(sketch: QuantileSketch, values: np.ndarray) -> float:
    ordered = np.sort(values)
    asked = np.unique(ordered)
    true = np.searchsorted(ordered, asked, side="right") / len(ordered)
    return float(np.abs(sketch.rank(asked) - true).max())


def _columns(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    return {
        "rising": np.arange(float(n)),
        "falling": np.arange(float(n))[::-1],
        "long tail": rng.lognormal(0, 3, n),
        "few values": rng.integers(0, 5, n).astype(float),
        "one value": np.full(n, 3.0),
        "saw": np.arange(float(n)) % 37,
    }


@pytest.mark.parametrize("name", list(_columns(1)))
@pytest.mark.parametrize("parts", [1, 7, 200])
def test_ranks_stay_within_the_stated_error(name: str, parts: int) -> None:
    values = _columns(30_000)[name]
    sketch = QuantileSketch(64)
    for part in np.array_split(values, parts):
        sketch = sketch.merge(QuantileSketch.of(part, 64))
    assert sketch.n == 30_000
    assert _worst_rank_error(sketch, values) <= sketch.rank_error + 1e-12
    assert (sketch.minimum, sketch.maximum) == (values.min(), values.max())


def test_the_stated_error_is_small_at_the_default_capacity() -> None:
    values = np.random.default_rng(1).normal(size=300_000)
    once = QuantileSketch.of(values)
    assert once.rank_error <= 2 / 512
    merged = QuantileSketch()
    for part in np.array_split(values, 300):
        merged = merged.merge(QuantileSketch.of(part))
    assert merged.rank_error <= math.log2(300_000 / 512) / 512
    assert _worst_rank_error(merged, values) < 0.004


def test_added_one_by_one_the_guarantee_holds() -> None:
    values = np.random.default_rng(2).permutation(3000).astype(float)
    sketch = QuantileSketch(32)
    for value in values:
        sketch.update(np.array([value]))
    assert sketch.n == 3000
    assert 0 < _worst_rank_error(sketch, values) <= sketch.rank_error


@settings(max_examples=60, deadline=None)
@given(
    chunks=st.lists(st.lists(st.floats(-100, 100), max_size=60), min_size=1, max_size=8),
    capacity=st.sampled_from([8, 10, 64]),
)
def test_merges_of_any_shape_keep_weight_and_guarantee(chunks: list[list[float]], capacity: int) -> None:
    sketch = QuantileSketch(capacity)
    for chunk in chunks:
        sketch = QuantileSketch.of(np.array(chunk), capacity).merge(sketch)
    values = np.array([value for chunk in chunks for value in chunk])
    assert sketch.n == len(values)
    if len(values):
        assert _worst_rank_error(sketch, values) <= sketch.rank_error + 1e-9
    stored = json.loads(json.dumps(sketch.to_json(), allow_nan=False))
    assert QuantileSketch.from_json(stored).to_json() == sketch.to_json()


def test_small_columns_are_kept_exactly() -> None:
    values = np.random.default_rng(3).normal(size=501)
    sketch = QuantileSketch.of(values)
    shares = np.linspace(0, 1, 41)
    assert sketch.rank_error == 0.0
    assert sketch.quantiles(shares).tolist() == np.quantile(values, shares, method="inverted_cdf").tolist()
    assert sketch.quantile(0.5) == np.quantile(values, 0.5, method="inverted_cdf")


def test_missing_values_are_not_counted_and_infinite_ones_refused() -> None:
    sketch = QuantileSketch.of(np.array([math.nan, 2.0, math.nan, 1.0]))
    assert (sketch.n, sketch.minimum, sketch.maximum) == (2, 1.0, 2.0)
    with pytest.raises(ValueError, match="infinite"):
        sketch.update(np.array([math.inf]))


def test_an_empty_sketch_has_no_quantiles_and_merges_as_nothing() -> None:
    empty = QuantileSketch.of(np.array([math.nan]))
    for ask in (
        lambda: empty.minimum,
        lambda: empty.maximum,
        lambda: empty.quantile(0.5),
        lambda: empty.rank(1.0),
    ):
        with pytest.raises(NotEnoughData, match="empty sketch"):
            ask()
    assert empty.rank_error == 0.0
    assert empty.merge(QuantileSketch.of(np.array([5.0]))).quantile(0.3) == 5.0
    assert QuantileSketch.from_json(empty.to_json()).n == 0


def test_odd_requests_are_refused() -> None:
    sketch = QuantileSketch.of(np.arange(10.0))
    with pytest.raises(ValueError, match="between 0 and 1"):
        sketch.quantile(1.5)
    with pytest.raises(ValueError, match="even number"):
        QuantileSketch(7)
    with pytest.raises(ValueError, match="capacity 512"):
        sketch.merge(QuantileSketch(8))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": 11}, "n says 11"),
        ({"n": "10"}, "n: expected a whole number"),
        ({"levels": [["x"]]}, "lists of numbers"),
        ({"levels": []}, "sketch.levels"),
        ({"levels": None}, "sketch.levels"),
        ({"levels": [[math.inf] * 10]}, "finite"),
        ({"odd": [True, False]}, "levels stand for"),
        ({"minimum": None}, "minimum"),
        ({"minimum": 99.0}, "minimum <= maximum"),
        ({"capacity": 3}, "capacity"),
    ],
)
def test_a_broken_stored_sketch_is_refused_by_name(change: dict[str, object], words: str) -> None:
    good = QuantileSketch.of(np.arange(10.0)).to_json()
    with pytest.raises(ValueError, match=words):
        QuantileSketch.from_json({**good, **change})


def test_levels_are_counted_most_first() -> None:
    counts = LevelCounts.of(["b", "a", None, "b", "c", "a", "b"])
    assert list(counts.counts.items()) == [("b", 3), ("a", 2), ("c", 1)]
    assert (counts.missing, counts.overflow, counts.undercount, counts.n) == (1, 0, 0, 7)


@settings(max_examples=80)
@given(st.lists(st.lists(st.sampled_from([None, *"abcdefgh"]), max_size=30), min_size=1, max_size=6))
def test_dropped_levels_are_accounted_for(chunks: list[list[str | None]]) -> None:
    merged = LevelCounts({}, capacity=3)
    for chunk in chunks:
        merged = merged.merge(LevelCounts.of(chunk, capacity=3))
    rows = [value for chunk in chunks for value in chunk]
    assert merged.n == len(rows)
    assert merged.missing == rows.count(None)
    assert len(merged.counts) <= 3
    for level, count in merged.counts.items():
        assert count <= rows.count(level) <= count + merged.undercount
    assert LevelCounts.from_json(json.loads(json.dumps(merged.to_json()))) == merged


def test_broken_counts_are_refused() -> None:
    good = LevelCounts.of(["a"]).to_json()
    for change, words in (
        ({"counts": {"a": -1}}, "a: expected a whole number"),
        ({"counts": []}, "JSON object"),
        ({"overflow": 0.5}, "overflow"),
        ({"capacity": 0}, "capacity at least 1"),
    ):
        with pytest.raises(ValueError, match=words):
            LevelCounts.from_json({**good, **change})
    with pytest.raises(ValueError, match="capacity 1000"):
        LevelCounts.of(["a"]).merge(LevelCounts.of(["a"], capacity=5))
