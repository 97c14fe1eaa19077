"""Who comes: new sources, shifts of the mix, sources that die, seasons that keep people away.

Each dial has one uniform per lead, a function of seed, dial and lead alone, and moves the leads below its
strength, so a lead that is not moved is the same lead, and a lead moved at size 0.2 is moved at 0.3 too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadscoring.simulation import catalogue as c
from leadscoring.simulation.changes import CovariateShift, DeadSource, NewSource, SeasonalSwing
from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.dials import Dial
from leadscoring.simulation.draws import Codes, Flags, Floats, hashed
from leadscoring.simulation.fields import REGION_OF_NATIONALITY
from leadscoring.simulation.law import season_angle
from leadscoring.simulation.moves import Moves
from leadscoring.simulation.names import LEVELS, NUMBERS

Acted = list[tuple[Dial, Flags]]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """(n,) sources as they are and the usual ones they resemble; moves of fields; which dial moved whom."""

    source: Codes
    like: Codes
    moves: Moves
    acted: Acted


def touched(config: SimulationConfig, dial: Dial, created: Floats, number: Codes) -> Flags:
    """(n,) the leads a dial of shares acts on: as many as its strength says, chosen by their number."""
    strength = dial.strength(created)
    if not strength.any():
        return np.zeros(created.size, dtype=bool)
    return np.asarray(hashed(config.seed, f"dial {dial.label}", number) < strength)


def draw_shifts(config: SimulationConfig, created: Floats, source: Codes, number: Codes) -> Arrivals:
    """What the dials make of the leads that arrive, in the dials' order."""
    names = config.source_names
    resembles = np.arange(len(names))
    acted: Acted = []
    moves = Moves()
    for dial in config.dials:
        if not isinstance(dial, NewSource | CovariateShift):
            continue
        moved = touched(config, dial, created, number)
        if not moved.any():
            continue
        if isinstance(dial, NewSource):
            code = names.index(dial.source)
            resembles[code] = c.SOURCES.index(dial.like)
            source = np.where(moved, code, source)
            home = hashed(config.seed, f"region {dial.label}", number) < dial.region_share
            moves.levels.setdefault("region", []).append((moved & home, c.REGIONS.index(dial.region)))
        elif dial.field in NUMBERS:
            moves.factors.setdefault(dial.field, []).append((moved, dial.times))
        elif dial.field == "source":
            source = np.where(moved, names.index(dial.to), source)
        else:
            code = LEVELS[dial.field].index(dial.to)
            moves.levels.setdefault(dial.field, []).append((moved, code))
            if dial.field == "nationality":
                region = int(REGION_OF_NATIONALITY[code])
                moves.levels.setdefault("region", []).append((moved, region))
        acted.append((dial, moved))
    return Arrivals(source, resembles[source], moves, acted)


def draw_absent(config: SimulationConfig, created: Floats, source: Codes, number: Codes) -> Flags:
    """(n,) leads that never arrive: their source is dead, or the season keeps them away."""
    absent = np.zeros(created.size, dtype=bool)
    for dead in config.turned(DeadSource):
        absent |= touched(config, dead, created, number) & (source == config.source_names.index(dead.source))
    for swing in config.turned(SeasonalSwing):
        if not swing.traffic or not swing.size:
            continue
        # At full strength; none stay away in the best season, `traffic` of them in the worst.
        worst = (1.0 - np.cos(season_angle(created))) / 2.0
        share = swing.traffic * worst * swing.strength(created) / swing.size
        if share.any():
            absent |= hashed(config.seed, f"traffic {swing.label}", number) < share
    return absent
