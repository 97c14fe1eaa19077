"""The encoder for one lead at a time: each column a small closure, each key one dictionary or bisection."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import date

import numpy as np
from numpy.typing import NDArray

from scoring.ml.encoding import FIRST_LEVEL, MISSING, RARE, UNSEEN, Column, Encoder, Key, Op, Via, level_form
from scoring.ml.pipeline import HOUR_SLACK
from scoring.ml.values import Value

Codes = list[int]
Fill = Callable[[Mapping[str, Value], Codes], float]
Read = Callable[[Value], int]
NAN = float("nan")
_EPOCH = date(1970, 1, 1).toordinal()


class RowEncoder:
    """Fills one row of the matrix the estimator sees. Read-only after it is built."""

    def __init__(self, encoder: Encoder) -> None:
        named = (Via.LEVEL, Via.EXACT)
        self._keys = [(key.feature, _reader(key), key.via in named) for key in encoder.keys]
        self._fills = [_fill(column, encoder.keys) for column in encoder.columns]

    def __len__(self) -> int:
        return len(self._fills)

    def fill(self, values: Mapping[str, Value], out: NDArray[np.float64]) -> tuple[str, ...]:
        """Write the row into `out` (columns,) and return the features whose level the training never met."""
        codes: Codes = []
        unseen: tuple[str, ...] = ()
        for feature, read, named in self._keys:
            code = read(values.get(feature))
            if named and code == UNSEEN and feature not in unseen:
                unseen = (*unseen, feature)
            codes.append(code)
        out[:] = [fill(values, codes) for fill in self._fills]
        return unseen


def _reader(key: Key) -> Read:
    if key.via is Via.LEVEL:
        known: dict[str, int] = {level: FIRST_LEVEL + i for i, level in enumerate(key.levels)}
        known.update(dict.fromkeys(key.rare, RARE))
        return lambda value: MISSING if value is None else known.get(level_form(str(value)), UNSEEN)
    if key.via is Via.EXACT:
        exact: dict[str, int] = {level: FIRST_LEVEL + i for i, level in enumerate(key.levels)}
        return lambda value: MISSING if value is None else exact.get(str(value), UNSEEN)
    if key.via is Via.BINS:
        edges = key.edges
        return lambda value: MISSING if value is None else FIRST_LEVEL + bisect_right(edges, float(value))
    via = key.via
    return lambda value: MISSING if value is None else FIRST_LEVEL + _part(float(value), via)


def _part(days: float, via: Via) -> int:
    whole = math.floor(days)
    if via is Via.WEEKDAY:
        return (whole + 3) % 7
    if via is Via.MONTH:
        return date.fromordinal(_EPOCH + whole).month - 1
    return min(int((days - whole) * 24.0 + HOUR_SLACK), 23)


def _number(value: Value) -> float:
    return NAN if value is None else float(value)


def _fill(column: Column, keys: tuple[Key, ...]) -> Fill:
    if column.op is Op.PAIR:
        return _pair(column, keys[column.other_key].size)
    if column.key >= 0:
        return _of_code(column)
    if column.op in (Op.SCALED, Op.HINGE):
        return _moved(column)
    return _of_value(column)


def _of_code(column: Column) -> Fill:
    key, code, table = column.key, column.code, column.numbers
    if column.op is Op.CODE:
        return lambda values, codes: float(codes[key])
    if column.op is Op.TABLE:
        return lambda values, codes: table[codes[key]]
    return lambda values, codes: 1.0 if codes[key] == code else 0.0


def _of_value(column: Column) -> Fill:
    feature, other, op = column.feature, column.other, column.op
    if op is Op.NUMBER:
        return lambda values, codes: _number(values.get(feature))
    if op is Op.ABSENT:
        return lambda values, codes: 1.0 if values.get(feature) is None else 0.0
    if op is Op.WORDS:
        return lambda values, codes: math.log1p(len(str(values.get(feature) or "").split()))
    if op is Op.BETWEEN:
        return lambda values, codes: _number(values.get(other)) - _number(values.get(feature))
    via = Via(str(column.via))
    return lambda values, codes: NAN if (v := values.get(feature)) is None else float(_part(float(v), via))


def _moved(column: Column) -> Fill:
    feature = column.feature
    low, high, origin, scale = column.numbers
    hinge = column.op is Op.HINGE

    def fill(values: Mapping[str, Value], codes: Codes) -> float:
        value = values.get(feature)
        if value is None:
            return 0.0
        moved = (min(max(float(value), low), high) - origin) / scale
        return max(moved, 0.0) if hinge else moved

    return fill


def _pair(column: Column, other_size: int) -> Fill:
    cells = dict(zip(column.cells, column.cell_values, strict=True))
    key, other = column.key, column.other_key
    return lambda values, codes: cells.get(codes[key] * other_size + codes[other], 0.0)
