"""The reference pipeline: parsed frame → numbers → margin → probability, vectorised over rows.

It is the slow, plain reading of a model document that the row scorer is compared with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scoring.ml.encoding import FIRST_LEVEL, MISSING, RARE, UNSEEN, Column, Encoder, Key, Op, Via, level_form

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUR_SLACK = 1e-6
"""Times are stored as a share of a day; without it 14:00 may read as 13:59:59.99."""


def date_part(days: Floats, via: Via) -> Floats:
    """Month (0 = January), weekday (0 = Monday) or hour of days since 1970-01-01; NaN stays NaN."""
    known = np.isfinite(days)
    filled = np.where(known, days, 0.0)
    whole = np.floor(filled)
    if via is Via.WEEKDAY:
        part = (whole + 3.0) % 7.0
    elif via is Via.MONTH:
        months = whole.astype(np.int64).astype("datetime64[D]").astype("datetime64[M]")
        part = (months.astype(np.int64) % 12).astype(np.float64)
    elif via is Via.HOUR:
        part = np.minimum(np.floor((filled - whole) * 24.0 + HOUR_SLACK), 23.0)
    else:
        raise ValueError(f"“{via}” is not a part of a date; expected month, weekday or hour")
    return np.where(known, part, np.nan)


def key_codes(key: Key, values: NDArray[Any]) -> Ints:
    """The code of each value; shape (n,), each in 0..key.size - 1.

    `values` is object (texts and None) for levels, float64 with NaN otherwise.
    """
    import pandas as pd

    if key.via in (Via.LEVEL, Via.EXACT):
        form = level_form if key.via is Via.LEVEL else str
        known: dict[object, int] = {level: FIRST_LEVEL + i for i, level in enumerate(key.levels)}
        known.update(dict.fromkeys(key.rare, RARE))
        codes, uniques = pd.factorize(values, use_na_sentinel=True)
        lookup = np.array([*(known.get(form(level), UNSEEN) for level in uniques), MISSING], dtype=np.int64)
        return lookup[codes]
    numbers = values.astype(np.float64)
    if key.via is Via.BINS:
        found = np.searchsorted(np.asarray(key.edges, dtype=np.float64), numbers, side="right")
    else:
        found = np.nan_to_num(date_part(numbers, key.via)).astype(np.int64)
    return np.where(np.isnan(numbers), MISSING, found + FIRST_LEVEL).astype(np.int64)


def transform(encoder: Encoder, frame: pd.DataFrame) -> Floats:
    """The matrix the estimator sees; shape (rows, columns), NaN where a number is missing."""
    arrays = {name: frame[name].to_numpy() for name in frame.columns}
    codes = [key_codes(key, arrays[key.feature]) for key in encoder.keys]
    matrix = np.empty((len(frame), len(encoder.columns)), dtype=np.float64)
    for position, column in enumerate(encoder.columns):
        matrix[:, position] = column_values(column, encoder.keys, arrays, codes)
    return matrix


def column_values(
    column: Column, keys: tuple[Key, ...] | list[Key], arrays: Mapping[str, NDArray[Any]], codes: list[Ints]
) -> Floats:
    """One column of the matrix; shape (n,)."""
    import pandas as pd

    if column.op is Op.PAIR:
        return _pair(column, keys, codes)
    if column.key >= 0:
        return _of_code(column, codes[column.key])
    values = arrays[column.feature]
    if column.op is Op.ABSENT:
        return np.asarray(pd.isna(values), dtype=np.float64)
    if column.op is Op.WORDS:
        words = np.array([0.0 if text is None else float(len(text.split())) for text in values])
        logs: Floats = np.log1p(words)
        return logs
    return _numeric(column, values.astype(np.float64), arrays)


def _of_code(column: Column, own: Ints) -> Floats:
    if column.op is Op.CODE:
        return own.astype(np.float64)
    if column.op is Op.TABLE:
        found: Floats = np.asarray(column.numbers, dtype=np.float64)[own]
        return found
    return np.asarray(own == column.code, dtype=np.float64)


def _numeric(column: Column, values: Floats, arrays: Mapping[str, NDArray[Any]]) -> Floats:
    if column.op is Op.NUMBER:
        return values
    if column.op is Op.PART and column.via is not None:
        return date_part(values, column.via)
    if column.op is Op.BETWEEN:
        later: Floats = arrays[column.other].astype(np.float64)
        return later - values
    low, high, origin, scale = column.numbers
    clipped = np.clip(values, low, high)
    moved = (clipped - origin) / scale
    if column.op is Op.HINGE:
        moved = np.maximum(moved, 0.0)
    return np.where(np.isnan(values), 0.0, moved)


def _pair(column: Column, keys: tuple[Key, ...] | list[Key], codes: list[Ints]) -> Floats:
    first, second = codes[column.key], codes[column.other_key]
    if not column.cells:
        return np.zeros(len(first))
    cells = np.asarray(column.cells, dtype=np.int64)
    wanted = first * keys[column.other_key].size + second
    at = np.minimum(np.searchsorted(cells, wanted), len(cells) - 1)
    return np.where(cells[at] == wanted, np.asarray(column.cell_values)[at], 0.0)


def sigmoid(margin: Floats) -> Floats:
    """1 / (1 + exp(-margin)), kept strictly inside (0, 1)."""
    clipped = np.clip(margin, -35.0, 35.0)
    result: Floats = 1.0 / (1.0 + np.exp(-clipped))
    return result
