"""How far apart two distributions over the same bins are."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

HALF = 0.5


def smoothed_shares(counts: ArrayLike) -> Floats:
    """Shares of each bin with half a count added to every bin (shape ... x bins), so that no share is 0."""
    values = np.asarray(counts, dtype=np.float64) + HALF
    return np.asarray(values / values.sum(axis=-1, keepdims=True))


def population_stability_index(current: ArrayLike, reference: ArrayLike) -> Floats:
    """PSI of shares (shape ... x bins, all positive): sum of (p - q) ln(p / q); 0 for equal ones, no upper bound.

    Symmetric: it is Jeffreys' divergence, the sum of the Kullback-Leibler divergences both ways (Jeffreys 1946,
    Proc. R. Soc. A 186:453-461).
    """
    p, q = _shares(current), _shares(reference)
    return np.asarray(((p - q) * np.log(p / q)).sum(axis=-1))


def kullback_leibler(current: ArrayLike, reference: ArrayLike) -> Floats:
    """Divergence of the current from the reference shares in nats: sum of p ln(p / q), with 0 ln 0 = 0."""
    p, q = _shares(current, positive=False), _shares(reference)
    logs = np.log(np.where(p > 0, p, 1.0) / q)
    return np.asarray((p * logs).sum(axis=-1))


def jensen_shannon(current: ArrayLike, reference: ArrayLike) -> Floats:
    """Jensen-Shannon distance of shares, base 2: between 0 (equal) and 1 (nothing in common). The square root of
    the divergence, hence a metric (Endres & Schindelin 2003, IEEE Trans. Inf. Theory 49:1858-1860)."""
    p, q = _shares(current, positive=False), _shares(reference, positive=False)
    middle = (p + q) / 2
    safe = np.where(middle > 0, middle, 1.0)
    divergence = (
        sum((side * np.log2(np.where(side > 0, side, safe) / safe)).sum(axis=-1) for side in (p, q)) / 2
    )
    return np.asarray(np.sqrt(np.clip(divergence, 0.0, 1.0)))


def _shares(values: ArrayLike, *, positive: bool = True) -> Floats:
    shares = np.asarray(values, dtype=np.float64)
    if shares.ndim == 0 or not bool(np.isfinite(shares).all() and (shares >= 0).all()):
        raise ValueError("expected shares of bins: finite and not negative")
    if positive and not bool((shares > 0).all()):
        raise ValueError("a share of 0 has no logarithm; smooth the counts first")
    if not np.allclose(shares.sum(axis=-1), 1.0, atol=1e-9):
        raise ValueError(f"shares must add up to 1, got {shares.sum(axis=-1)}")
    return shares
