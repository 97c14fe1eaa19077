"""Counts of a category's levels that can be merged and stay bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class LevelCounts:
    """Counts of the levels of a category, with a bound on how many are kept by name.

    ``counts`` is ordered by count, then name. Rows whose level was dropped are in ``overflow``; a named
    count may be too low by at most ``undercount``, because the level may have been dropped before. Nothing
    is lost: the counts, ``overflow`` and ``missing`` add up to n. Raises ``ValueError`` on negative counts.
    """

    counts: Mapping[str, int]
    overflow: int = 0
    missing: int = 0
    undercount: int = 0
    capacity: int = 1000

    def __post_init__(self) -> None:
        if (
            self.capacity < 1
            or min([self.overflow, self.missing, self.undercount, *self.counts.values()]) < 0
        ):
            raise ValueError("counts must be 0 or more and the capacity at least 1")

    @classmethod
    def of(cls, values: Iterable[str | None], capacity: int = 1000) -> Self:
        """Count one column; None is missing."""
        counts: dict[str, int] = {}
        missing = 0
        for value in values:
            if value is None:
                missing += 1
            else:
                counts[value] = counts.get(value, 0) + 1
        return cls._kept(counts, 0, missing, 0, capacity)

    @classmethod
    def _kept(
        cls, counts: Mapping[str, int], overflow: int, missing: int, undercount: int, capacity: int
    ) -> Self:
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        dropped = ordered[capacity:]
        most = dropped[0][1] if dropped else 0
        return cls(
            dict(ordered[:capacity]),
            overflow + sum(count for _, count in dropped),
            missing,
            undercount + most,
            capacity,
        )

    @property
    def n(self) -> int:
        """All rows, missing ones too."""
        return sum(self.counts.values()) + self.overflow + self.missing

    def merge(self, other: LevelCounts) -> LevelCounts:
        """Return the counts of both columns together. Raises ``ValueError`` when the capacities differ."""
        if self.capacity != other.capacity:
            raise ValueError(f"cannot merge counts of capacity {self.capacity} with {other.capacity}")
        counts = dict(self.counts)
        for level, count in other.counts.items():
            counts[level] = counts.get(level, 0) + count
        return LevelCounts._kept(
            counts,
            self.overflow + other.overflow,
            self.missing + other.missing,
            self.undercount + other.undercount,
            self.capacity,
        )

    def to_json(self) -> dict[str, object]:
        """Return a JSON object."""
        return {
            "counts": dict(self.counts),
            "overflow": self.overflow,
            "missing": self.missing,
            "undercount": self.undercount,
            "capacity": self.capacity,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what ``to_json`` wrote; raises ``ValueError`` naming what is wrong."""
        counts = _object(data.get("counts"))
        numbers = {
            name: whole_number(data, name) for name in ("overflow", "missing", "undercount", "capacity")
        }
        return cls({str(level): whole_number(counts, level) for level in counts}, **numbers)


def whole_number(data: Mapping[str, object], name: str) -> int:
    """Return ``data[name]`` as a count; raises ``ValueError`` when it is none."""
    raw = data.get(name)
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 0:
        raise ValueError(f"{name}: expected a whole number of 0 or more, got {raw!r}")
    return raw


def _object(raw: object) -> Mapping[str, object]:
    if isinstance(raw, Mapping):
        return raw
    raise ValueError(f"counts: expected a JSON object, got {raw!r}")
