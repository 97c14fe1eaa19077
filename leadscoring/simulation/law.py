"""The law of the simulated business: the log-odds of conversion given the fields of a lead.

It depends only on what the file shows (a missing value is a level of its own with its own effect),
and the rest is one Bernoulli draw. So the true probability is the best possible predictor, and its
AUC the best possible AUC: the known optimum.

Crossings (source × sector, licence × office, business × package) are freed of their main effects
on a reference population, and humps (minutes, budget, shareholders) rise and fall: a model of main
effects cannot see either. Effects of single nationalities, campaigns and activities are small and
sit in larger groups (regions, themes, sectors).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from leadscoring.simulation import catalogue as c
from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.draws import Codes, Floats, draw_levels, sigmoid, stream
from leadscoring.simulation.fields import (
    ACTIVITIES,
    CAMPAIGNS,
    NATIONALITIES,
    REGION_OF_NATIONALITY,
    SECTOR_OF_ACTIVITY,
    THEME_OF_CAMPAIGN,
    Fields,
    blank_out,
    draw_fields,
)

REFERENCE_LEADS = 20_000
# Days in the year of the best month, and the size of the swing in log-odds.
SEASON_PEAK, SEASON_SIZE = 290.0, 0.10

# Rows: sources; columns: sectors. Search brings traders and makers, the website those who sell to people.
_TRADES = np.array([1.0, -1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, -1.0, 1.0])
_SOURCE_SECTOR = np.outer([1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0], _TRADES)
# Rows: licence types; columns: office types.
_LICENCE_OFFICE = np.array(
    [
        [-1.0, -1.0, 1.0, 1.0, 0.0],
        [1.0, 1.0, -1.0, -1.0, 0.0],
        [1.0, 0.4, -1.0, 1.0, 0.0],
        *[[0.0] * 5] * 3,
    ]
)
# Rows: no business yet, an existing one; columns: packages.
_EXISTING_PACKAGE = np.array([[1.0, 0.6, -1.0, -1.0], [-1.0, -0.6, 1.0, 1.0]])


@dataclass(frozen=True, slots=True)
class Strength:
    """Sizes in log-odds: of the crossings, and standard deviations of the drawn effects."""

    source_sector: float = 1.0
    licence_office: float = 1.0
    existing_package: float = 0.4
    region: float = 0.08
    nationality: float = 0.03
    campaign_theme: float = 0.05
    campaign: float = 0.02
    sector: float = 0.08
    activity: float = 0.03


@dataclass(frozen=True, slots=True)
class Law:
    """Tables of effects in log-odds; the last row and column of each stand for a missing value.

    flipped: names of parts whose sign is changed.
    """

    intercept: float
    mains: dict[str, Floats]
    source_sector: Floats
    licence_office: Floats
    existing_package: Floats
    flipped: frozenset[str] = frozenset()

    def log_odds(self, fields: Fields, created: Floats) -> Floats:
        """(n,) log-odds of conversion in the end; created in UTC seconds since 1970-01-01."""
        return self.intercept + self.effects(fields) + season_effect(created)

    def effects(self, fields: Fields) -> Floats:
        """(n,) log-odds without the intercept and the season."""
        total = np.zeros(fields.source.size)
        for name, part in self.parts(fields):
            total += -part if name in self.flipped else part
        return total

    def parts(self, fields: Fields) -> Iterator[tuple[str, Floats]]:
        """Each effect's name and its (n,) log-odds, signs as they were before any was flipped."""
        for name, effects in self.mains.items():
            yield name, effects[getattr(fields, name)]
        yield "source_sector", self.source_sector[fields.source, fields.sector]
        yield "licence_office", self.licence_office[fields.licence, fields.office]
        yield "existing_package", self.existing_package[fields.existing, fields.package]
        for name, curve in CURVES.items():
            yield name, curve(getattr(fields, name))

    def with_sources(self, effects: Sequence[float]) -> Law:
        """The law with further sources behind the usual ones, each with its own effect and no crossing."""
        source = np.insert(self.mains["source"], -1, effects)
        crossing = np.insert(self.source_sector, [-1] * len(effects), 0.0, axis=0)
        return replace(self, mains={**self.mains, "source": source}, source_sector=crossing)


def season_effect(created: Floats) -> Floats:
    """A mild yearly swing: buyers are readier in autumn."""
    return np.asarray(SEASON_SIZE * np.cos(season_angle(created)), dtype=np.float64)


def season_angle(created: Floats) -> Floats:
    """Where in the year these instants lie, 0 in the best season, pi in the worst."""
    return np.asarray(2.0 * np.pi * (created / 86_400.0 % 365.25 - SEASON_PEAK) / 365.25)


@dataclass(frozen=True, slots=True)
class Curve:
    """An effect in log-odds, straight between its points and flat outside them."""

    values: tuple[float, ...]
    effects: tuple[float, ...]
    missing: float

    def __call__(self, values: Floats) -> Floats:
        effect = np.interp(np.nan_to_num(values), self.values, self.effects)
        return np.where(np.isnan(values), self.missing, effect)


# A form sent at first glance is mostly no person at all, and a lost hour is no good sign either.
MINUTES = Curve((0.0, 4.0, 16.0), (-1.3, 0.5, -0.7), 0.0)
# No company is set up for little money; above the middle people shop around.
BUDGET = Curve((3_000.0, 24_000.0, 60_000.0), (-1.9, 0.55, -0.8), -0.25)
# Two agree quickly, one hesitates, many never agree.
SHAREHOLDERS = Curve((1.0, 2.0, 4.0), (-0.1, 0.3, -0.5), -0.25)
PAGES = Curve((1.0, 8.0), (-0.4, 0.5), 0.0)
CURVES = {"minutes": MINUTES, "budget": BUDGET, "shareholders": SHAREHOLDERS, "pages": PAGES}


def _without_main_effects(table: Floats, rows: Codes, columns: Codes) -> Floats:
    """The table less its best additive part under the joint distribution of (rows, columns)."""
    height, width = table.shape
    known = (rows >= 0) & (columns >= 0)
    flat = np.bincount(rows[known] * width + columns[known], minlength=height * width)
    weights = flat.reshape(height, width) + 1.0
    pure = table.copy()
    for _ in range(60):
        pure -= ((pure * weights).sum(axis=1) / weights.sum(axis=1))[:, None]
        pure -= ((pure * weights).sum(axis=0) / weights.sum(axis=0))[None, :]
    return pure


def _with_missing(effects: Floats, missing: float = 0.0) -> Floats:
    return np.pad(effects, [(0, 1)] * effects.ndim, constant_values=missing)


def _main_effects(world: int, strength: Strength) -> dict[str, Floats]:
    rng = stream(world, "effects")

    def spread(size: int, sd: float) -> Floats:
        # Held to two standard deviations: a wild level of a drawn world would be a different business.
        return sd * np.clip(rng.standard_normal(size), -2.0, 2.0)

    region = spread(len(c.REGIONS), strength.region)
    sector = spread(len(c.SECTORS), strength.sector)
    theme = spread(int(THEME_OF_CAMPAIGN.max()) + 1, strength.campaign_theme)
    nationality = region[REGION_OF_NATIONALITY] + spread(len(NATIONALITIES), strength.nationality)
    activity = sector[SECTOR_OF_ACTIVITY] + spread(len(ACTIVITIES), strength.activity)
    campaign = theme[THEME_OF_CAMPAIGN] + spread(len(CAMPAIGNS), strength.campaign)
    return {
        "source": _with_missing(np.array([0.0, -2.0, 0.6, 0.6, 2.2, 1.3, 1.3, -0.4]), -1.3),
        "nationality": _with_missing(nationality, -0.3),
        "campaign": _with_missing(campaign),
        "activity": _with_missing(activity, -0.2),
        "timeline": _with_missing(np.array([0.9, 0.6, 0.15, -0.75, -3.2]), -0.75),
        "existing": _with_missing(np.array([-0.35, 0.9]), -0.5),
        "contact": _with_missing(np.array([0.3, 0.3, -0.7]), -1.2),
        "device": _with_missing(np.array([-0.15, 0.2, 0.0])),
        "package": _with_missing(np.array([-0.15, 0.3, 0.15, -0.3]), -0.9),
        "licence": _with_missing(np.zeros(len(c.LICENCES)), -0.4),
        "office": _with_missing(np.zeros(len(c.OFFICES)), -0.3),
    }


def build_law(config: SimulationConfig, strength: Strength | None = None) -> Law:
    """The law of a world; its intercept gives the wanted base rate on a reference population."""
    strength = strength or Strength()
    world = config.world
    reference = reference_leads(world)

    def crossing(table: Floats, rows: Codes, columns: Codes, size: float) -> Floats:
        return _with_missing(size * _without_main_effects(table, rows, columns))

    f = reference
    law = Law(
        intercept=0.0,
        mains=_main_effects(world, strength),
        source_sector=crossing(_SOURCE_SECTOR, f.source, f.sector, strength.source_sector),
        licence_office=crossing(_LICENCE_OFFICE, f.licence, f.office, strength.licence_office),
        existing_package=crossing(_EXISTING_PACKAGE, f.existing, f.package, strength.existing_package),
    )
    return replace(law, intercept=intercept_for(law.effects(reference), config.base_rate))


def reference_leads(world: int) -> Fields:
    """The population on which a world's base rate and main effects are defined."""
    rng = stream(world, "reference")
    source = draw_levels(rng, np.zeros(REFERENCE_LEADS, dtype=np.int64), c.SOURCE_SHARES)
    return blank_out(rng, draw_fields(rng, source))


def intercept_for(effects: Floats, base_rate: float) -> float:
    """The shift of log-odds at which the mean probability is the base rate (bisection)."""
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2.0
        if float(sigmoid(effects + middle).mean()) < base_rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0
