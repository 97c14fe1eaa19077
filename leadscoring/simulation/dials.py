"""What every dial of the business shares: from when, until when, how strongly, how fast; and its refusals.

A dial is a value in `SimulationConfig.dials`. Turned to size 0, or set after the last day, it gives the
same bytes as no dial; before its onset nothing differs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, NoReturn

import numpy as np

from leadscoring.simulation.draws import Floats

DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """One change of the business.

    onset: first day on which it acts (UTC), None for the first day of the stream; end: first day on which it
    acts no more, None for never. size: how strongly, in the unit each dial names; 0 is no change.
    ramp_days: days over which it grows evenly from 0 to its size; 0 is a sudden change.
    """

    name: ClassVar[str] = "dial"
    limits: ClassVar[tuple[float, float]] = (0.0, 1.0)

    onset: date | None = None
    end: date | None = None
    size: float = 1.0
    ramp_days: int = 0

    def __post_init__(self) -> None:
        for which, day in (("onset", self.onset), ("end", self.end)):
            if day is not None and not _is_day(day):
                self.refuse(which, day, "a date")
        if self.onset is not None and self.end is not None and self.end <= self.onset:
            self.refuse("end", self.end, f"a day after the onset, {self.onset}")
        self.number("size", self.size, *self.limits)
        if not _is_whole(self.ramp_days) or self.ramp_days < 0:
            self.refuse("ramp_days", self.ramp_days, "a whole number of days, 0 or more")
        if self.ramp_days and self.onset is None:
            self.refuse("ramp_days", self.ramp_days, "0 where no onset is given: a ramp starts at the onset")
        self.check()

    def check(self) -> None:
        """Refuse what only this kind of dial can know to be wrong."""

    def refuse(self, which: str, value: object, expected: str) -> NoReturn:
        """Raise ValueError that names the dial, the value and what was expected."""
        raise ValueError(f"{self.name}: {which} is {value!r}; expected {expected}")

    def number(self, which: str, value: Any, low: float, high: float) -> None:
        """Refuse what is no finite number from low to high."""
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not low <= value <= high:
            self.refuse(which, value, f"a number from {low:g} to {high:g}")

    def one_of(self, which: str, value: object, allowed: tuple[str, ...]) -> None:
        """Refuse what is not one of the allowed words."""
        if value not in allowed:
            shown = ", ".join(allowed[:12]) + (f" … ({len(allowed)} in all)" if len(allowed) > 12 else "")
            self.refuse(which, value, f"one of {shown}")

    @property
    def target(self) -> str:
        """What the dial turns, where there are several; part of its label."""
        return ""

    @property
    def label(self) -> str:
        """Its name and target, as in the truth of each lead it acted on."""
        return f"{self.name}:{self.target}" if self.target else self.name

    @property
    def words(self) -> str:
        """What changes, as a sentence without its full stop."""
        return self.name

    @property
    def sources(self) -> tuple[str, ...]:
        """Sources it speaks of, for the config to know."""
        return ()

    def strength(self, created: Floats) -> Floats:
        """(n,) its size at these instants (UTC seconds since 1970-01-01): 0 before the onset and after the end."""
        start = -np.inf if self.onset is None else second(self.onset)
        stop = np.inf if self.end is None else second(self.end)
        share = (created >= start) & (created < stop)
        if not self.ramp_days:
            return np.asarray(self.size * share, dtype=np.float64)
        grown = np.clip((created - start) / (self.ramp_days * DAY), 0.0, 1.0)
        return np.asarray(self.size * share * grown, dtype=np.float64)


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_name(value: object, most: int = 60) -> bool:
    """Whether it is a text of 1 to `most` letters, not all of them spaces."""
    return isinstance(value, str) and 0 < len(value) <= most and bool(value.strip())


def second(day: date) -> float:
    """The first instant of a day, UTC seconds since 1970-01-01."""
    return float(np.datetime64(day, "s").astype(np.int64))
