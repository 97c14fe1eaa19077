"""Pooling bins until a comparison of two windows may be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST_EXPECTED = 5.0
"""The smallest expected count of a cell for which the chi-squared approximation is used (Cochran 1954, Biometrics
10:417-451)."""


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Two windows over the same pooled cells: reference and current counts (shape cells), and for each cell the bins
    it holds."""

    reference: Counts
    current: Counts
    bins: tuple[tuple[int, ...], ...]

    @property
    def cells(self) -> int:
        """How many cells are left."""
        return len(self.bins)


def pool(reference: Counts, current: Counts, *, ordered: int, least: float = LEAST_EXPECTED) -> Pooled:
    """Pool the bins of two windows (counts, shape bins each) until every cell expects `least` rows in the smaller
    one if nothing changed.

    The first `ordered` bins lie on a line: neighbours are pooled. The others (categories; other, unseen, missing) are
    pooled with each other, and with the smallest cell when together they are still too few. Which bins are pooled
    depends on both windows' sums only, so a test given these sums keeps its level. Bins empty in both are dropped.

    >>> pool(np.array([50, 2, 48]), np.array([25, 1, 24]), ordered=3).bins
    ((0, 1), (2,))
    """
    if reference.shape != current.shape or reference.ndim != 1:
        raise ValueError(
            f"expected two rows of counts of one length, got {reference.shape} and {current.shape}"
        )
    if not 0 <= ordered <= len(reference):
        raise ValueError(f"ordered must lie between 0 and {len(reference)}, got {ordered}")
    m, n = int(reference.sum()), int(current.sum())
    both = (reference + current).astype(np.float64)
    expected = both * (min(m, n) / max(m + n, 1))
    groups = _neighbours(expected[:ordered], least) if n and m else []
    rest = [index for index in range(ordered, len(reference)) if both[index] > 0]
    groups += _gathered(rest, expected, least) if n and m else []
    groups = _without_small(groups, expected, least)
    return Pooled(
        np.array([reference[list(group)].sum() for group in groups], dtype=np.int64),
        np.array([current[list(group)].sum() for group in groups], dtype=np.int64),
        tuple(groups),
    )


def _neighbours(expected: Floats, least: float) -> list[tuple[int, ...]]:
    groups: list[tuple[int, ...]] = []
    open_group: list[int] = []
    for index in np.flatnonzero(expected > 0).tolist():
        open_group.append(index)
        if expected[open_group].sum() >= least:
            groups.append(tuple(open_group))
            open_group = []
    if open_group:
        # What is left at the end goes to the neighbour before.
        groups = [*groups[:-1], (*groups[-1], *open_group)] if groups else [tuple(open_group)]
    return groups


def _gathered(indices: list[int], expected: Floats, least: float) -> list[tuple[int, ...]]:
    own = [(index,) for index in indices if expected[index] >= least]
    few = tuple(index for index in indices if expected[index] < least)
    return [*own, few] if few else list(own)


def _without_small(groups: list[tuple[int, ...]], expected: Floats, least: float) -> list[tuple[int, ...]]:
    """Join the smallest cell with the next smallest until none is too small."""
    groups = list(groups)
    while len(groups) > 1:
        sizes = [float(expected[list(group)].sum()) for group in groups]
        order = np.argsort(sizes, kind="stable")
        if sizes[order[0]] >= least:
            break
        small, into = int(order[0]), int(order[1])
        groups[into] = tuple(sorted(groups[into] + groups[small]))
        del groups[small]
    return groups
