"""Dials for a business that changes: who comes, what makes them buy, what the fields say, how they are served."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from leadscoring.simulation import catalogue as c
from leadscoring.simulation.dials import Dial, is_name
from leadscoring.simulation.follow_up import ByHunch, Policy
from leadscoring.simulation.names import HEADERS, LEVELS, NUMBERS

MIXED = (
    "source", "region", "nationality", "sector", "licence", "package", "office", "timeline", "existing",
    "contact",
)  # fmt: skip
EFFECTS = (
    "source", "nationality", "campaign", "activity", "timeline", "existing", "contact", "device", "package",
    "licence", "office", "source_sector", "licence_office", "existing_package", "minutes", "budget",
    "shareholders", "pages",
)  # fmt: skip
# What a broken unit multiplies a number by, where the dial does not say: AED become thousands, minutes seconds.
UNIT_FACTORS = {"budget": 0.001, "minutes": 60.0, "visas": 10.0, "shareholders": 10.0, "pages": 100.0}


def _percent(size: float) -> str:
    return f"{100.0 * size:.3g} %"


def _header(name: str) -> str:
    return HEADERS.get(name, "Region")


@dataclass(frozen=True, slots=True, kw_only=True)
class CovariateShift(Dial):
    """Other people come: `size` is the share of leads whose field is moved.

    field: one of MIXED, moved to the level `to`; or one of the numbers, multiplied by `times`. Fields that
    depend on it follow (a region its nationalities, a sector its licences). The law stays as it is.
    """

    name: ClassVar[str] = "covariate-shift"
    field: str
    to: str = ""
    times: float = 1.0
    size: float = 0.3

    def check(self) -> None:
        if self.field in NUMBERS:
            self.number("times", self.times, 0.01, 100.0)
            if self.to:
                self.refuse("to", self.to, f"no level, as {self.field} is a number: give times")
            return
        self.one_of("field", self.field, (*MIXED, *NUMBERS))
        if self.field != "source":
            self.one_of("to", self.to, LEVELS[self.field])
        elif not self.to:
            self.refuse("to", self.to, "a source")
        if self.times != 1.0:
            self.refuse("times", self.times, f"1, as {self.field} is no number: give to")

    @property
    def target(self) -> str:
        return self.field

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.to,) if self.field == "source" else ()

    @property
    def words(self) -> str:
        if self.field in NUMBERS:
            return f"{_header(self.field)} of {_percent(self.size)} of the leads is {self.times:g} times as large"
        return f"{_percent(self.size)} of the leads move to {_header(self.field)} “{self.to}”"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedLaw(Dial):
    """What makes people buy changes: `size` is how far the log-odds go from the old law to a new one.

    how: `redrawn` (levels of each field trade their effects, humps turn over) or `flipped` (each effect
    changes its sign). effects: which of EFFECTS, none for all. Once it is fully there, the base rate is
    what it was.
    """

    name: ClassVar[str] = "changed-law"
    how: str = "redrawn"
    effects: tuple[str, ...] = ()

    def check(self) -> None:
        self.one_of("how", self.how, ("redrawn", "flipped"))
        if not isinstance(self.effects, tuple):
            self.refuse("effects", self.effects, "a tuple of names")
        for effect in self.effects:
            self.one_of("effects", effect, EFFECTS)

    @property
    def target(self) -> str:
        return self.how

    @property
    def words(self) -> str:
        whose = "all effects" if not self.effects else f"the effects of {', '.join(self.effects)}"
        return f"The law changes: {whose} {self.how}, {_percent(self.size)} of the way; the base rate stays"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource(Dial):
    """A source nobody saw before takes over `size` of the leads that arrive.

    source: its name; like: the source whose people resemble its own, of whom `region_share` come from
    `region`; effect: its own log-odds against a typical source.
    """

    name: ClassVar[str] = "new-source"
    size: float = 0.15
    source: str = "TikTok Ads"
    like: str = "Meta Ads"
    region: str = "Africa"
    region_share: float = 0.5
    effect: float = -1.5

    def check(self) -> None:
        if not is_name(self.source):
            self.refuse("source", self.source, "a name of 1 to 60 letters")
        if self.source.lower() in {source.lower() for source in c.SOURCES}:
            self.refuse("source", self.source, f"a name that is not yet a source ({', '.join(c.SOURCES)})")
        self.one_of("like", self.like, c.SOURCES)
        self.one_of("region", self.region, c.REGIONS)
        self.number("region_share", self.region_share, 0.0, 1.0)
        self.number("effect", self.effect, -6.0, 6.0)

    @property
    def target(self) -> str:
        return self.source

    @property
    def words(self) -> str:
        return f"{_percent(self.size)} of the leads come from a new source, “{self.source}”"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenField(Dial):
    """A column goes wrong in the file, for `size` of the leads; the people stay who they are.

    how: `missing` (blank), `unit` (numbers times `factor`; None: AED to thousands, minutes to seconds) or
    `renamed` (the level `level` is written as `to`; without a level all levels become codes such as
    NA-07). source: only leads of that source.
    """

    name: ClassVar[str] = "broken-field"
    field: str
    how: str = "missing"
    source: str = ""
    factor: float | None = None
    level: str = ""
    to: str = ""

    def check(self) -> None:
        self.one_of("field", self.field, tuple(HEADERS))
        self.one_of("how", self.how, ("missing", "unit", "renamed"))
        if self.how == "unit" and self.field not in NUMBERS:
            self.refuse("how", self.how, f"missing or renamed, as {self.field} is no number")
        if self.how == "renamed" and self.field in NUMBERS:
            self.refuse("how", self.how, f"missing or unit, as {self.field} is a number")
        if self.factor is not None:
            self.number("factor", self.factor, 1e-6, 1e6)
            if self.how != "unit":
                self.refuse("factor", self.factor, "none, as no unit is broken")
        if self.how == "renamed" and self.level and self.field != "source":
            self.one_of("level", self.level, LEVELS[self.field])
        if bool(self.level) != bool(self.to) or (self.level and self.how != "renamed"):
            self.refuse("to", self.to, "level and to together, with how=renamed")

    @property
    def target(self) -> str:
        return self.field

    @property
    def multiplier(self) -> float:
        """What a broken unit multiplies by."""
        return UNIT_FACTORS[self.field] if self.factor is None else self.factor

    @property
    def sources(self) -> tuple[str, ...]:
        renamed = (self.level,) if self.field == "source" and self.level else ()
        return (*renamed, self.source) if self.source else renamed

    @property
    def words(self) -> str:
        if self.how == "missing":
            what = "comes in blank"
        elif self.how == "unit":
            what = f"comes in {self.multiplier:g} times its value"
        else:
            what = f"says “{self.to}” for “{self.level}”" if self.level else "says codes for all its words"
        whose = f"of leads from {self.source} " if self.source else ""
        share = "" if self.size == 1.0 else f", in {_percent(self.size)} of the leads"
        return f"{_header(self.field)} {whose}{what}{share}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadSource(Dial):
    """`size` of a source's leads stop arriving; the others are the same as before."""

    name: ClassVar[str] = "dead-source"
    source: str

    @property
    def target(self) -> str:
        return self.source

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    @property
    def words(self) -> str:
        return f"{_percent(self.size)} of the leads of “{self.source}” stop arriving"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowConversions(Dial):
    """Conversions come later: delays are `1 + size` times as long; who converts stays the same."""

    name: ClassVar[str] = "slow-conversions"
    limits: ClassVar[tuple[float, float]] = (0.0, 9.0)

    @property
    def words(self) -> str:
        return f"Conversions take {1.0 + self.size:g} times as long"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonalSwing(Dial):
    """A yearly swing: `size` is added to the log-odds in the best season (mid-October), taken in the worst.

    traffic: share of leads that stay away in the worst season beyond the usual swing, 0 for none.
    """

    name: ClassVar[str] = "seasonal-swing"
    limits: ClassVar[tuple[float, float]] = (0.0, 3.0)
    size: float = 0.8
    traffic: float = 0.0

    def check(self) -> None:
        self.number("traffic", self.traffic, 0.0, 0.95)

    @property
    def words(self) -> str:
        less = f"; in April {_percent(self.traffic)} fewer leads come" if self.traffic else ""
        return f"Readiness swings over the year by {self.size:g} in log-odds, best in October{less}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp(Dial):
    """Leads are served by their grade, and that works: `size` is the log-odds that full effort adds.

    policy: who gets how much effort, from -1 (driven away) over 0 (as without the dial) to 1 (`follow_up`).
    """

    name: ClassVar[str] = "follow-up"
    limits: ClassVar[tuple[float, float]] = (-3.0, 3.0)
    size: float = 0.8
    policy: Policy = field(default_factory=ByHunch)

    def check(self) -> None:
        if not callable(getattr(self.policy, "efforts", None)):
            self.refuse("policy", self.policy, "a policy: ByGrade, ByScore or ByHunch")

    @property
    def words(self) -> str:
        return f"Leads are followed up by {self.policy.words}; full effort adds {self.size:g} to the log-odds"


CHANGES: tuple[type[Dial], ...] = (
    CovariateShift, ChangedLaw, NewSource, BrokenField, DeadSource, SlowConversions, SeasonalSwing, FollowUp,
)  # fmt: skip
