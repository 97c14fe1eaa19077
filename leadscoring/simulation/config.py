"""What to simulate: how many leads, between which days, and which habits of a CRM to show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from leadscoring.simulation import catalogue as c
from leadscoring.simulation.changes import NewSource
from leadscoring.simulation.dials import Dial
from leadscoring.simulation.mess import Duplicates, Merges

DEFAULT_END = date(2026, 1, 1)
D = TypeVar("D", bound=Dial)


def months_after(day: date, months: int) -> date:
    """The same day of the month, `months` later (negative: earlier), held to the month's 28th."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, min(day.day, 28))


def _are_dials(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(dial, Dial) for dial in value)


@dataclass(frozen=True, slots=True)
class SimulationConfig:
    """A stream of leads, fully determined by these values.

    seed: draws the leads. world_seed: draws the law (effects of campaigns, nationalities, …);
    None means the same as `seed`, so that two streams with one `world_seed` and different seeds
    follow one law.
    leads: how many, at least 1. They are created from `start` (inclusive) to `end` (exclusive), UTC
    days; the one that is None lies `months` from the other, and without both `end` is 2026-01-01.
    as_of: the day (its first instant, UTC) on which the CRM is read; outcomes after it are not in
    the file and those leads are open; leads created after it are not there. None means `end`.
    leaks: show the columns that a CRM fills in after the outcome.
    dirt: share of the standard amount of dirt (typos, tokens, out-of-range numbers); 0 is a clean file.
    base_rate: share of leads that convert in the end, on average.
    dials: what changes and when (`changes`, `mess`); none is the business as it always was.
    """

    seed: int = 0
    leads: int = 20_000
    start: date | None = None
    end: date | None = None
    months: int = 12
    as_of: date | None = None
    world_seed: int | None = None
    leaks: bool = True
    dirt: float = 1.0
    base_rate: float = 0.175
    dials: tuple[Dial, ...] = ()

    def __post_init__(self) -> None:
        if self.leads < 1:
            raise ValueError(f"leads must be at least 1, not {self.leads}")
        if self.seed < 0 or self.world < 0:
            raise ValueError("seed and world_seed must be 0 or more")
        if self.months < 1:
            raise ValueError(f"months must be at least 1, not {self.months}")
        if not 0.0 <= self.dirt <= 5.0:
            raise ValueError(f"dirt must be between 0 and 5, not {self.dirt}")
        if not 0.01 <= self.base_rate <= 0.6:
            raise ValueError(f"base_rate must be between 0.01 and 0.6, not {self.base_rate}")
        if self.first_day >= self.last_day:
            raise ValueError(f"start ({self.first_day}) must be before end ({self.last_day})")
        if self.seen_on <= self.first_day:
            raise ValueError(f"as_of ({self.seen_on}) must be after the first day ({self.first_day})")
        self._check_dials()

    def _check_dials(self) -> None:
        if not _are_dials(self.dials):
            raise ValueError(f"dials must be a tuple of dials, not {self.dials!r}")
        for dial in self.dials:
            for source in dial.sources:
                dial.one_of("source", source, self.source_names)
        merging = any(dial.size for dial in self.turned(Merges))
        if merging and not self.turned(Duplicates):
            raise ValueError("merges: there is nobody to merge; expected a dial duplicates beside it")

    def turned(self, kind: type[D]) -> tuple[D, ...]:
        """The dials of one kind, in order."""
        return tuple(dial for dial in self.dials if isinstance(dial, kind))

    def with_dials(self, *dials: Dial) -> SimulationConfig:
        """The same business with these dials behind those it has."""
        return replace(self, dials=(*self.dials, *dials))

    @property
    def source_names(self) -> tuple[str, ...]:
        """All sources: the usual ones and then the new ones, each once."""
        return (*c.SOURCES, *dict.fromkeys(dial.source for dial in self.turned(NewSource)))

    @property
    def world(self) -> int:
        return self.seed if self.world_seed is None else self.world_seed

    @property
    def first_day(self) -> date:
        return self.start if self.start is not None else months_after(self.last_day, -self.months)

    @property
    def last_day(self) -> date:
        if self.end is not None:
            return self.end
        return DEFAULT_END if self.start is None else months_after(self.start, self.months)

    @property
    def seen_on(self) -> date:
        return self.last_day if self.as_of is None else self.as_of
