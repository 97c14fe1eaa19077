"""Leads moved by a shift: which of them, to which level or by which factor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from leadscoring.simulation.draws import Codes, Flags, Floats


@dataclass(frozen=True, slots=True)
class Moves:
    """(n,) masks by field: the level those leads go to, or the factor their number is multiplied by."""

    levels: dict[str, list[tuple[Flags, int]]] = field(default_factory=dict)
    factors: dict[str, list[tuple[Flags, float]]] = field(default_factory=dict)

    def level(self, name: str, codes: Codes) -> Codes:
        """The codes with the moved leads at their new level."""
        for moved, to in self.levels.get(name, ()):
            codes = np.where(moved, to, codes)
        return codes

    def number(self, name: str, values: Floats) -> Floats:
        """The numbers with those of moved leads multiplied."""
        for moved, factor in self.factors.get(name, ()):
            values = np.where(moved, values * factor, values)
        return values
