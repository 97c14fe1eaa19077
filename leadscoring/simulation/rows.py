"""Leads as rows of the CRM: the first entries of all people, and the second entries of some."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadscoring.simulation.dirt import Cells
from leadscoring.simulation.draws import Codes, Flags, Floats
from leadscoring.simulation.fields import Fields
from leadscoring.simulation.outcomes import Outcomes


@dataclass(frozen=True, slots=True)
class Rows:
    """(n,) arrays, one entry per row.

    number: of the row, from 1 on, in its lead id; person: the number of the person's first row. shown: fields
    as they should read in the file; came_by: sources, nobody's missing. cells: creation columns as written.
    """

    number: Codes
    person: Codes
    created: Floats
    came_by: Codes
    shown: Fields
    outcomes: Outcomes
    cells: dict[str, Cells]

    @property
    def size(self) -> int:
        return int(self.number.size)

    @property
    def second(self) -> Flags:
        """Which rows are a person's second entry."""
        return np.asarray(self.number != self.person)

    def take(self, places: Codes) -> Rows:
        """The rows at these places."""
        return Rows(
            number=self.number[places],
            person=self.person[places],
            created=self.created[places],
            came_by=self.came_by[places],
            shown=self.shown.where(places),
            outcomes=Outcomes(*(getattr(self.outcomes, field.name)[places] for field in fields(Outcomes))),
            cells={name: cells[places] for name, cells in self.cells.items()},
        )


def joined(first: Rows, second: Rows) -> Rows:
    """Both, one behind the other."""

    def both(name: str, part: str = "") -> NDArray[Any]:
        a, b = (getattr(rows, part) if part else rows for rows in (first, second))
        return np.concatenate([getattr(a, name), getattr(b, name)])

    return Rows(
        number=both("number"),
        person=both("person"),
        created=both("created"),
        came_by=both("came_by"),
        shown=Fields(*(both(field.name, "shown") for field in fields(Fields))),
        outcomes=Outcomes(*(both(field.name, "outcomes") for field in fields(Outcomes))),
        cells={name: np.concatenate([cells, second.cells[name]]) for name, cells in first.cells.items()},
    )
