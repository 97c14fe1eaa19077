"""Checked LightGBM trees as arrays of nodes, and where each node sends a row.

The decisions are LightGBM's own (`NumericalDecision` and `CategoricalDecision` of its `tree.h`): a missing
value goes its default way, a level that the split does not name goes right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.ml.trees import tree_fields

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ZERO = float(np.float32(1e-35))
"""LightGBM reads what is nearer to 0 than this as 0."""
CATEGORICAL, DEFAULT_LEFT = 1, 2
MISSING_ZERO, MISSING_NAN = 1, 2
LARGEST_CODE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree. A child c >= 0 is a node, c < 0 is leaf ~c; `shares[n]` are the shares of the rows of node n
    that went left and right in training; a tree of one leaf has no nodes."""

    features: list[int]
    left: list[int]
    right: list[int]
    shares: list[tuple[float, float]]
    values: list[float]
    expected: float


@dataclass(frozen=True, slots=True)
class Decisions:
    """The splits of all trees, in order of the trees. `categorical` are the places of splits by level; the
    codes that the k-th of them sends left are the true ones of `levels[starts[k]:starts[k] + lengths[k]]`."""

    features: Ints
    thresholds: Floats
    default_left: Bools
    missing_zero: Bools
    missing_nan: Bools
    categorical: Ints
    levels: Bools
    starts: Ints
    lengths: Ints

    def go_left(self, matrix: Floats) -> Bools:
        """Whether each node sends each row left; shape (nodes, rows) for a matrix (rows, columns)."""
        columns = np.where(np.abs(matrix) <= ZERO, 0.0, matrix).T
        values = columns.take(self.features, axis=0)
        absent = np.isnan(values)
        left: Bools = np.where(absent, 0.0, values) <= self.thresholds[:, None]
        defaults = absent & self.missing_nan[:, None]
        if self.missing_zero.any():
            defaults |= (absent | (values == 0.0)) & self.missing_zero[:, None]
        np.copyto(left, self.default_left[:, None], where=defaults)
        if len(self.categorical):
            left[self.categorical] = self._by_level(values.take(self.categorical, axis=0))
        return left

    def _by_level(self, values: Floats) -> Bools:
        code = np.where(np.isnan(values), -1.0, np.clip(values, -1.0, LARGEST_CODE)).astype(np.int64)
        known = (code >= 0) & (code < self.lengths[:, None])
        at = self.starts[:, None] + np.where(known, code, 0)
        return known & self.levels.take(at)


def read_trees(text: str, columns: int) -> tuple[list[Tree], Decisions]:
    """The trees of a text that `check_trees` has accepted, and their splits."""
    trees = []
    splits: list[tuple[int, float, int]] = []
    levels: list[tuple[int, Bools]] = []
    for fields in tree_fields(text, columns):
        tree = _tree(fields)
        if tree.features:
            kinds = _ints(fields["decision_type"])
            thresholds = [float(part) for part in fields["threshold"].split(" ")]
            first = len(splits)
            levels.extend((first + node, bits) for node, bits in _categorical(fields, kinds, thresholds))
            splits.extend(zip(tree.features, thresholds, kinds, strict=True))
        trees.append(tree)
    kind = np.array([kind for _, _, kind in splits], dtype=np.int64)
    missing = (kind >> 2) & 3
    return trees, Decisions(
        features=np.array([feature for feature, _, _ in splits], dtype=np.int64),
        thresholds=np.array([threshold for _, threshold, _ in splits], dtype=np.float64),
        default_left=(kind & DEFAULT_LEFT) != 0,
        missing_zero=missing == MISSING_ZERO,
        missing_nan=missing == MISSING_NAN,
        categorical=np.array([place for place, _ in levels], dtype=np.int64),
        levels=np.concatenate([bits for _, bits in levels] or [np.zeros(0, dtype=np.bool_)]),
        starts=np.cumsum([0, *(len(bits) for _, bits in levels)])[:-1].astype(np.int64),
        lengths=np.array([len(bits) for _, bits in levels], dtype=np.int64),
    )


def _tree(fields: dict[str, str]) -> Tree:
    values = [float(part) for part in fields["leaf_value"].split(" ")]
    if len(values) == 1:
        return Tree([], [], [], [], values, values[0])
    left, right = _ints(fields["left_child"]), _ints(fields["right_child"])
    inner, leaves = _ints(fields["internal_count"]), _ints(fields["leaf_count"])

    def rows(child: int) -> int:
        return inner[child] if child >= 0 else leaves[~child]

    shares = [(rows(a) / n, rows(b) / n) for a, b, n in zip(left, right, inner, strict=True)]
    expected = sum(count / inner[0] * value for count, value in zip(leaves, values, strict=True))
    return Tree(_ints(fields["split_feature"]), left, right, shares, values, expected)


def _categorical(
    fields: dict[str, str], kinds: list[int], thresholds: list[float]
) -> Iterator[tuple[int, Bools]]:
    if not any(kind & CATEGORICAL for kind in kinds):
        return
    bounds = _ints(fields["cat_boundaries"])
    words = np.array(_ints(fields["cat_threshold"]), dtype="<u4")
    bits = np.unpackbits(words.view(np.uint8), bitorder="little").astype(np.bool_)
    for node, kind in enumerate(kinds):
        if kind & CATEGORICAL:
            at = int(thresholds[node])
            yield node, bits[bounds[at] * 32 : bounds[at + 1] * 32]


def _ints(text: str) -> list[int]:
    return [int(part) for part in text.split(" ")]
