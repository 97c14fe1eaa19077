"""The bins of one feature, fixed by the reference, and the counting of later values in them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Distinct values of a category, and how often each occurs.
Levels = tuple[NDArray[Any], NDArray[np.int64]]

#: A category with a smaller share of the reference is counted in "other".
LEAST_SHARE = 0.005
#: More rare levels than this are not listed one by one.
MOST_RARE = 2000
#: From so many values on, distinct ones are found first.
MANY = 2000
DECILES = np.arange(1, 10) / 10


@dataclass(frozen=True, slots=True)
class FeatureBins:
    """Where the values of one feature are counted.

    Numbers: ``edges`` (strictly increasing) cut the line into len(edges) + 1 bins, each holding its upper
    edge; then comes *missing*. Categories: one bin per level of ``levels``, then *other* (a level of the
    reference below 0.5 %, listed in ``rare``), *unseen* (never in the reference), *missing*. Where the
    reference had too many rare levels to list (``rare_cut``), a level that is not listed counts as *other*:
    among thousands of levels a new one is no news, and calling it unseen would alarm every day.
    """

    edges: tuple[float, ...] | None = None
    levels: tuple[str, ...] | None = None
    rare: frozenset[str] = frozenset()
    rare_cut: bool = False
    _place: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if (self.edges is None) == (self.levels is None):
            raise ValueError("bins: expected either edges (numbers) or levels (categories)")
        edges = np.asarray(self.edges or (), dtype=np.float64)
        if not bool(np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
            raise ValueError("bins.edges: expected strictly increasing finite numbers")
        levels = self.levels or ()
        if len(set(levels)) != len(levels) or self.rare & set(levels):
            raise ValueError("bins.levels: expected every level once, and none of them among the rare")
        place = {level: index for index, level in enumerate(levels)}
        place.update(dict.fromkeys(self.rare, len(levels)))
        object.__setattr__(self, "_place", place)

    @property
    def size(self) -> int:
        """The number of bins, the extra ones included."""
        return len(self.edges) + 2 if self.edges is not None else len(self.levels or ()) + 3

    @property
    def missing(self) -> int:
        """The index of the bin for missing values (the last)."""
        return self.size - 1

    @property
    def unseen(self) -> int | None:
        """The index of the bin for values never in the reference; None for numbers."""
        return None if self.edges is not None else self.size - 2

    @property
    def names(self) -> tuple[str, ...]:
        """What each bin holds, for people, in order."""
        if self.edges is None:
            return (*(self.levels or ()), "other", "unseen", "missing")
        if not self.edges:
            return ("any number", "missing")
        shown = [f"{edge:g}" for edge in self.edges]
        between = [f"over {low} to {high}" for low, high in pairwise(shown)]
        return (f"up to {shown[0]}", *between, f"over {shown[-1]}", "missing")

    def assign(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Return the bin of each value: float64 with NaN for numbers, str or None for categories."""
        if self.edges is not None:
            numbers = np.asarray(values, dtype=np.float64)
            place = np.searchsorted(np.asarray(self.edges), numbers, side="left")
            return np.where(np.isnan(numbers), self.missing, place).astype(np.int64)
        if len(values) < MANY:
            return self._places(values)
        # Each distinct value is looked up once.
        codes, distinct = _distinct(values)
        return self._places(distinct)[codes]

    def _places(self, values: NDArray[Any]) -> NDArray[np.int64]:
        find, missing = self._place.get, self.missing
        unlisted = self.size - 3 if self.rare_cut else self.size - 2
        return np.fromiter(
            (find(value, unlisted) if isinstance(value, str) else missing for value in values),
            np.int64,
            len(values),
        )

    def count(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Return how many values fall into each bin (shape ``size``)."""
        if self.edges is None and len(values) >= MANY:
            return self.count_levels(level_counts(values))
        return np.bincount(self.assign(values), minlength=self.size).astype(np.int64)

    def count_levels(self, levels: Levels) -> NDArray[np.int64]:
        """The same from counts of distinct values."""
        distinct, counts = levels
        places = self._places(distinct)
        return np.bincount(places, weights=counts, minlength=self.size).astype(np.int64)

    def to_json(self) -> dict[str, object]:
        """Return a JSON object."""
        if self.edges is not None:
            return {"edges": list(self.edges)}
        return {"levels": list(self.levels or ()), "rare": sorted(self.rare), "rare_cut": self.rare_cut}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote; raises ``ValueError`` or ``TypeError`` on anything else."""
        if "edges" in data:
            return cls(edges=tuple(float(edge) for edge in data["edges"]))
        levels, rare = (tuple(map(str, data[name])) for name in ("levels", "rare"))
        return cls(levels=levels, rare=frozenset(rare), rare_cut=bool(data["rare_cut"]))


def bins_of_numbers(values: NDArray[np.float64]) -> FeatureBins:
    """Return decile bins of the present values (NaN is missing), tied edges merged.

    Edges are values of the sample (no interpolation), so a column of few distinct numbers gets one bin per
    group of them. An edge at the largest value would leave an empty bin above it: the next smaller value
    takes its place. A column of one value, or of none, gets the one bin *any number*.
    """
    present = np.asarray(values, dtype=np.float64)
    present = present[~np.isnan(present)]
    if len(present) == 0:
        return FeatureBins(edges=())
    edges = np.unique(np.quantile(present, DECILES, method="inverted_cdf"))
    largest = present.max()
    below = present[present < largest]
    if edges[-1] == largest and len(below):
        edges = np.unique(np.append(edges, below.max()))
    return FeatureBins(edges=tuple(float(edge) for edge in edges[edges < largest]))


def bins_of_categories(values: NDArray[Any]) -> FeatureBins:
    """Return a bin for each level with at least 0.5 % of all rows (missing ones counted in), most first."""
    return bins_of_levels(level_counts(values))


def bins_of_levels(levels: Levels) -> FeatureBins:
    """The same from counts of distinct values, missing ones among them."""
    distinct, numbers = levels
    counts = {value: n for value, n in zip(distinct, numbers.tolist(), strict=True) if isinstance(value, str)}
    least = LEAST_SHARE * int(numbers.sum())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rare = [level for level, count in ordered if count < least]
    return FeatureBins(
        levels=tuple(level for level, count in ordered if count >= least),
        rare=frozenset(rare[:MOST_RARE]),
        rare_cut=len(rare) > MOST_RARE,
    )


def level_counts(values: NDArray[Any]) -> Levels:
    """Distinct values and how often each occurs; all that is missing is one of them, None."""
    codes, distinct = _distinct(np.asarray(values, dtype=object))
    return distinct, np.bincount(codes, minlength=len(distinct)).astype(np.int64)


def _distinct(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The place of each value among the distinct ones, and these; all that is missing is one of them, None."""
    import pandas as pd

    codes, found = pd.factorize(values)
    distinct = np.empty(len(found) + 1, dtype=object)
    distinct[:-1] = found
    return np.where(codes < 0, len(found), codes).astype(np.int64), distinct


def date_bin_names(edges: tuple[float, ...]) -> tuple[str, ...]:
    """Return the names of the bins of a date feature, whose edges are days since 1970-01-01 (UTC)."""
    shown = [_day(edge) for edge in edges]
    between = [f"after {first} to {last}" for first, last in pairwise(shown)]
    return (f"up to {shown[0]}", *between, f"after {shown[-1]}", "missing")


def _day(days: float) -> str:
    try:
        return (date(1970, 1, 1) + timedelta(days=math.floor(days))).isoformat()
    except OverflowError:
        return f"day {days:g}"
