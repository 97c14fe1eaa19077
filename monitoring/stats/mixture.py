"""What a change of the mix of leads explains: each source as before, only more or fewer of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring.stats.divergence import population_stability_index, smoothed_shares

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST_IN_PART = 30
"""A value with fewer reference leads tells too little of what its leads look like."""
LEAST_COVERED = 0.8


@dataclass(frozen=True, slots=True)
class Part:
    """The leads of one value of a watched feature: its share now, and the reference counts of another feature among
    them (shape bins)."""

    share: float
    counts: Counts


def explained_psi(current: Counts, parts: Sequence[Part]) -> float | None:
    """The PSI that is left against what the mix of now would show, were each part as in the reference.

    None where the parts with at least 30 reference leads hold less than 80 % of the leads of now: then the mix cannot
    be told from what its parts became.
    """
    usable = [part for part in parts if part.counts.sum() >= LEAST_IN_PART and part.share > 0]
    covered = sum(part.share for part in usable)
    if covered < LEAST_COVERED or not current.sum():
        return None
    expected = sum(
        (part.share / covered * part.counts / part.counts.sum() for part in usable),
        start=np.zeros(len(current)),
    )
    there = (expected > 0) | (current > 0)
    m = min(int(part.counts.sum()) for part in usable)
    q = (expected[there] * m + 0.5) / (m + 0.5 * there.sum())
    return float(population_stability_index(smoothed_shares(current[there]), q / q.sum()))


def promised_auc(counts: ArrayLike) -> float | None:
    """The ROC-AUC that leads will show if each converts with its probability, from counts in equal bins of the
    probability (shape bins, from 0 to 1), each bin at its middle.

    The expected share of pairs ranked rightly, leads of one bin counting half: van Klaveren et al. (2016), Statistics
    in Medicine 35:4136-4152, for many leads. None where no conversion or nothing else is expected.
    """
    leads = np.asarray(counts, dtype=np.float64)
    middle = (np.arange(len(leads)) + 0.5) / len(leads)
    yes, no = leads * middle, leads * (1 - middle)
    pairs = yes.sum() * no.sum()
    if pairs <= 0:
        return None
    below = np.concatenate([[0.0], np.cumsum(no)[:-1]])
    return float((yes * (below + no / 2)).sum() / pairs)
