"""What a stretch of time looked like to one model version: counts, moments and sketches that add up.

A profile of two stretches together is the merge of their profiles, so a check over any window costs the same however
many leads came.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from monitoring.stats.drift import Window
from scoring.ml.moments import Moments
from scoring.ml.reference import PROBABILITY_BINS, SCORES, FeatureProfile, ReferenceProfile
from scoring.ml.schema import Kind
from scoring.ml.sketches import QuantileSketch

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

GRADES = "ABCD"
#: Upper limits of the bins of latency in milliseconds, a factor of 2^(1/4) apart; the last bin is open.
LATENCY_EDGES: Floats = 0.1 * 2.0 ** (np.arange(72) / 4)


class LayoutMismatch(ValueError):
    """Stored bytes are of other features or bins than those they are read with."""


@dataclass(frozen=True, slots=True)
class Part:
    """A run of whole numbers within the counts of a profile."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Layout:
    """Where everything lies in the profiles of one version: fixed by its reference."""

    features: tuple[FeatureProfile, ...]
    bins: tuple[Part, ...] = field(init=False)

    def __post_init__(self) -> None:
        parts, start = [], 0
        for profile in self.features:
            parts.append(Part(start, start + profile.bins.size))
            start += profile.bins.size
        object.__setattr__(self, "bins", tuple(parts))

    @classmethod
    def of(cls, reference: ReferenceProfile) -> Self:
        return cls(reference.features)

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each feature."""
        return {profile.name: index for index, profile in enumerate(self.features)}

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The places of features that are measured as numbers: all but categories."""
        return tuple(i for i, one in enumerate(self.features) if one.kind is not Kind.CATEGORY)

    @property
    def total_bins(self) -> int:
        return self.bins[-1].stop if self.bins else 0

    @cached_property
    def parts(self) -> dict[str, Part]:
        """The runs after the bins: remarks per feature, probabilities, scores, grades, latencies."""
        sizes = {
            "unreadable": len(self.features),
            "outside": len(self.features),
            "probability": PROBABILITY_BINS,
            "score": SCORES,
            "grade": len(GRADES),
            "latency": len(LATENCY_EDGES) + 1,
        }
        found, start = {}, self.total_bins
        for name, size in sizes.items():
            found[name] = Part(start, start + size)
            start += size
        return found

    @property
    def size(self) -> int:
        """All whole numbers of a profile."""
        return self.parts["latency"].stop

    @cached_property
    def digest(self) -> str:
        """Changes when features or bins do."""
        document = [[one.name, one.kind.value, one.bins.to_json()] for one in self.features]
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """`n` leads: `counts` (shape layout.size), moments of each number and, last, of the probability (one column each),
    and their sketches in the same order (none where only counts are kept)."""

    layout: Layout
    n: int
    counts: Counts
    moments: Moments
    sketches: tuple[QuantileSketch, ...] = ()

    @classmethod
    def empty(cls, layout: Layout, *, sketched: bool = False) -> Self:
        """A profile of no leads."""
        columns = len(layout.numbers) + 1
        zeros = np.zeros(columns)
        return cls(
            layout,
            0,
            np.zeros(layout.size, dtype=np.int64),
            Moments(np.zeros(columns, dtype=np.int64), zeros, zeros.copy()),
            tuple(QuantileSketch() for _ in range(columns)) if sketched else (),
        )

    def merge(self, other: Profile) -> Profile:
        """Both together. Sketches are kept only if both have them, or one has no leads."""
        if self.layout.digest != other.layout.digest:
            raise LayoutMismatch("profiles of different features or bins cannot be merged")
        if not self.n:
            return other
        if not other.n:
            return self
        sketches: tuple[QuantileSketch, ...] = ()
        if self.sketches and other.sketches:
            sketches = tuple(a.merge(b) for a, b in zip(self.sketches, other.sketches, strict=True))
        return Profile(
            self.layout,
            self.n + other.n,
            self.counts + other.counts,
            self.moments.merge(other.moments),
            sketches,
        )

    @classmethod
    def of_counts(cls, layout: Layout, n: int, counts: bytes) -> Self:
        """Read the counts alone; the moments are left empty."""
        whole = np.frombuffer(zlib.decompress(counts), dtype="<i8").astype(np.int64)
        if whole.shape != (layout.size,):
            raise LayoutMismatch(f"expected {layout.size} counts, got {whole.size}")
        return cls(layout, n, whole, cls.empty(layout).moments)

    def without_sketches(self) -> Profile:
        """The same, counts and moments only."""
        return Profile(self.layout, self.n, self.counts, self.moments)

    def part(self, name: str) -> Counts:
        """The counts of one run, such as "score"."""
        where = self.layout.parts[name]
        return self.counts[where.start : where.stop]

    def bins(self, place: int) -> Counts:
        """The counts of one feature's bins."""
        where = self.layout.bins[place]
        return self.counts[where.start : where.stop]

    def window(self, place: int) -> Window:
        """One feature as a comparison takes it."""
        if place not in self.layout.numbers:
            return Window(self.bins(place))
        column = self.layout.numbers.index(place)
        return Window(self.bins(place), self._moments(column), self._sketch(column))

    def probability(self) -> Window:
        """The probabilities as a comparison takes them, in 50 bins."""
        return Window(self.part("probability"), self._moments(-1), self._sketch(-1))

    def _moments(self, column: int) -> Moments:
        return Moments(self.moments.n[column], self.moments.mean[column], self.moments.m2[column])

    def _sketch(self, column: int) -> QuantileSketch | None:
        return self.sketches[column] if self.sketches else None

    def counts_bytes(self) -> bytes:
        return zlib.compress(self.counts.astype("<i8").tobytes(), 1)

    def moments_bytes(self) -> bytes:
        m = self.moments
        return np.stack([m.n.astype(np.float64), m.mean, m.m2]).astype("<f8").tobytes()

    def sketches_bytes(self) -> bytes:
        """Empty where there are no sketches."""
        return zlib.compress(b"".join(one.to_bytes() for one in self.sketches), 1) if self.sketches else b""

    @classmethod
    def from_bytes(cls, layout: Layout, n: int, counts: bytes, moments: bytes, sketches: bytes = b"") -> Self:
        """Read what the three methods above wrote.

        Raises:
            LayoutMismatch: the lengths do not fit the layout.
        """
        whole = np.frombuffer(zlib.decompress(counts), dtype="<i8").astype(np.int64)
        columns = len(layout.numbers) + 1
        sums = np.frombuffer(moments, dtype="<f8").astype(np.float64)
        if whole.shape != (layout.size,) or sums.shape != (3 * columns,):
            raise LayoutMismatch(f"expected {layout.size} counts of {columns} columns, got {whole.size}")
        size, mean, m2 = sums.reshape(3, columns)
        kept = tuple(QuantileSketch.read_all(zlib.decompress(sketches))) if sketches else ()
        if kept and len(kept) != columns:
            raise LayoutMismatch(f"expected {columns} sketches, got {len(kept)}")
        return cls(layout, n, whole, Moments(size.astype(np.int64), mean, m2), kept)
