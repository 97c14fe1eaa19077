"""Times of answers as counts in fine buckets: quantiles of any window are a merge away, each with its interval.

Bucket k holds the times from ``edge(k)`` up to ``edge(k + 1)``, 30 buckets for each power of ten, so the middle of a
bucket (geometric) is within 4 % of everything in it. The edges go through 200 ms, the limit that is judged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from scipy.special import bdtr, bdtrc

PER_DECADE = 30
ANCHOR_MS = 200.0
FASTEST, SLOWEST = -4 * PER_DECADE, 3 * PER_DECADE
"""0.02 ms and 200 s: quicker and slower answers are counted in the first and the last bucket."""
FASTEST_MS, SLOWEST_MS = (ANCHOR_MS * 10.0 ** (k / PER_DECADE) for k in (FASTEST, SLOWEST))
MOST_OFF = 10 ** (0.5 / PER_DECADE) - 1
"""The largest relative error of a quantile within the buckets: 3.9 %."""

Buckets = Mapping[int, int]
"""How many answers (≥ 0) fell into each bucket; buckets without any may be left out."""


def edge(bucket: int) -> float:
    """Where a bucket begins, in ms.

    >>> edge(0), edge(30), round(edge(-9), 1)
    (200.0, 2000.0, 100.2)
    """
    return ANCHOR_MS * float(10.0 ** (bucket / PER_DECADE))


def bucket_of(ms: float) -> int:
    """The bucket of a time in ms (≥ 0).

    >>> bucket_of(200.0), bucket_of(199.9), bucket_of(0.0), bucket_of(1e9)
    (0, -1, -120, 90)
    """
    # Also for what is no number: nothing here may fail in the middle of a call.
    if not ms > FASTEST_MS:
        return FASTEST
    if ms >= SLOWEST_MS:
        return SLOWEST
    return math.floor(PER_DECADE * math.log10(ms / ANCHOR_MS) + 1e-9)


def middle(bucket: int) -> float:
    """The time that stands for a bucket, in ms."""
    return ANCHOR_MS * float(10.0 ** ((bucket + 0.5) / PER_DECADE))


def merged(many: Iterable[Buckets]) -> dict[int, int]:
    """The sum of several counts."""
    found: dict[int, int] = {}
    for one in many:
        for bucket, count in one.items():
            found[bucket] = found.get(bucket, 0) + count
    return found


def total(buckets: Buckets) -> int:
    """How many answers there are."""
    return sum(buckets.values())


def slower(buckets: Buckets, limit_ms: float) -> int:
    """How many answers certainly took at least `limit_ms`: those in buckets that begin there or later.

    >>> slower({-1: 5, 0: 2, 30: 1}, 200.0), slower({-1: 5, 0: 2, 30: 1}, 201.0)
    (3, 1)
    """
    return sum(count for bucket, count in buckets.items() if edge(bucket) >= limit_ms * (1 - 1e-9))


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of times in ms with the bounds of its interval and how many answers it rests on. A bound is None
    where too few answers lie beyond it."""

    ms: float
    low: float | None
    high: float | None
    n: int


def quantile(buckets: Buckets, share: float, *, confidence: float = 0.95) -> Quantile | None:
    """The `share` quantile (0 < share < 1) and its distribution-free interval from order statistics; None for no
    answer. Bounds are edges of buckets, on the safe side.

    The k-th smallest of n lies above the quantile with probability P(Binomial(n, share) < k): David & Nagaraja (2003),
    Order Statistics, 3rd ed., section 7.1.
    """
    n = total(buckets)
    if n == 0:
        return None
    tail = (1.0 - confidence) / 2.0
    # The largest k with P(B < k) ≤ tail, and the smallest with P(B ≥ k) ≤ tail.
    low = _last(n, lambda k: float(bdtr(k - 1, n, share)) <= tail)
    high = _last(n, lambda k: float(bdtrc(k - 1, n, share)) > tail) + 1
    ordered = sorted((bucket, count) for bucket, count in buckets.items() if count)
    at = _place(ordered, max(math.ceil(share * n - 1e-9), 1))
    return Quantile(
        middle(at),
        edge(_place(ordered, low)) if low >= 1 else None,
        edge(_place(ordered, high) + 1) if high <= n else None,
        n,
    )


def p_slow(buckets: Buckets, *, share: float, limit_ms: float) -> float:
    """The chance of so many answers at or over `limit_ms` if the `share` quantile were below it: exact binomial, the
    same test as asking whether the lower order-statistic bound passes the limit. 1.0 for no answer.

    >>> f"{p_slow({30: 5}, share=0.95, limit_ms=200.0):.4g} {0.05**5:.4g}"
    '3.125e-07 3.125e-07'
    """
    n = total(buckets)
    late = slower(buckets, limit_ms)
    return float(bdtrc(late - 1, n, 1.0 - share)) if late else 1.0


def p_more(hits: int, n: int, share: float) -> float:
    """The chance of `hits` or more of `n` when the true share is `share`: exact binomial. 1.0 for no hit."""
    return float(bdtrc(hits - 1, n, share)) if hits else 1.0


def _last(n: int, holds: Callable[[int], bool]) -> int:
    """The largest k of 0..n for which a falling condition holds; 0 where none does."""
    least, most = 0, n
    while least < most:
        tried = (least + most + 1) // 2
        if holds(tried):
            least = tried
        else:
            most = tried - 1
    return least


def _place(ordered: list[tuple[int, int]], rank: int) -> int:
    seen = 0
    for bucket, count in ordered:
        seen += count
        if seen >= rank:
            return bucket
    return ordered[-1][0]
