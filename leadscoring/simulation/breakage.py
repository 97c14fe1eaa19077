"""Columns that go wrong in the file: blank, in another unit, under other names."""

from __future__ import annotations

import numpy as np

from leadscoring.simulation.changes import BrokenField
from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.dirt import Cells
from leadscoring.simulation.draws import Codes, Flags, Floats
from leadscoring.simulation.fields import Fields
from leadscoring.simulation.names import HEADERS, LEVELS
from leadscoring.simulation.shifts import Acted, touched


def break_cells(
    config: SimulationConfig,
    cells: dict[str, Cells],
    shown: Fields,
    came_by: Codes,
    created: Floats,
    number: Codes,
) -> Acted:
    """Break the cells in place, dial by dial; which dial broke whose.

    shown: the fields as they should read; came_by: (n,) sources, nobody's missing.
    """
    acted: Acted = []
    for dial in config.turned(BrokenField):
        hit = touched(config, dial, created, number)
        if dial.source:
            hit &= came_by == config.source_names.index(dial.source)
        if hit.any():
            header = HEADERS[dial.field]
            cells[header] = _broken(config, dial, cells[header], getattr(shown, dial.field), hit)
            acted.append((dial, hit))
    return acted


def _broken(
    config: SimulationConfig, dial: BrokenField, cells: Cells, values: Codes | Floats, hit: Flags
) -> Cells:
    if dial.how == "missing":
        return np.where(hit, "", cells)
    broken = cells.copy()
    if dial.how == "unit":
        hit &= ~np.isnan(values)
        numbers, place = np.unique(values[hit] * dial.multiplier, return_inverse=True)
        words = [f"{number:.6f}".rstrip("0").rstrip(".") for number in numbers.tolist()]
        broken[hit] = np.array(words, dtype=object)[place]
        return broken
    levels = level_words(config, dial.field)
    if dial.level:
        broken[hit & (values == levels.index(dial.level))] = dial.to
        return broken
    initials = HEADERS[dial.field][:2].upper()
    codes = np.array([f"{initials}-{place:02d}" for place in range(1, len(levels) + 1)], dtype=object)
    hit &= values >= 0
    broken[hit] = codes[values[hit].astype(np.int64)]
    return broken


def level_words(config: SimulationConfig, field: str) -> tuple[str, ...]:
    """The words for a category's codes, new sources included."""
    return config.source_names if field == "source" else LEVELS[field]
