"""What an encoder is: keys that turn a value into a code, columns that turn values and codes into numbers.

Both are plain data, stored in the model document. Two programs read them: the vectorised reference
pipeline (`scoring.ml.pipeline`) and the row scorer (`scoring.ml.compile`), and the parity check compares
the two. Fitting lives in `scoring.ml.levels`, `pairs` and `designs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

UNSEEN, MISSING, RARE, FIRST_LEVEL = 0, 1, 2, 3
"""Codes all keys share: a level never met in training, no value, the pool of rare levels; then its own."""


class Via(StrEnum):
    """How a key reads its feature."""

    LEVEL = "level"
    EXACT = "exact"
    """Levels letter by letter, as models of other tools were taught them."""
    BINS = "bins"
    MONTH = "month"
    WEEKDAY = "weekday"
    HOUR = "hour"


PART_SIZES: Mapping[Via, int] = {Via.MONTH: 12, Via.WEEKDAY: 7, Via.HOUR: 24}


@dataclass(frozen=True, slots=True)
class Key:
    """A discrete reading of one feature: levels of a category, bins of a number, a part of a date.

    `levels` and `rare` (the pooled ones) are level forms; `levels[i]` has code i + 3. A number falls into
    bin i (code i + 3) when i of the ascending `edges` lie at or below it; months and weekdays count from 0
    (January, Monday).
    """

    feature: str
    via: Via
    levels: tuple[str, ...] = ()
    rare: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """How many codes there are, the three shared ones included."""
        if self.via in (Via.LEVEL, Via.EXACT):
            return FIRST_LEVEL + len(self.levels)
        if self.via is Via.BINS:
            return FIRST_LEVEL + len(self.edges) + 1
        return FIRST_LEVEL + PART_SIZES[self.via]

    def to_json(self) -> dict[str, Any]:
        """A JSON object; empty parts are left out."""
        document: dict[str, Any] = {"feature": self.feature, "via": str(self.via)}
        for name in ("levels", "rare", "edges"):
            if getattr(self, name):
                document[name] = list(getattr(self, name))
        return document


def level_form(text: str) -> str:
    """The form in which levels are compared: "Google Ads", "GOOGLE ads" and "google  ads" are one level.

    >>> level_form("GOOGLE  ads ")
    'google ads'
    """
    return " ".join(text.casefold().split())


class Op(StrEnum):
    """How a column gets its number. `numbers` holds the constants named here, in this order."""

    NUMBER = "number"
    """The value itself (days for a date); NaN when missing."""
    SCALED = "scaled"
    """(low, high, mean, scale): clipped to low..high, minus mean, over scale; 0 when missing."""
    HINGE = "hinge"
    """(low, high, knot, scale): the part above the knot, over scale; 0 when missing."""
    ABSENT = "absent"
    """1 when missing, else 0."""
    WORDS = "words"
    """log(1 + words) of a text; 0 when missing."""
    PART = "part"
    """Month, weekday or hour of a date (`via`), from 0; NaN when missing."""
    BETWEEN = "between"
    """Days from `feature` to `other`, two dates; NaN when either is missing."""
    CODE = "code"
    """The code of `key`, for native categorical splits."""
    TABLE = "table"
    """`numbers[code]` of `key`."""
    LEVEL_IS = "level_is"
    """1 when the code of `key` is `code`, else 0."""
    PAIR = "pair"
    """Of two keys: `cell_values` where the pair of codes is a known cell, else 0."""


@dataclass(frozen=True, slots=True)
class Column:
    """One number the estimator sees, and the one or two features it comes from.

    `cells` are ascending `code * size of other key + other code`. A pair's contribution is halved
    between its two features: by the symmetry axiom of Shapley values neither can claim more.
    """

    op: Op
    feature: str
    other: str = ""
    via: Via | None = None
    key: int = -1
    other_key: int = -1
    code: int = -1
    numbers: tuple[float, ...] = ()
    cells: tuple[int, ...] = ()
    cell_values: tuple[float, ...] = ()

    @property
    def shares(self) -> dict[str, float]:
        """How its contribution is shared among features; sums to 1."""
        if self.other and self.other != self.feature:
            return {self.feature: 0.5, self.other: 0.5}
        return {self.feature: 1.0}

    def to_json(self) -> dict[str, Any]:
        """A JSON object; what the op does not use is left out."""
        document: dict[str, Any] = {"op": str(self.op), "feature": self.feature}
        if self.other:
            document["other"] = self.other
        if self.via is not None:
            document["via"] = str(self.via)
        for name in ("key", "other_key", "code"):
            if getattr(self, name) >= 0:
                document[name] = getattr(self, name)
        for name in ("numbers", "cells", "cell_values"):
            if getattr(self, name):
                document[name] = list(getattr(self, name))
        return document


@dataclass(frozen=True, slots=True)
class Encoder:
    """Keys and columns of one model, in order. The estimator sees one number per column."""

    keys: tuple[Key, ...]
    columns: tuple[Column, ...]

    def to_json(self) -> dict[str, Any]:
        """The `encoder` part of a model document."""
        return {
            "keys": [key.to_json() for key in self.keys],
            "columns": [column.to_json() for column in self.columns],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Encoder:
        """The encoder of a document that `scoring.ml.document` has checked."""
        return cls(
            tuple(_key(item) for item in document["keys"]),
            tuple(_column(item) for item in document["columns"]),
        )


def used_part(keys: Sequence[Key], columns: Sequence[Column]) -> Encoder:
    """An encoder with only the keys its columns use, renumbered: documents stay small."""
    needed = sorted({k for column in columns for k in (column.key, column.other_key) if k >= 0})
    renumbered = {old: new for new, old in enumerate(needed)} | {-1: -1}
    return Encoder(
        tuple(keys[old] for old in needed),
        tuple(replace(c, key=renumbered[c.key], other_key=renumbered[c.other_key]) for c in columns),
    )


def _key(item: Mapping[str, Any]) -> Key:
    return Key(
        item["feature"],
        Via(item["via"]),
        tuple(item.get("levels", ())),
        tuple(item.get("rare", ())),
        tuple(float(edge) for edge in item.get("edges", ())),
    )


def _column(item: Mapping[str, Any]) -> Column:
    via = item.get("via")
    return Column(
        op=Op(item["op"]),
        feature=item["feature"],
        other=item.get("other", ""),
        via=None if via is None else Via(via),
        key=item.get("key", -1),
        other_key=item.get("other_key", -1),
        code=item.get("code", -1),
        numbers=tuple(float(v) for v in item.get("numbers", ())),
        cells=tuple(item.get("cells", ())),
        cell_values=tuple(float(v) for v in item.get("cell_values", ())),
    )
