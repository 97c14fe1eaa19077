"""From predictions as they were stored to profiles: every value read as the model read it, then counted.

Reading goes column by column. A value met before is looked up, numbers are taken as one array, so that the cost per
prediction is that of reading its JSON.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring.stats.profiles import GRADES, LATENCY_EDGES, Layout, Profile
from scoring.ml.moments import Moments
from scoring.ml.parsing import LARGEST_NUMBER, compile_reader, parse_number
from scoring.ml.reference import PROBABILITY_BINS, FeatureProfile
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind
from scoring.ml.sketches import QuantileSketch

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_REMEMBERED = 200_000
UNREADABLE, OUTSIDE = 1, 2
#: Rows decoded at once: few enough that their values are still in the processor's cache when they are sorted.
BLOCK = 200
_REMARKS = {"unreadable": UNREADABLE, "out_of_range": OUTSIDE}
_TEXT_OR_NONE = {str, type(None)}
_NUMBER_OR_NONE = {int, float, type(None)}


@dataclass(frozen=True, slots=True)
class Scored:
    """Predictions as stored, n of each: feature values as JSON texts, probabilities, scores, grades, milliseconds."""

    values: Sequence[str]
    probability: Floats
    score: Codes
    grade: Sequence[str]
    latency_ms: Floats

    def __len__(self) -> int:
        return len(self.values)


class Folder:
    """Turns predictions of one version into profiles. Keeps what it has read, so one folder serves many batches."""

    def __init__(self, layout: Layout, schema: FeatureSchema) -> None:
        self.layout = layout
        self._columns = [
            _Column(schema.by_name[profile.name], profile)
            for profile in layout.features
            if profile.name in schema.by_name
        ]
        if len(self._columns) != len(layout.features):
            raise ValueError("the reference profiles a feature that the feature set does not have")
        self._watched = [
            (index, profile.name)
            for index, profile in enumerate(layout.features)
            if schema.by_name[profile.name].segment and profile.kind is Kind.CATEGORY
        ]

    def fold(self, scored: Scored) -> dict[tuple[str, int], Profile]:
        """Profiles by (watched feature, bin of its value); all leads together, with sketches, under ("", 0)."""
        if not len(scored):
            return {}
        columns = self._cells(scored.values)
        count = len(scored)
        codes = np.empty((len(self._columns), count), dtype=np.int64)
        remarks = np.empty((len(self._columns), count), dtype=np.int8)
        measured: list[Floats] = []
        for index, column in enumerate(self._columns):
            codes[index], numbers, remarks[index] = column.read(columns[index])
            if numbers is not None:
                measured.append(numbers)
        measured.append(scored.probability)
        batch = _Batch(self.layout, codes, remarks, measured, scored)
        everyone = batch.profiles(np.zeros(count, dtype=np.int64), 1)[0]
        sketches = tuple(QuantileSketch.of(values) for values in measured)
        found = {
            ("", 0): Profile(self.layout, everyone.n, everyone.counts, everyone.moments, sketches),
        }
        for index, name in self._watched:
            groups = batch.profiles(codes[index], self.layout.features[index].bins.size)
            found.update({(name, place): one for place, one in enumerate(groups) if one.n})
        return found

    def _cells(self, texts: Sequence[str]) -> list[Sequence[Any]]:
        """The raw values of each feature (features, each n)."""
        names = [column.name for column in self._columns]
        columns: list[list[Any]] = [[] for _ in names]
        for at in range(0, len(texts), BLOCK):
            # One array of many objects: the decoder keeps the keys of a text it reads, and makes each once.
            block = json.loads(f"[{','.join(texts[at : at + BLOCK])}]")
            for column, values in zip(columns, self._taken(block, names), strict=True):
                column.extend(values)
        return list(columns)

    @staticmethod
    def _taken(block: list[Any], names: list[str]) -> list[Sequence[Any]]:
        if len(names) > 1:
            # Nearly always every row is an object with every key, and then one call takes all of them.
            with contextlib.suppress(KeyError, TypeError, IndexError):
                return list(zip(*map(itemgetter(*names), block), strict=True))
        rows = [row if isinstance(row, dict) else {} for row in block]
        return [[row.get(name) for row in rows] for name in names]


class _Memory(dict[Any, int]):
    """Raw value → place among the values read so far."""

    def __init__(self, spec: FeatureSpec, profile: FeatureProfile) -> None:
        super().__init__()
        self._read = compile_reader(spec)
        self._kind, self._bins = profile.kind, profile.bins
        self.numbers: list[float] = []
        self.remarks: list[int] = []

    def __missing__(self, key: Any) -> int:
        # Other keys than texts carry their type: 1, 1.0 and true are one key to a dictionary.
        place = self[key] = self.add(key[1] if isinstance(key, tuple) else key)
        return place

    def add(self, raw: object) -> int:
        """Read a value without remembering it."""
        value, remark = self._read(raw)
        self.numbers.append(self._measure(value))
        self.remarks.append(_REMARKS.get(remark.code, 0) if remark is not None else 0)
        return len(self.numbers) - 1

    def _measure(self, value: object) -> float:
        if self._kind is Kind.CATEGORY:
            return float(self._bins.assign(np.array([value], dtype=object))[0])
        if value is None:
            return np.nan
        return float(len(value)) if isinstance(value, str) else float(value)  # type: ignore[arg-type]

    def forget(self) -> None:
        self.clear()
        self.numbers, self.remarks = [], []


class _Column:
    """One feature: its values of a batch as bins, as numbers and with remarks."""

    def __init__(self, spec: FeatureSpec, profile: FeatureProfile) -> None:
        self.name = spec.name
        self._profile = profile
        self._memory = _Memory(spec, profile)
        self._plain = spec.kind is Kind.NUMBER
        self._low = -np.inf if spec.minimum is None else spec.minimum
        self._high = np.inf if spec.maximum is None else spec.maximum
        tokens = (parse_number(token.strip().casefold()) for token in spec.missing_tokens if token.strip())
        self._missing = np.array([value for value in tokens if value is not None], dtype=np.float64)

    def read(self, raw: Sequence[Any]) -> tuple[Codes, Floats | None, NDArray[np.int8]]:
        types = set(map(type, raw))
        if self._plain and types <= _NUMBER_OR_NONE:
            plain = self._numbers(raw, type(None) in types)
            if plain is not None:
                return plain
        values, remarks = self._remembered(raw, types)
        if self._profile.kind is Kind.CATEGORY:
            return values.astype(np.int64), None, remarks
        return self._profile.bins.assign(values), values, remarks

    def _numbers(self, raw: Sequence[Any], gaps: bool) -> tuple[Codes, Floats, NDArray[np.int8]] | None:
        try:
            given = np.array(raw, dtype=np.float64)
        except OverflowError:
            # A whole number beyond all floats is read one by one.
            return None
        absent = np.array([value is None for value in raw]) if gaps else np.zeros(len(raw), dtype=bool)
        broken = ~absent & ~(np.abs(given) <= LARGEST_NUMBER)
        values = np.where(absent | broken, np.nan, given)
        if len(self._missing):
            values = np.where(np.isin(values, self._missing), np.nan, values)
        remarks = np.where(broken, UNREADABLE, 0).astype(np.int8)
        remarks[(values < self._low) | (values > self._high)] = OUTSIDE
        return self._profile.bins.assign(values), values, remarks

    def _remembered(self, raw: Sequence[Any], types: set[type]) -> tuple[Floats, NDArray[np.int8]]:
        memory = self._memory
        if len(memory.numbers) > MOST_REMEMBERED:
            memory.forget()
        places: Iterable[int]
        if self._profile.kind is Kind.TEXT:
            places = map(memory.add, raw)
        elif types <= _TEXT_OR_NONE:
            places = map(memory.__getitem__, raw)
        else:
            places = (
                memory.add(value)
                if isinstance(value, list | dict)
                else memory[value if type(value) is str else (type(value), value)]
                for value in raw
            )
        at = np.fromiter(places, np.int64, len(raw))
        first = int(at.min())
        values = np.array(memory.numbers[first:], dtype=np.float64)
        remarks = np.array(memory.remarks[first:], dtype=np.int8)
        return values[at - first], remarks[at - first]


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch as arrays: codes and remarks (features x n), numbers per column, and what was answered."""

    layout: Layout
    codes: Codes
    remarks: NDArray[np.int8]
    measured: list[Floats]
    scored: Scored

    def profiles(self, group: Codes, groups: int) -> list[Profile]:
        """One profile for each group (shape n, from 0)."""
        layout, size = self.layout, self.layout.size
        counts = np.zeros((groups, size), dtype=np.int64)
        for codes, where in zip(self.codes, layout.bins, strict=True):
            width = where.size
            flat = np.bincount(group * width + codes, minlength=groups * width)
            counts[:, where.start : where.stop] = flat.reshape(groups, width)
        for name, remark in (("unreadable", UNREADABLE), ("outside", OUTSIDE)):
            feature, row = np.nonzero(self.remarks == remark)
            np.add.at(counts, (group[row], layout.parts[name].start + feature), 1)
        for name, places in self._answers():
            where = layout.parts[name]
            flat = np.bincount(group * where.size + places, minlength=groups * where.size)
            counts[:, where.start : where.stop] = flat.reshape(groups, where.size)
        rows = np.bincount(group, minlength=groups)
        moments = [_moments(values, group, groups) for values in self.measured]
        return [
            Profile(
                layout,
                int(rows[index]),
                counts[index],
                Moments(
                    np.array([one.n[index] for one in moments]),
                    np.array([one.mean[index] for one in moments]),
                    np.array([one.m2[index] for one in moments]),
                ),
            )
            for index in range(groups)
        ]

    def _answers(self) -> list[tuple[str, Codes]]:
        scored = self.scored
        letters = np.array([GRADES.find(letter) for letter in scored.grade], dtype=np.int64)
        probability = np.minimum(
            (scored.probability * PROBABILITY_BINS).astype(np.int64), PROBABILITY_BINS - 1
        )
        return [
            ("probability", probability),
            ("score", scored.score.astype(np.int64) - 1),
            ("grade", np.maximum(letters, 0)),
            ("latency", np.searchsorted(LATENCY_EDGES, scored.latency_ms, side="left").astype(np.int64)),
        ]


def _moments(values: Floats, group: Codes, groups: int) -> Moments:
    """Moments of each group (shape groups), missing values left out: two passes, so that nothing cancels."""
    there = ~np.isnan(values)
    if not there.all():
        values, group = values[there], group[there]
    n = np.bincount(group, minlength=groups)
    safe = np.maximum(n, 1)
    mean = np.bincount(group, weights=values, minlength=groups) / safe
    off = values - mean[group]
    shift = np.bincount(group, weights=off, minlength=groups) / safe
    m2 = np.bincount(group, weights=off * off, minlength=groups) - n * shift**2
    return Moments(n.astype(np.int64), mean + shift, np.maximum(m2, 0.0))
