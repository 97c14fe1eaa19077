"""Counts that went wrong: missing, unseen or unreadable values, and leads that stopped coming.

These are looked at every hour, so each look may spend only its share of the error of a week.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

Floats = NDArray[np.float64]

HOURS = 168
"""Hours of a week: the looks that share its error."""
LEAST_RISE = 0.05
"""A share that rose by less than five points is no news, however certain."""


@dataclass(frozen=True, slots=True)
class ShareRise:
    """A share beside the reference: both, the rows behind them, and how likely so many are if nothing changed."""

    before: float
    now: float
    n: int
    m: int
    p: float

    @property
    def rise(self) -> float:
        """In shares of all rows."""
        return self.now - self.before


def share_rise(hits: int, n: int, reference_hits: int, m: int) -> ShareRise:
    """Whether a share of rows (missing, unseen, out of range, of the wrong type) is higher than in the reference.

    The p-value is the chance of at least so many hits among n rows when hits are beta-binomial with what the reference
    leaves open (uniform prior): a reference of 200 rows without a missing value does not prove that there are none.

    Raises:
        ValueError: counts that cannot be.
    """
    for k, rows, where in ((hits, n, "the window"), (reference_hits, m, "the reference")):
        if rows < 1 or not 0 <= k <= rows:
            raise ValueError(f"{where}: expected 0 to n hits of at least one row, got {k} of {rows}")
    a, b = reference_hits + 1.0, m - reference_hits + 1.0
    return ShareRise(reference_hits / m, hits / n, n, m, _at_least(hits, n, a, b))


def _at_least(hits: int, n: int, a: float, b: float) -> float:
    """The chance of `hits` or more among n when hits are beta-binomial.

    Summed from its own end: SciPy's betabinom.sf is one minus the rest, which is noise below 1e-11.
    """
    if hits == 0:
        return 1.0
    log_first = (
        special.betaln(hits + a, n - hits + b)
        - special.betaln(a, b)
        - special.betaln(n - hits + 1, hits + 1)
        - np.log(n + 1)
    )
    k = np.arange(hits, n, dtype=np.float64)
    ratios = (n - k) * (k + a) / ((k + 1) * (n - k - 1 + b))
    logs = log_first + np.concatenate([[0.0], np.cumsum(np.log(ratios))])
    return float(min(np.exp(special.logsumexp(logs)), 1.0))


@dataclass(frozen=True, slots=True)
class Volume:
    """Leads that came beside those expected, with the interval of 95 of 100 such hours, and how likely so few (or so
    many) are."""

    came: int
    expected: float
    low: float
    high: float
    p_low: float
    p_high: float
    weeks: int


def volume(came: int, history: ArrayLike) -> Volume | None:
    """Judge the leads of a span by those of the same span in past weeks (shape weeks, newest last).

    Counts vary more than chance alone: a negative binomial with the mean and the spread of these weeks, its mean
    uncertain by so few weeks. None where fewer than 4 weeks are known, or none of them had a lead: then nothing can be
    expected.

    Raises:
        ValueError: negative or broken counts.
    """
    past = np.asarray(history, dtype=np.float64)
    if came < 0 or past.ndim != 1 or not bool((np.isfinite(past) & (past >= 0)).all()):
        raise ValueError("expected counts of leads: finite and not negative")
    weeks = len(past)
    if weeks < 4 or past.sum() == 0:
        return None
    mean = float(past.mean())
    # Variance of the count itself, and of the mean that is not known.
    spread = max(float(past.var(ddof=1)), mean) * (1 + 1 / weeks)
    dispersion = max(spread - mean, 1e-9) / mean
    size, chance = mean / dispersion, 1 / (1 + dispersion)
    law = stats.nbinom(size, chance)
    return Volume(
        came,
        mean,
        float(law.ppf(0.025)),
        float(law.ppf(0.975)),
        float(law.cdf(came)),
        float(law.sf(came - 1)),
        weeks,
    )


def spent(error: float, looks: int = HOURS) -> float:
    """The error one of so many looks may make, so that all together make at most `error` (Bonferroni)."""
    if not 0 < error < 1 or looks < 1:
        raise ValueError(f"expected an error between 0 and 1 and at least one look, got {error} and {looks}")
    return error / looks
