"""Seeded draws that stay put: each purpose has its own stream, so a new one shifts no other."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

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


def hashed(seed: int, purpose: str, keys: Codes) -> Floats:
    """(n,) uniforms on (0, 1), each a function of seed, purpose and its key alone, whatever else is drawn.

    The finaliser of splitmix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
    """
    start = np.random.SeedSequence([seed, crc32(purpose.encode())]).generate_state(1, np.uint64)[0]
    with np.errstate(over="ignore"):
        z = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + start
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return np.asarray(((z >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53, dtype=np.float64)


def count_shares(means: Floats, shape: float, most: int) -> Floats:
    """Shares of counts 0 to `most`, one row per mean: negative binomial, the Poisson of a gamma rate.

    A table, so that a count takes one uniform whatever its mean: a changed lead shifts no other's draws.
    """
    mean, count = np.maximum(means, 1e-9)[:, None], np.arange(most + 1.0)[None, :]
    ways = gammaln(count + shape) - gammaln(shape) - gammaln(count + 1.0)
    log_share = ways + shape * np.log(shape / (shape + mean)) + count * np.log(mean / (shape + mean))
    return np.asarray(np.exp(log_share), dtype=np.float64)


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


def draw_levels_at(uniform: Floats, shares: ArrayLike) -> Codes:
    """One level per uniform, by inversion of one row of shares."""
    cumulative = np.cumsum(np.asarray(shares, dtype=np.float64))
    found = np.searchsorted(cumulative / cumulative[-1], uniform, side="right")
    return np.asarray(np.minimum(found, cumulative.size - 1), dtype=np.int64)


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
