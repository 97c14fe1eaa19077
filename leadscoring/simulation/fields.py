"""What a lead tells about itself: fields that depend on each other as they do in the trade.

source → campaign, region → nationality, city · channel → sector → activity → licence → office →
package → visas, budget · source → device, pages → minutes. A missing category is -1, a missing
number NaN; what is missing here is missing in the file, and the law knows it only as missing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from leadscoring.simulation import catalogue as c
from leadscoring.simulation.draws import Codes, Flags, Floats, count_shares, draw_levels, stack_groups, zipf
from leadscoring.simulation.moves import Moves

NATIONALITIES, REGION_OF_NATIONALITY = stack_groups([c.NATIONALITIES[region] for region in c.REGIONS])
ACTIVITIES, SECTOR_OF_ACTIVITY = stack_groups([c.ACTIVITIES[sector] for sector in c.SECTORS])
CITIES, _ = stack_groups([c.CITIES[region] for region in c.REGIONS])


def _campaigns() -> tuple[tuple[str, ...], ...]:
    runs = [c.CAMPAIGN_THEMES.get(source, ("", ())) for source in c.SOURCES]
    return tuple(
        tuple(f"{prefix} | {theme} | {market}" for theme in themes for market in c.MARKETS)
        for prefix, themes in runs
    )


CAMPAIGNS, SOURCE_OF_CAMPAIGN = stack_groups(_campaigns())
THEME_OF_CAMPAIGN = np.arange(len(CAMPAIGNS)) // len(c.MARKETS)

PACKAGE_PRICES = np.array([7_500.0, 12_500.0, 20_000.0, 34_000.0])
OFFICE_PRICES = np.array([0.0, 2_500.0, 13_000.0, 17_000.0, 15_000.0])
VISA_PRICE = 3_500.0
_REGION_BUDGET = np.array([-0.16, 0.16, -0.06, 0.08, 0.14, -0.14, 0.0, 0.1])
# Pages seen before the form, by source; NaN where a lead never saw the site.
_PAGES = np.array([4.2, 2.6, 5.0, 6.5, np.nan, np.nan, np.nan, np.nan])
# Forms sent by bots and misclicks, by source.
_GLANCES = np.array([0.16, 0.26, 0.08, 0.08, 0.0, 0.0, 0.0, 0.0])
_REGION_CITY_ZIPF = 1.2
MOST_PAGES = 80


@dataclass(frozen=True, slots=True)
class Fields:
    """Creation-time fields, one array entry per lead (n,)."""

    source: Codes
    campaign: Codes
    nationality: Codes
    city: Codes
    sector: Codes
    activity: Codes
    licence: Codes
    package: Codes
    office: Codes
    timeline: Codes
    existing: Codes
    contact: Codes
    device: Codes
    visas: Floats
    shareholders: Floats
    budget: Floats
    pages: Floats
    minutes: Floats

    def where(self, keep: Flags | Codes) -> Fields:
        """The leads of a mask or of these places."""
        return replace(self, **{field.name: getattr(self, field.name)[keep] for field in fields(self)})


def _within_groups(rng: np.random.Generator, group: Codes, owners: Codes, exponent: float) -> Codes:
    """A level of the lead's group, levels of a group being neighbours with Zipf shares; none: -1."""
    counts = np.bincount(owners, minlength=int(group.max(initial=0)) + 1)
    width = max(int(counts.max()), 1)
    shares = np.array(
        [np.pad(zipf(int(k), exponent), (0, width - int(k))) if k else np.eye(1, width)[0] for k in counts]
    )
    level = np.concatenate([[0], np.cumsum(counts)[:-1]])[group] + draw_levels(rng, group, shares)
    return np.where(counts[group] > 0, level, -1)


def _city_table() -> Floats:
    table = np.zeros((len(c.REGIONS), len(CITIES)))
    for row, region in enumerate(c.REGIONS):
        places = [CITIES.index(city) for city in c.CITIES[region]]
        table[row, places] = zipf(len(places), _REGION_CITY_ZIPF)
    return table


def draw_fields(rng: np.random.Generator, source: Codes, moves: Moves | None = None) -> Fields:
    """All fields as leads would fill them in, nothing missing but what cannot be (offline: no site visit).

    Each draw takes as many random numbers whatever its shares, so leads that `moves` leaves alone stay the same.
    The sources in `source` are usual ones; a new source is put in their place afterwards.
    """
    n = source.size
    moves = moves or Moves()
    channel = np.asarray(c.CHANNEL_OF_SOURCE)[source]
    region = moves.level("region", draw_levels(rng, source, c.REGION_SHARES))
    nationality = moves.level("nationality", _within_groups(rng, region, REGION_OF_NATIONALITY, 1.4))
    region = REGION_OF_NATIONALITY[nationality]
    sector = moves.level("sector", draw_levels(rng, channel, c.SECTOR_SHARES))
    licence = moves.level("licence", draw_levels(rng, sector, c.LICENCE_SHARES))
    office = moves.level("office", draw_levels(rng, licence, c.OFFICE_SHARES))
    package = moves.level("package", draw_levels(rng, office, c.PACKAGE_SHARES))
    visas = moves.number("visas", draw_levels(rng, package, c.VISA_SHARES).astype(np.float64))
    price = PACKAGE_PRICES[package] + OFFICE_PRICES[office] + VISA_PRICE * visas
    wish = price * np.exp(_REGION_BUDGET[region] - 0.08 + 0.5 * rng.standard_normal(n))
    budget = _round_amounts(moves.number("budget", wish))
    more = draw_levels(rng, source, count_shares(np.nan_to_num(_PAGES), 1.6, MOST_PAGES))
    pages = more.astype(np.float64) + 1.0
    minutes = np.round(0.9 * pages**0.9 * np.exp(0.75 * rng.standard_normal(n)) + 0.2, 1)
    glance = rng.random(n) < _GLANCES[source]
    pages = np.where(glance, 1.0, pages)
    minutes = np.where(glance, np.round(0.1 + 0.8 * rng.random(n), 1), minutes)
    online = np.asarray(c.ONLINE_SOURCES)[source]
    return Fields(
        source=source,
        campaign=_within_groups(rng, source, SOURCE_OF_CAMPAIGN, 1.3),
        nationality=nationality,
        city=draw_levels(rng, region, _city_table()),
        sector=sector,
        activity=_within_groups(rng, sector, SECTOR_OF_ACTIVITY, 1.3),
        licence=licence,
        package=package,
        office=office,
        timeline=moves.level("timeline", draw_levels(rng, channel, c.TIMELINE_SHARES)),
        existing=moves.level(
            "existing", (rng.random(n) < np.array([0.22, 0.38, 0.30])[channel]).astype(np.int64)
        ),
        contact=moves.level("contact", draw_levels(rng, region, c.CONTACT_SHARES)),
        device=np.where(online, draw_levels(rng, source, c.DEVICE_SHARES), -1),
        visas=np.round(visas),
        shareholders=_whole(
            moves.number(
                "shareholders", draw_levels(rng, licence, c.SHAREHOLDER_SHARES).astype(np.float64) + 1.0
            )
        ),
        budget=budget,
        pages=np.where(online, _whole(moves.number("pages", pages)), np.nan),
        minutes=np.where(online, np.round(moves.number("minutes", minutes), 1), np.nan),
    )


def _whole(values: Floats) -> Floats:
    """Whole numbers, 1 at least."""
    return np.asarray(np.maximum(np.round(values), 1.0), dtype=np.float64)


def _round_amounts(amount: Floats) -> Floats:
    """Amounts as people name them: steps of 500, 1,000 and 5,000; at least 3,000."""
    step = np.where(amount < 20_000.0, 500.0, np.where(amount < 50_000.0, 1_000.0, 5_000.0))
    return np.asarray(np.maximum(np.round(amount / step) * step, 3_000.0), dtype=np.float64)


# Share of leads that leave a field empty: (paid, trust, presence). Staff fill in forms of trust and
# presence leads, people on a phone skip what they can, so missing tells something.
_EMPTY: dict[str, tuple[float, float, float]] = {
    "source": (0.004, 0.010, 0.020),
    "campaign": (0.06, 0.20, 0.15),
    "nationality": (0.05, 0.02, 0.03),
    "city": (0.14, 0.05, 0.08),
    "sector": (0.03, 0.02, 0.02),
    "activity": (0.06, 0.03, 0.04),
    "licence": (0.03, 0.01, 0.02),
    "package": (0.05, 0.02, 0.03),
    "office": (0.05, 0.02, 0.03),
    "timeline": (0.10, 0.04, 0.06),
    "existing": (0.12, 0.05, 0.08),
    "contact": (0.03, 0.02, 0.04),
    "device": (0.02, 0.02, 0.02),
    "visas": (0.05, 0.02, 0.04),
    "shareholders": (0.12, 0.04, 0.07),
    "budget": (0.20, 0.08, 0.12),
    "pages": (0.03, 0.03, 0.03),
    "minutes": (0.05, 0.05, 0.05),
}


def blank_out(rng: np.random.Generator, drawn: Fields) -> Fields:
    """The same leads with what they left empty; explorers leave the budget empty twice as often.

    Call it with usual sources, before new ones are put in their place.
    """
    channel = np.asarray(c.CHANNEL_OF_SOURCE)[drawn.source]
    exploring = drawn.timeline == len(c.TIMELINES) - 1
    changed: dict[str, Any] = {}
    for field in fields(drawn):
        chance = np.asarray(_EMPTY[field.name])[channel]
        if field.name == "budget":
            chance = chance * np.where(exploring, 2.0, 0.8)
        empty = rng.random(channel.size) < chance
        values = getattr(drawn, field.name)
        changed[field.name] = np.where(empty, np.nan if values.dtype.kind == "f" else -1, values)
    return replace(drawn, **changed)
