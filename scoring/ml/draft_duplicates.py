"""Columns that say the same thing twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

SAMPLE = 5000
SAME = 0.995
_MAX_PAIRS = 20_000


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Two columns of which each can be read off the other; `share` is how much of the rows agree."""

    first: str
    second: str
    share: float


def find_duplicates(
    columns: Mapping[str, NDArray[np.float64]], categorical: frozenset[str], *, seed: int = 0
) -> list[Duplicate]:
    """Pairs of columns with a one-to-one mapping in at least 99.5 % of the rows.

    `columns`: values or codes with NaN for missing, shape (n,) each; names in `categorical` hold codes,
    the others numbers, which are compared by rank. At most 5,000 rows are looked at (drawn with `seed`).
    """
    if not columns:
        return []
    n = len(next(iter(columns.values())))
    rows = (
        np.sort(np.random.default_rng(seed).choice(n, SAMPLE, replace=False)) if n > SAMPLE else np.arange(n)
    )
    sampled = {name: values[rows] for name, values in columns.items()}
    codes = {name: _codes(values) for name, values in sampled.items() if name in categorical}
    numbers = {name: _ranks(values) for name, values in sampled.items() if name not in categorical}
    found = []
    for group, same in ((codes, _agreement), (numbers, _rank_agreement)):
        profile = {name: _profile(values) for name, values in group.items()}
        pairs = 0
        for first, second in combinations(group, 2):
            (top_a, n_a), (top_b, n_b) = profile[first], profile[second]
            # A near-constant agrees with everything; columns of different spread agree with nothing.
            if (
                n_a < 2
                or abs(top_a - top_b) > 0.01
                or max(top_a, top_b) > 0.97
                or max(n_a, n_b) > 2 * min(n_a, n_b)
            ):
                continue
            pairs += 1
            if pairs > _MAX_PAIRS:
                break
            share = same(group[first], group[second])
            if share >= SAME:
                found.append(Duplicate(first, second, share))
    return found


def _codes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    filled = np.nan_to_num(values, nan=-1.0)
    return np.unique(filled, return_inverse=True)[1].astype(np.float64)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    ranks = np.zeros(len(values))
    filled = ~np.isnan(values)
    from scipy.stats import rankdata

    ranks[filled] = rankdata(values[filled])
    return ranks


def _profile(values: NDArray[np.float64]) -> tuple[float, int]:
    counts = np.unique(values, return_counts=True)[1]
    return float(counts.max() / len(values)), len(counts)


def _agreement(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    ai, bi = a.astype(np.int64), b.astype(np.int64)
    width = int(bi.max()) + 1
    pairs, counts = np.unique(ai * width + bi, return_counts=True)
    best_a = np.zeros(int(ai.max()) + 1)
    best_b = np.zeros(width)
    np.maximum.at(best_a, pairs // width, counts)
    np.maximum.at(best_b, pairs % width, counts)
    # Nearly unique values map one to one by chance; the smaller number of levels must repeat.
    if len(best_a) > 0.5 * len(ai):
        return 0.0
    return float(min(best_a.sum(), best_b.sum()) / len(ai))


def _rank_agreement(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if not np.array_equal(a == 0, b == 0) and float(np.mean((a == 0) != (b == 0))) > 1 - SAME:
        return 0.0
    both = (a > 0) & (b > 0)
    if both.sum() < 20:
        return 0.0
    x, y = a[both] - a[both].mean(), b[both] - b[both].mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    if scale == 0:
        return 0.0
    correlation = abs(float(x @ y)) / scale
    # Two noisy measures of one thing reach .995 by rank and still differ; the same measure reaches .9999.
    return correlation if correlation >= 0.9999 else 0.0
