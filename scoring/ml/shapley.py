"""Exact Shapley values of boosted trees for many leads at once.

Path-dependent TreeSHAP (Lundberg et al. 2020, Nature Machine Intelligence 2:56-67, algorithm 2): what a leaf
gives to the features on its path depends only on which of their conditions a lead meets. As in FastTreeSHAP
v2 (Yang 2021, arXiv:2109.09847), this is worked out once per pattern of met conditions when a model is
loaded; scoring is then a look-up. Here small subtrees share one table, which takes a fifth of the look-ups.

With z the share of training rows that meet a condition and o = 1 where this lead meets it, a leaf of value v
with conditions on D features gives feature i

    v · (o_i - z_i) · ∫₀¹ Π_{j≠i} ((1-t)·z_j + t·o_j) dt,

since ∫ t^k (1-t)^(D-1-k) dt = k!(D-1-k)!/D! is the Shapley weight of a coalition of k. The integrand is a
polynomial of degree D-1, so Gauss-Legendre with ⌈D/2⌉ points is exact up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from scoring.ml.tree_nodes import Decisions, Floats, Ints, Tree, read_trees

BITS = 9
"""Subtrees share a table while the patterns of their conditions and those of the path have this many bits."""
MOST_BITS = 12
"""A single leaf may hang below this many features: 4,096 patterns."""
LARGEST_TABLES = 64 * 1024 * 1024
ROWS_AT_ONCE = 64
Patterns = NDArray[np.uint16]


@dataclass(slots=True)
class _Block:
    """A subtree and the path to it. `path` maps a feature to the edges (node, goes left) that lead here."""

    path: dict[int, list[tuple[int, bool]]]
    share: dict[int, float]
    root: int
    nodes: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TreeContributions:
    """What each column adds to the log-odds of the trees. Read-only after it is built.

    `edges[k]` and `places[k]` are, per table, the k-th condition and the bit of the pattern that a row sets
    by missing it (edge 0 is never missed); `starts` is the first entry of each table, `slots` the column of
    each of its values.
    """

    decisions: Decisions
    width: int
    base: float
    edges: Ints
    places: Patterns
    starts: Ints
    slots: Ints
    tables: Floats

    @property
    def size(self) -> int:
        """Bytes of the tables."""
        return int(self.tables.nbytes)

    def contributions(self, matrix: Floats) -> Floats:
        """Shapley values in log-odds, shape (rows, columns); with `base` they sum to the trees' raw score.

        A row's numbers do not depend on the rows beside it: `bincount` adds them up one after another.
        """
        out = np.zeros((len(matrix), self.width))
        if not len(self.starts):
            return out
        slots, values = self.slots.ravel(), np.empty(self.slots.shape)
        for begin in range(0, len(matrix), ROWS_AT_ONCE):
            patterns = self._patterns(matrix[begin : begin + ROWS_AT_ONCE])
            for row, entries in enumerate(patterns, start=begin):
                # "clip" lets NumPy write straight into `values`; every entry lies within the tables.
                self.tables.take(entries, axis=0, out=values, mode="clip")
                out[row] = np.bincount(slots, weights=values.ravel(), minlength=self.width + 1)[:-1]
        return out

    def _patterns(self, matrix: Floats) -> Ints:
        """The entry of each table that a row reads; shape (rows, tables)."""
        left = self.decisions.go_left(matrix)
        missed = np.zeros((1 + 2 * len(left), len(matrix)), dtype=np.uint16)
        np.logical_not(left, out=missed[1 : len(left) + 1], casting="unsafe")
        missed[len(left) + 1 :] = left
        pattern = np.zeros((len(self.starts), len(matrix)), dtype=np.uint16)
        for edge, place in zip(self.edges, self.places, strict=True):
            pattern |= missed.take(edge, axis=0) << place[:, None]
        return np.ascontiguousarray((pattern + self.starts[:, None]).T)


def tree_contributions(text: str, width: int) -> TreeContributions | None:
    """The tables of a checked LightGBM text over `width` columns; None where the trees are too deep or too
    many for tables, so that LightGBM itself must be asked."""
    trees, decisions = read_trees(text, width)
    planned = [list(_blocks(tree)) for tree in trees]
    blocks = [block for found in planned for block in found]
    sizes = [len(block.path) + len(block.nodes) for block in blocks]
    widest = max(sizes, default=0)
    if widest > MOST_BITS or sum(2**size for size in sizes) * widest * 8 > LARGEST_TABLES:
        return None
    longest = max((_conditions(block) for block in blocks), default=0)
    edges = np.zeros((longest, len(blocks)), dtype=np.int64)
    places = np.zeros((longest, len(blocks)), dtype=np.uint16)
    slots = np.full((len(blocks), widest), width, dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum([2**size for size in sizes])]).astype(np.int64)
    tables = np.zeros((int(starts[-1]), widest))
    at, first = 0, 1
    for tree, found in zip(trees, planned, strict=True):
        for block in found:
            for k, (node, goes_left, place) in enumerate(_edges(block)):
                edges[k, at] = first + node + (0 if goes_left else len(decisions.features))
                places[k, at] = place
            columns = _columns(tree, block)
            slots[at, : len(columns)] = columns
            tables[starts[at] : starts[at + 1], : len(columns)] = _table(tree, block, columns)
            at += 1
        first += len(tree.features)
    base = float(sum(tree.expected for tree in trees))
    return TreeContributions(decisions, width, base, edges, places, starts[:-1], slots, tables)


def _blocks(tree: Tree) -> Iterator[_Block]:
    """The tree cut into the largest subtrees that have few enough conditions."""
    below = _inner_nodes(tree)
    waiting = [_Block({}, {}, 0)] if tree.features else []
    while waiting:
        block = waiting.pop()
        nodes = below[block.root] if block.root >= 0 else []
        if not nodes or len(block.path) + len(nodes) <= BITS:
            block.nodes = nodes
            yield block
            continue
        waiting += [_step(tree, block, goes_left=False), _step(tree, block, goes_left=True)]


def _step(tree: Tree, block: _Block, *, goes_left: bool) -> _Block:
    node = block.root
    feature, share = tree.features[node], tree.shares[node][0 if goes_left else 1]
    path = {**block.path, feature: [*block.path.get(feature, []), (node, goes_left)]}
    shares = {**block.share, feature: block.share.get(feature, 1.0) * share}
    return _Block(path, shares, tree.left[node] if goes_left else tree.right[node])


def _inner_nodes(tree: Tree) -> list[list[int]]:
    # Children come after their parents, so one walk backwards knows them.
    below: list[list[int]] = [[] for _ in tree.features]
    for node in reversed(range(len(tree.features))):
        children = (tree.left[node], tree.right[node])
        below[node] = [node, *(inner for child in children if child >= 0 for inner in below[child])]
    return below


def _conditions(block: _Block) -> int:
    return sum(map(len, block.path.values())) + len(block.nodes)


def _edges(block: _Block) -> Iterator[tuple[int, bool, int]]:
    for place, steps in enumerate(block.path.values()):
        for node, goes_left in steps:
            yield node, goes_left, place
    for place, node in enumerate(block.nodes, start=len(block.path)):
        yield node, True, place


def _columns(tree: Tree, block: _Block) -> list[int]:
    return list(dict.fromkeys([*block.path, *(tree.features[node] for node in block.nodes)]))


def _table(tree: Tree, block: _Block, columns: list[int]) -> Floats:
    """Per pattern of missed conditions, what the leaves of the block give each column."""
    patterns = np.arange(2 ** (len(block.path) + len(block.nodes)))
    met = {feature: (patterns >> place) & 1 == 0 for place, feature in enumerate(block.path)}
    bit = {node: len(block.path) + place for place, node in enumerate(block.nodes)}
    slot = {feature: place for place, feature in enumerate(columns)}
    table = np.zeros((len(patterns), len(columns)))
    waiting = [(block.root, met, block.share)]
    while waiting:
        place, met, share = waiting.pop()
        if place < 0:
            given = _leaf(tree.values[~place], np.array(list(met.values())), np.array(list(share.values())))
            table[:, [slot[feature] for feature in met]] += given.T
            continue
        feature = tree.features[place]
        left = (patterns >> bit[place]) & 1 == 0
        ways = ((tree.left[place], left, 0), (tree.right[place], ~left, 1))
        for child, goes, side in ways:
            both = met[feature] & goes if feature in met else goes
            part = share.get(feature, 1.0) * tree.shares[place][side]
            waiting.append((child, {**met, feature: both}, {**share, feature: part}))
    return table


def _leaf(value: float, met: NDArray[np.bool_], share: Floats) -> Floats:
    """What a leaf gives the features of its path; (features, patterns) for `met` of the same shape."""
    total = np.zeros(met.shape)
    for t, weight in _points((len(share) + 1) // 2):
        missed = (1.0 - t) * share
        factor = np.where(met, (missed + t)[:, None], missed[:, None])
        total += weight * factor.prod(axis=0) / factor
    result: Floats = value * np.where(met, (1.0 - share)[:, None], -share[:, None]) * total
    return result


@cache
def _points(n: int) -> list[tuple[float, float]]:
    """Gauss-Legendre points and weights on [0, 1], exact for polynomials up to degree 2n - 1."""
    at, weights = np.polynomial.legendre.leggauss(n)
    return [((float(x) + 1.0) / 2.0, float(w) / 2.0) for x, w in zip(at, weights, strict=True)]
