"""The numbers of a feature set as another tool's trees see them: raw values, and levels by their codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scoring.ml.encoding import FIRST_LEVEL, Column, Encoder, Key, Op, Via

NO_LEVEL = -1.0
"""The code of a level the model does not know, and of no value: trees of both kinds send it with the rest."""


@dataclass(slots=True)
class Columns:
    """An encoder in the making; each call adds a column and returns its place."""

    keys: list[Key] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)

    def number(self, feature: str) -> int:
        """The value itself: days for a date, 0 or 1 for yes/no, NaN when missing."""
        return self._add(Column(Op.NUMBER, feature))

    def codes(self, feature: str, levels: Sequence[str]) -> int:
        """The place of a level in `levels`; `NO_LEVEL` for others and for no value."""
        return self.table(feature, levels, [float(i) for i in range(len(levels))], NO_LEVEL, NO_LEVEL)

    def table(
        self, feature: str, levels: Sequence[str], values: Sequence[float], other: float, missing: float
    ) -> int:
        """A number for each level, one for every other level and one for no value."""
        shared = [other] * FIRST_LEVEL
        shared[1] = missing
        return self._add(
            Column(Op.TABLE, feature, key=self._key(feature, levels), numbers=(*shared, *values))
        )

    def level_is(self, feature: str, levels: Sequence[str], level: str) -> int:
        """1 for this level, else 0."""
        key = self._key(feature, levels)
        return self._add(Column(Op.LEVEL_IS, feature, key=key, code=FIRST_LEVEL + list(levels).index(level)))

    def _key(self, feature: str, levels: Sequence[str]) -> int:
        key = Key(feature, Via.EXACT, tuple(levels))
        if key not in self.keys:
            self.keys.append(key)
        return self.keys.index(key)

    def _add(self, column: Column) -> int:
        self.columns.append(column)
        return len(self.columns) - 1

    def encoder(self) -> Encoder:
        """What was added so far."""
        return Encoder(tuple(self.keys), tuple(self.columns))


@dataclass(frozen=True, slots=True)
class Converted:
    """Another tool's model as parts of a model document."""

    encoder: Encoder
    estimator: dict[str, Any]
    notes: tuple[str, ...] = ()
