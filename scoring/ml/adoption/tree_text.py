"""Decision trees of other tools written as LightGBM's text, so that one engine scores and explains them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

NAN_LEFT, NAN_RIGHT = 10, 8
"""LightGBM's decision types for a number: missing values are told apart, and go left or right."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf's part of the log-odds, and how many leads fell into it in training (at least 1 is counted)."""

    value: float
    count: float


@dataclass(frozen=True, slots=True)
class Branch:
    """Values of `column` at or below `threshold` go left, missing ones where `decision` says."""

    column: int
    threshold: float
    decision: int
    left: Branch | Leaf
    right: Branch | Leaf


@dataclass(slots=True)
class _Flat:
    columns: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    decisions: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    leaf_values: list[float] = field(default_factory=list)
    leaf_counts: list[int] = field(default_factory=list)

    def add(self, node: Branch | Leaf) -> tuple[int, int]:
        """The node's number as LightGBM counts (leaves from -1 downwards) and the leads below it."""
        if isinstance(node, Leaf):
            self.leaf_values.append(node.value)
            self.leaf_counts.append(max(1, round(node.count)))
            return -len(self.leaf_values), self.leaf_counts[-1]
        at = len(self.columns)
        self.columns.append(node.column)
        self.thresholds.append(node.threshold)
        self.decisions.append(node.decision)
        for values in (self.left, self.right, self.counts):
            values.append(0)
        self.left[at], below_left = self.add(node.left)
        self.right[at], below_right = self.add(node.right)
        self.counts[at] = below_left + below_right
        return at, self.counts[at]


def tree_text(trees: Sequence[Branch | Leaf], columns: int) -> str:
    """LightGBM's text of these trees over `columns` columns, in the form that `check_trees` expects."""
    blocks = [_block(number, tree) for number, tree in enumerate(trees)]
    return text_of_blocks(blocks, ["none"] * columns if not blocks else ["[-1e300:1e300]"] * columns)


def text_of_blocks(blocks: Sequence[str], infos: Sequence[str]) -> str:
    """The header, the blocks of the trees, and the end mark."""
    head = [
        "tree",
        "version=v4",
        "num_class=1",
        "num_tree_per_iteration=1",
        "label_index=0",
        f"max_feature_idx={len(infos) - 1}",
        "objective=binary sigmoid:1",
        f"feature_names={' '.join(f'Column_{i}' for i in range(len(infos)))}",
        f"feature_infos={' '.join(infos)}",
        f"tree_sizes={' '.join(str(len(block)) for block in blocks)}",
    ]
    return "\n".join(head) + "\n\n" + "".join(blocks) + "end of trees\n"


def _block(number: int, tree: Branch | Leaf) -> str:
    flat = _Flat()
    flat.add(tree)
    inner, leaves = len(flat.columns), len(flat.leaf_values)
    lines = [f"Tree={number}", f"num_leaves={leaves}", "num_cat=0"]
    lines += [f"{name}={_joined(values)}" for name, values in _node_lines(flat, inner)]
    lines += ["is_linear=0", "shrinkage=1"]
    return "\n".join(lines) + "\n\n\n"


def _node_lines(flat: _Flat, inner: int) -> list[tuple[str, Sequence[float]]]:
    zeros = [0] * inner
    return [
        ("split_feature", flat.columns),
        ("split_gain", zeros),
        ("threshold", flat.thresholds),
        ("decision_type", flat.decisions),
        ("left_child", flat.left),
        ("right_child", flat.right),
        ("leaf_value", flat.leaf_values),
        ("leaf_weight", flat.leaf_counts),
        ("leaf_count", flat.leaf_counts),
        ("internal_value", zeros),
        ("internal_weight", zeros),
        ("internal_count", flat.counts),
    ]


def _joined(values: Sequence[float]) -> str:
    return " ".join(repr(value) for value in values)
