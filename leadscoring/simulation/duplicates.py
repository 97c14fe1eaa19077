"""People entered a second time: another id, later, half of them through another source, e-mail and phone respelt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leadscoring.simulation import catalogue as c
from leadscoring.simulation.breakage import break_cells
from leadscoring.simulation.columns import creation_cells
from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.draws import Codes, Flags, hashed
from leadscoring.simulation.fields import Fields
from leadscoring.simulation.mess import Duplicates
from leadscoring.simulation.outcomes import DAY, Chances, draw_outcomes
from leadscoring.simulation.people import contact_cells
from leadscoring.simulation.rows import Rows
from leadscoring.simulation.shifts import Acted, touched


def draw_second_entries(config: SimulationConfig, first: Rows, drawn: Fields) -> tuple[Rows, Acted] | None:
    """Second rows of some people and what broke in them; None if nobody is entered twice.

    drawn: the first rows' fields before any went missing, sources usual ones. A second row never converts: what its
    person buys is booked on the first.
    """
    chosen: Flags = np.zeros(first.size, dtype=bool)
    days = np.zeros(first.size)
    for dial in config.turned(Duplicates):
        entered = touched(config, dial, first.created, first.number) & ~chosen
        chosen |= entered
        days[entered] = dial.days
    places = np.flatnonzero(chosen)
    if not places.size:
        return None
    person, seed = first.number[places], config.seed
    after = hashed(seed, "second entry after", person) * days[places] * DAY
    created = first.created[places] + 600.0 + np.floor(after)
    number = person + second_numbers(config)
    fields, came_by = drawn.where(places), first.came_by[places]
    other = _other_source(seed, person, fields.source)
    changed = other != fields.source
    shown = first.shown.where(places)
    shown = replace(
        shown,
        source=np.where(changed & (shown.source >= 0), other, shown.source),
        campaign=np.where(changed, -1, shown.campaign),
    )
    came_by = np.where(changed, other, came_by)
    cells = creation_cells(config, shown, created, number, "second ")
    cells["Company Name"] = first.cells["Company Name"][places]
    cells |= contact_cells(seed, person, fields.nationality, again=True)
    acted = break_cells(config, cells, shown, came_by, created, number)
    none = np.zeros(places.size)
    outcomes = draw_outcomes(
        seed, replace(fields, source=other), created, Chances(none, none, none + 1.0), "second outcomes"
    )
    outcomes = replace(
        outcomes, lost_reason=np.full(places.size, c.LOST_REASONS.index("Duplicate"), dtype=np.int64)
    )
    return Rows(number, person, created, came_by, shown, outcomes, cells), acted


def second_numbers(config: SimulationConfig) -> int:
    """What is added to a person's number in the id of a second row."""
    return int(10 ** max(7, len(str(config.leads))))


def _other_source(seed: int, person: Codes, source: Codes) -> Codes:
    """For half of them another source of the same kind: who came online comes online again, or not at all."""
    online = np.asarray(c.ONLINE_SOURCES)
    places = np.array([np.flatnonzero(online == kind) for kind in online])
    step = 1 + np.floor(hashed(seed, "second source", person) * (places.shape[1] - 1)).astype(np.int64)
    at = np.array([int(np.flatnonzero(row == code)[0]) for code, row in enumerate(places)])[source]
    other = places[source, (at + step) % places.shape[1]]
    return np.where(hashed(seed, "other source", person) < 0.5, other, source)
