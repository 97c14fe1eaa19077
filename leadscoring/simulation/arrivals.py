"""When leads arrive: a year's seasons, a week's days and a day's hours, by channel."""

from __future__ import annotations

import numpy as np

from leadscoring.simulation import catalogue
from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.draws import Codes, Floats, draw_levels, stream

DAY = 86_400
GULF_OFFSET_HOURS = 4
# Rows: channels paid, trust, presence; columns: Monday … Sunday (the weekend is Saturday and Sunday,
# Friday is a half day).
WEEKDAYS = np.array(
    [
        [1.05, 1.05, 1.00, 1.00, 0.80, 0.70, 0.85],
        [1.20, 1.20, 1.10, 1.00, 0.55, 0.08, 0.06],
        [1.10, 1.10, 1.05, 1.00, 0.60, 0.25, 0.20],
    ]
)
_OFFICE = [0.02] * 7 + [
    0.2, 0.8, 1.3, 1.5, 1.4, 1.0, 0.9, 1.2, 1.3, 1.1, 0.7, 0.3, 0.15, 0.1, 0.06, 0.04, 0.03,
]  # fmt: skip
_SCREEN = [
    0.35, 0.2, 0.12, 0.08, 0.08, 0.1, 0.2, 0.45, 0.8, 1.0, 1.1, 1.1,
    1.1, 1.0, 1.0, 1.0, 0.95, 0.9, 0.95, 1.1, 1.3, 1.35, 1.1, 0.7,
]  # fmt: skip
_MIXED = [(a + b) / 2 for a, b in zip(_OFFICE, _SCREEN, strict=True)]
# Local hours of the Gulf; the stream is written in UTC.
HOURS = np.array([_SCREEN, _OFFICE, _MIXED])


def season(day_of_year: Floats) -> Floats:
    """Relative traffic: low in July and August, high in October and November."""
    angle = 2.0 * np.pi * (day_of_year - 300.0) / 365.25
    return np.asarray(1.0 + 0.22 * np.cos(angle) + 0.08 * np.cos(2.0 * angle), dtype=np.float64)


def draw_arrivals(config: SimulationConfig) -> tuple[Floats, Codes]:
    """Creation times (UTC seconds since 1970-01-01, whole, ascending) and sources, both of length leads."""
    rng = stream(config.seed, "arrivals")
    source = draw_levels(rng, np.zeros(config.leads, dtype=np.int64), catalogue.SOURCE_SHARES)
    channel = np.asarray(catalogue.CHANNEL_OF_SOURCE)[source]
    first = np.datetime64(config.first_day, "D").astype(np.int64)
    days = np.arange(first, np.datetime64(config.last_day, "D").astype(np.int64))
    # Day 0 of the epoch was a Thursday.
    weekday = (days + 3) % 7
    dates = days.astype("datetime64[D]")
    day_of_year = (dates - dates.astype("datetime64[Y]")).astype(np.float64)
    growth = 1.0 + 0.15 * (days - first) / 365.25
    chances = WEEKDAYS[:, weekday] * (season(day_of_year) * growth)[None, :]
    day = days[draw_levels(rng, channel, chances)]
    hour = draw_levels(rng, channel, np.roll(HOURS, -GULF_OFFSET_HOURS, axis=1))
    second = np.floor(rng.random(config.leads) * 3600.0)
    created = day * float(DAY) + hour * 3600.0 + second
    order = np.argsort(created, kind="stable")
    return created[order], source[order]
