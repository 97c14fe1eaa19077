"""Checks of LightGBM's text model before LightGBM may read it.

LightGBM trusts its own text: sizes become memory offsets and children become array indices. So every
index, size and number is checked here first, and a text that is not exactly what we write is refused.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeVar

MAX_TREES = 5000
MAX_LEAVES = 4096
MAX_DEPTH = 128
_HEADER = (
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "feature_names",
    "feature_infos",
    "tree_sizes",
)
_FIXED = {
    "version": "v4",
    "num_class": "1",
    "num_tree_per_iteration": "1",
    "label_index": "0",
    "objective": "binary sigmoid:1",
}
_NODE_FLOATS = ("split_gain", "threshold", "internal_value", "internal_weight")
_NODE_INTS = ("split_feature", "decision_type", "left_child", "right_child", "internal_count")
_END = "end of trees"
_INT = re.compile(r"-?[0-9]{1,12}")
_NUMBER = r"-?(?:[0-9]{1,24}(?:\.[0-9]{1,24})?(?:e[+-]?[0-9]{1,3})?|inf)"
_FLOAT = re.compile(_NUMBER)
_INFO = re.compile(rf"none|\[{_NUMBER}:{_NUMBER}\]|-?[0-9]{{1,9}}(?::-?[0-9]{{1,9}})*")
LARGEST = sys.float_info.max
N = TypeVar("N", int, float)


class TreeError(ValueError):
    """The text is not a model of ours; the message says where and what was expected."""


def check_trees(text: str, columns: int) -> int:
    """The number of trees of a LightGBM text model over `columns` columns. Raises TreeError in words."""
    if not text.isascii():
        raise TreeError("model: expected plain ASCII text")
    head, _, body = text.partition("\n\n")
    sizes = _header(head, columns)
    if not body.endswith(_END + "\n"):
        raise TreeError(f"model: expected it to end with “{_END}”; it seems cut off")
    for number, block in enumerate(_blocks(body, sizes)):
        if len(block) != sizes[number] or not block.startswith(f"Tree={number}\n"):
            raise TreeError(f"model.Tree={number}: expected it at its stated place and length")
        _tree(_fields(block, f"model.Tree={number}"), columns, f"model.Tree={number}")
    if body[sum(sizes) :].strip() != _END:
        raise TreeError(f"model: expected “{_END}” after {len(sizes)} trees")
    return len(sizes)


def tree_fields(text: str, columns: int) -> list[dict[str, str]]:
    """The lines of each tree by name, of a text that `check_trees` has accepted."""
    head, _, body = text.partition("\n\n")
    sizes = _header(head, columns)
    return [_fields(block, f"model.Tree={n}") for n, block in enumerate(_blocks(body, sizes))]


def _blocks(body: str, sizes: list[int]) -> Iterator[str]:
    position = 0
    for size in sizes:
        yield body[position : position + size]
        position += size


def _header(head: str, columns: int) -> list[int]:
    lines = head.split("\n")
    if lines[0] != "tree":
        raise TreeError("model: expected the text to begin with “tree”")
    fields = _pairs(lines[1:], "model")
    if tuple(fields) != _HEADER:
        raise TreeError(f"model: expected the header lines {', '.join(_HEADER)}")
    for name, expected in _FIXED.items():
        if fields[name] != expected:
            raise TreeError(f"model.{name}: got “{fields[name][:40]}”; expected “{expected}”")
    if fields["max_feature_idx"] != str(columns - 1):
        raise TreeError(
            f"model.max_feature_idx: got “{fields['max_feature_idx'][:20]}”; expected {columns - 1}"
        )
    if fields["feature_names"] != " ".join(f"Column_{i}" for i in range(columns)):
        raise TreeError(f"model.feature_names: expected Column_0 to Column_{columns - 1}")
    infos = fields["feature_infos"].split(" ")
    if len(infos) != columns or not all(_INFO.fullmatch(info) for info in infos):
        raise TreeError(f"model.feature_infos: expected a range or a list of codes for {columns} columns")
    sizes = _ints(fields["tree_sizes"], "model.tree_sizes") if fields["tree_sizes"] else []
    if len(sizes) > MAX_TREES or any(size <= 0 for size in sizes):
        raise TreeError(f"model.tree_sizes: expected at most {MAX_TREES} positive sizes")
    return sizes


def _fields(block: str, where: str) -> dict[str, str]:
    # LightGBM ends a tree at its first empty line; whatever it misses then ends the whole process.
    body = block.rstrip("\n")
    if block != body + "\n\n\n" or "\n\n" in body:
        raise TreeError(f"{where}: expected lines without gaps and two empty lines at the end")
    return _pairs(body.split("\n"), where)


def _pairs(lines: list[str], where: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        name, mark, value = line.partition("=")
        if not mark or name in fields:
            raise TreeError(f"{where}: line “{line[:40]}” is not a single name=value")
        fields[name] = value
    return fields


def _tree(fields: dict[str, str], columns: int, where: str) -> None:
    leaves, categories = _one(fields, "num_leaves", where), _one(fields, "num_cat", where)
    if not 1 <= leaves <= MAX_LEAVES or not 0 <= categories < leaves:
        raise TreeError(f"{where}.num_leaves: expected 1 to {MAX_LEAVES} leaves and fewer categorical splits")
    expected = {"Tree", "num_leaves", "num_cat", *_NODE_FLOATS, *_NODE_INTS, "is_linear", "shrinkage"}
    expected |= {"leaf_value", "leaf_weight", "leaf_count"}
    expected |= {"cat_boundaries", "cat_threshold"} if categories else set()
    if set(fields) != expected:
        raise TreeError(f"{where}: unexpected or missing lines: {sorted(set(fields) ^ expected)}"[:300])
    if fields["is_linear"] != "0":
        raise TreeError(f"{where}.is_linear: expected 0")
    _list(fields, "shrinkage", 1, _floats, where)
    _list(fields, "leaf_value", leaves, _floats, where)
    if leaves == 1:
        return
    nodes = {name: _list(fields, name, leaves - 1, _ints, where) for name in _NODE_INTS}
    floats = {
        name: _list(fields, name, leaves - 1, _thresholds if name == "threshold" else _floats, where)
        for name in _NODE_FLOATS
    }
    _list(fields, "leaf_weight", leaves, _floats, where)
    leaf_count = _list(fields, "leaf_count", leaves, _ints, where)
    for feature in nodes["split_feature"]:
        if not 0 <= feature < columns:
            raise TreeError(f"{where}.split_feature: got column {feature}; expected 0 to {columns - 1}")
    _categories(fields, categories, nodes["decision_type"], floats["threshold"], where)
    _shape(nodes, leaf_count, leaves, where)


def _categories(
    fields: dict[str, str], categories: int, decisions: list[int], thresholds: list[float], where: str
) -> None:
    if not all(0 <= decision <= 11 for decision in decisions):
        raise TreeError(f"{where}.decision_type: expected 0 to 11")
    chosen = [t for t, decision in zip(thresholds, decisions, strict=True) if decision & 1]
    if sorted(chosen) != list(range(categories)):
        raise TreeError(f"{where}.threshold: expected one entry of cat_boundaries per categorical split")
    if not categories:
        return
    bounds = _list(fields, "cat_boundaries", categories + 1, _ints, where)
    words = _ints(fields["cat_threshold"], f"{where}.cat_threshold", largest=2**32 - 1)
    rising = all(a < b for a, b in pairwise(bounds))
    if bounds[0] != 0 or bounds[-1] != len(words) or not rising:
        raise TreeError(
            f"{where}.cat_boundaries: expected them to rise from 0 to the length of cat_threshold"
        )
    if not all(0 <= word < 2**32 for word in words):
        raise TreeError(f"{where}.cat_threshold: expected 32-bit words")


def _shape(nodes: dict[str, list[int]], leaf_count: list[int], leaves: int, where: str) -> None:
    """Each node and leaf hangs below one earlier node; counts, which exact reasons divide by, add up."""
    depth, met = [0] * (leaves - 1), [False] * (2 * leaves - 1)
    if any(count < 1 for count in leaf_count):
        raise TreeError(f"{where}.leaf_count: expected at least 1 row in each leaf")
    for node in range(leaves - 1):
        below = 0
        for name in ("left_child", "right_child"):
            child = nodes[name][node]
            place = child if child >= 0 else leaves - 1 + ~child
            if not (node < child < leaves - 1 or -leaves <= child < 0) or met[place]:
                raise TreeError(f"{where}.{name}: node {node} points to {child}, which cannot be")
            met[place] = True
            if child >= 0:
                depth[child] = depth[node] + 1
            below += nodes["internal_count"][child] if child >= 0 else leaf_count[~child]
        if below != nodes["internal_count"][node] or depth[node] >= MAX_DEPTH:
            raise TreeError(f"{where}.internal_count: node {node} does not hold the rows of its children")


def _one(fields: dict[str, str], name: str, where: str) -> int:
    if name not in fields:
        raise TreeError(f"{where}.{name}: missing")
    values = _ints(fields[name], f"{where}.{name}")
    if len(values) != 1:
        raise TreeError(f"{where}.{name}: expected one whole number")
    return values[0]


def _list(
    fields: dict[str, str], name: str, length: int, read: Callable[[str, str], list[N]], where: str
) -> list[N]:
    values = read(fields[name], f"{where}.{name}")
    if len(values) != length:
        raise TreeError(f"{where}.{name}: got {len(values)} entries; expected {length}")
    return values


def _ints(text: str, where: str, *, largest: int = 2**31 - 1) -> list[int]:
    parts = text.split(" ")
    if not all(_INT.fullmatch(part) for part in parts):
        raise TreeError(f"{where}: expected whole numbers")
    values = [int(part) for part in parts]
    if any(abs(value) > largest for value in values):
        raise TreeError(f"{where}: expected whole numbers of at most {largest}")
    return values


def _thresholds(text: str, where: str) -> list[float]:
    """Numbers, some perhaps infinite: so LightGBM parts rows that have a value from those that have none."""
    return [math.copysign(LARGEST, v) if math.isinf(v) else v for v in _numbers(text, where, finite=False)]


def _floats(text: str, where: str) -> list[float]:
    return _numbers(text, where, finite=True)


def _numbers(text: str, where: str, *, finite: bool) -> list[float]:
    parts = text.split(" ")
    # Python reads more than LightGBM does ("1_0"), and what LightGBM cannot read ends the whole process.
    if not all(_FLOAT.fullmatch(part) for part in parts):
        raise TreeError(f"{where}: expected numbers")
    values = [float(part) for part in parts]
    if finite and not all(map(math.isfinite, values)):
        raise TreeError(f"{where}: expected finite numbers")
    return values
