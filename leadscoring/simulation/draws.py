"""Seeded draws that stay put: each purpose has its own stream, so a new one shifts no other."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def stream(seed: int, purpose: str) -> np.random.Generator:
    """A generator that depends on the seed and the purpose's name alone."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, crc32(purpose.encode())])))


def zipf(size: int, exponent: float = 1.0) -> Floats:
    """Shares of `size` levels falling as rank**-exponent; they sum to 1."""
    weights = np.arange(1, size + 1, dtype=np.float64) ** -exponent
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def draw_levels(rng: np.random.Generator, rows: Codes, shares: ArrayLike) -> Codes:
    """One level per entry of `rows`, drawn with the shares of that row of the table.

    rows: (n,) row numbers; shares: (rows, levels), each row summing to 1 (it is normalised).
    One search in the concatenated cumulative shares replaces a loop over rows.
    """
    table = np.atleast_2d(np.asarray(shares, dtype=np.float64))
    cumulative = np.cumsum(table / table.sum(axis=1, keepdims=True), axis=1)
    cumulative[:, -1] = 1.0
    levels = table.shape[1]
    flat = (cumulative + np.arange(table.shape[0])[:, None]).ravel()
    found = np.searchsorted(flat, rows + rng.random(rows.size), side="right") - rows * levels
    return np.asarray(np.clip(found, 0, levels - 1), dtype=np.int64)


def stack_groups(groups: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], Codes]:
    """Levels of all groups in one list (first seen first), and the group of each."""
    names: list[str] = []
    owners: list[int] = []
    for number, levels in enumerate(groups):
        for level in levels:
            if level not in names:
                names.append(level)
                owners.append(number)
    return tuple(names), np.asarray(owners, dtype=np.int64)


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), for log-odds of any size."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), dtype=np.float64)
