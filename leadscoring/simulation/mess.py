"""Dials for the mess of a CRM: people entered twice, merged, corrected, deleted; events late or delivered twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leadscoring.simulation.dials import Dial


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates(Dial):
    """`size` of the people are entered a second time within `days`: another id, e-mail and phone respelt.

    Half of them come through another source. What they buy is booked on the first entry.
    """

    name: ClassVar[str] = "duplicates"
    size: float = 0.04
    days: float = 30.0

    def check(self) -> None:
        self.number("days", self.days, 0.1, 365.0)

    @property
    def words(self) -> str:
        return f"{100.0 * self.size:.3g} % of the people are entered a second time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merges(Dial):
    """`size` of the second entries are merged into the first, after `days` in the middle."""

    name: ClassVar[str] = "merges"
    size: float = 0.6
    days: float = 10.0

    def check(self) -> None:
        self.number("days", self.days, 0.1, 365.0)

    @property
    def words(self) -> str:
        return f"{100.0 * self.size:.3g} % of the second entries are merged into the first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections(Dial):
    """`size` of the leads are entered wrongly at first and corrected after `days` in the middle.

    what: `field` (nationality, timeline, package or budget), `outcome` (won for lost, lost for won) or `both`.
    """

    name: ClassVar[str] = "corrections"
    size: float = 0.03
    what: str = "both"
    days: float = 7.0

    def check(self) -> None:
        self.one_of("what", self.what, ("field", "outcome", "both"))
        self.number("days", self.days, 0.1, 365.0)

    @property
    def words(self) -> str:
        what = {"field": "a field", "outcome": "an outcome", "both": "a field and an outcome"}[self.what]
        return f"{100.0 * self.size:.3g} % of the leads have {what} entered wrongly and corrected later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletions(Dial):
    """`size` of the leads are deleted from the CRM after `days` in the middle."""

    name: ClassVar[str] = "deletions"
    size: float = 0.01
    days: float = 60.0

    def check(self) -> None:
        self.number("days", self.days, 0.1, 365.0)

    @property
    def words(self) -> str:
        return f"{100.0 * self.size:.3g} % of the leads are deleted from the CRM later"


@dataclass(frozen=True, slots=True, kw_only=True)
class LateEvents(Dial):
    """`size` of the events arrive late, by `hours` on average, and so out of order."""

    name: ClassVar[str] = "late-events"
    size: float = 0.05
    hours: float = 24.0

    def check(self) -> None:
        self.number("hours", self.hours, 0.01, 2_000.0)

    @property
    def words(self) -> str:
        return f"{100.0 * self.size:.3g} % of the events arrive {self.hours:g} hours late on average"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedEvents(Dial):
    """`size` of the events are delivered twice under one event id."""

    name: ClassVar[str] = "repeated-events"
    size: float = 0.02

    @property
    def words(self) -> str:
        return f"{100.0 * self.size:.3g} % of the events are delivered twice"


MESS: tuple[type[Dial], ...] = (Duplicates, Merges, Corrections, Deletions, LateEvents, RepeatedEvents)
