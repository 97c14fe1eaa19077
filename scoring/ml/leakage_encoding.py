"""Columns as codes: levels, repeated values and bins, with missing as a code of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.ml.dates import datetime_text
from scoring.ml.parsing import number_text, shown

Codes = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

MAX_LEVELS = 3000
_ATOM = 0.01


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as codes 0 … len(names)-1, shape (n,); code 0 is missing, `ordered` codes follow the numbers.

    `exact` says which codes stand for one value rather than a range of values.
    """

    codes: Codes
    names: tuple[str, ...]
    ordered: bool
    exact: Bools

    @property
    def filled(self) -> Bools:
        """Which rows hold a value."""
        return np.asarray(self.codes > 0)


def code_texts(values: NDArray[np.object_]) -> Coded:
    """Levels of a column of str and None; the rarest beyond 3,000 share the last code."""
    codes, levels = pd.factorize(pd.Series(values, dtype=object))
    names = [shown(str(level), 40) for level in levels]
    if len(levels) > MAX_LEVELS:
        counts = np.bincount(codes[codes >= 0], minlength=len(levels))
        rank = np.empty(len(levels), dtype=np.int64)
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(levels))
        position = np.minimum(rank, MAX_LEVELS)
        kept = [""] * MAX_LEVELS
        for level, place in enumerate(rank):
            if place < MAX_LEVELS:
                kept[place] = names[level]
        codes = np.where(codes >= 0, position[codes], -1)
        names = [*kept, "other values"]
    exact = np.ones(len(names) + 1, dtype=bool)
    return Coded(codes.astype(np.int64) + 1, ("(missing)", *names), ordered=False, exact=exact)


def code_numbers(values: Floats, *, dates: bool = False) -> Coded:
    """Repeated values as codes of their own, the rest in bins of equal mass, in the order of numbers."""
    show = datetime_text if dates else number_text
    filled = ~np.isnan(values)
    numbers = values[filled]
    codes = np.zeros(len(values), dtype=np.int64)
    if not len(numbers):
        return Coded(codes, ("(missing)",), ordered=True, exact=np.ones(1, dtype=bool))
    distinct, counts = np.unique(numbers, return_counts=True)
    if len(distinct) <= 40:
        codes[filled] = np.searchsorted(distinct, numbers) + 1
        names = ["(missing)", *(show(float(value)) for value in distinct)]
        return Coded(codes, tuple(names), ordered=True, exact=np.ones(len(names), dtype=bool))
    atoms = distinct[counts >= max(10.0, _ATOM * len(numbers))]
    bins = 25 if len(numbers) >= 4000 else 12
    cuts = np.quantile(numbers, np.linspace(0, 1, bins + 1)[1:-1])
    edges = np.unique(np.concatenate([cuts, atoms, np.nextafter(atoms, np.inf)]))
    places = np.searchsorted(edges, numbers, side="right")
    used, inverse = np.unique(places, return_inverse=True)
    codes[filled] = inverse + 1
    low = np.concatenate([[distinct[0]], edges])
    high = np.concatenate([edges, [np.inf]])
    is_atom = np.isin(low[used], atoms)
    names = ["(missing)"]
    for place, atom in zip(used, is_atom, strict=True):
        start, stop = float(low[place]), min(float(high[place]), float(distinct[-1]))
        names.append(show(start) if atom else f"{show(start)} to {show(stop)}")
    return Coded(codes, tuple(names), ordered=True, exact=np.concatenate([[True], is_atom]))


def code_shapes(values: NDArray[np.object_]) -> Coded:
    """The pattern of each text (its leading letters and its length): keys that differ tell nothing else."""
    shapes: dict[str, str] = {}
    out = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        if value is None:
            out[i] = None
            continue
        if value not in shapes:
            lead = re.match(r"[^\d\s]*", value)
            shapes[value] = f"{lead[0][:8] if lead else ''}… ({min(len(value), 40)} characters)"
        out[i] = shapes[value]
    return code_texts(out)
