"""From a training frame to what each rung of the ladder is trained on.

`fit_levels` learns keys, rates and pairs once; `bayes_design`, `linear_design`, `one_hot_design` and
`boosting_design` lay them out for their estimator. A design's `matrix` holds the cross-fitted values of the
training rows; new rows go through `pipeline.transform` with its encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from scoring.ml.additive import Additive, fit_additive
from scoring.ml.encoding import Column, Encoder, Key, Op, Via, used_part
from scoring.ml.levels import Bools, LevelRates, fit_keys, has_time_of_day, level_rates
from scoring.ml.pairs import PairRates, choose_pairs, refit_pairs
from scoring.ml.pipeline import Floats, Ints, column_values, key_codes
from scoring.ml.splits import stratified_folds
from scoring.ml.values import FeatureSpec, Kind

INNER_FOLDS = 5
NATIVE_LEVELS = 12
COUNTED_LEVELS = 20
KNOTS = (0.2, 0.4, 0.6, 0.8)
MAX_DATE_PAIRS = 10


NamedPair = tuple[tuple[str, Via], tuple[str, Via]]
"""Two keys by their feature and reading."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Everything learnt from one set of training rows that the designs share."""

    specs: tuple[FeatureSpec, ...]
    frame: pd.DataFrame
    y: Bools
    fold: Ints
    keys: list[Key]
    codes: list[Ints]
    rates: list[LevelRates]
    additive: Additive
    pairs: list[PairRates]

    @property
    def named_pairs(self) -> tuple[NamedPair, ...]:
        """The pairs by feature and reading, for `fit_levels` on other rows."""
        names = [(key.feature, key.via) for key in self.keys]
        return tuple((names[pair.first], names[pair.second]) for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class Design:
    """An encoder and the training matrix (rows, columns) that goes with it."""

    encoder: Encoder
    matrix: Floats

    @property
    def categorical(self) -> list[int]:
        """Positions of the columns that are codes."""
        return [i for i, column in enumerate(self.encoder.columns) if column.op is Op.CODE]


def fit_levels(
    specs: tuple[FeatureSpec, ...],
    frame: pd.DataFrame,
    y: Bools,
    *,
    max_pairs: int,
    seed: int,
    pairs: Sequence[NamedPair] | None = None,
) -> Levels:
    """Keys, cross-fitted rates and chosen pairs of these rows.

    `frame` is parsed, `y` (rows,) holds both outcomes. With `max_pairs` 0 no pair is looked at. `pairs` chosen
    before are taken as they are, which spares most of the time.
    """
    fold = stratified_folds(y, INNER_FOLDS, seed)
    keys = fit_keys(specs, frame, rare_below=5 if len(y) >= 2000 else 3)
    codes = [key_codes(key, frame[key.feature].to_numpy()) for key in keys]
    rates = [level_rates(code, y, fold, INNER_FOLDS, key.size) for key, code in zip(keys, codes, strict=True)]
    additive = fit_additive(codes, [key.size for key in keys], y, fold, INNER_FOLDS)
    found: list[PairRates] = []
    if pairs is not None:
        at = {(key.feature, key.via): position for position, key in enumerate(keys)}
        # A part of the rows may lack a key, where a number never varies.
        known = [(at[one], at[other]) for one, other in pairs if one in at and other in at]
        found = refit_pairs(known, keys, codes, additive, y, fold)
    elif max_pairs:
        found = choose_pairs(keys, codes, rates, additive, y, fold, limit=max_pairs, seed=seed)
    return Levels(specs, frame, y, fold, keys, codes, rates, additive, found)


def bayes_design(levels: Levels) -> Design:
    """One column per feature: how much likelier its value is among converted than among other leads."""
    columns, parts = [], []
    done: set[str] = set()
    yes, no = float(levels.y.sum()), float((~levels.y).sum())
    for position, key in enumerate(levels.keys):
        if key.feature in done:
            continue
        done.add(key.feature)
        codes = levels.codes[position]
        among_yes = np.bincount(codes, weights=levels.y, minlength=key.size)
        among_no = np.bincount(codes, weights=~levels.y, minlength=key.size)
        # One lead of weight, spread over the levels as all leads are: a level never met says nothing.
        spread = (among_yes + among_no + 0.5) / (yes + no + 0.5 * key.size)
        ratio = np.log((among_yes + spread * 2.0) / (yes + 2.0)) - np.log(
            (among_no + spread * 2.0) / (no + 2.0)
        )
        ratio[(among_yes + among_no) == 0] = 0.0
        columns.append(_table(key, position, ratio))
        parts.append(ratio[codes])
    return _design(levels, columns, parts)


def linear_design(levels: Levels) -> Design:
    """Columns of the logistic rung: scaled numbers with hinges, texts, the effect of each code, pairs.

    The effects come from the additive model (`additive.fit_additive`): one column per key instead of one per
    level, already shrunk as much as the key deserves, so that the regression only weighs keys.
    """
    columns: list[Column] = []
    for spec in levels.specs:
        values = levels.frame[spec.name].to_numpy()
        if spec.kind in (Kind.NUMBER, Kind.DATE):
            columns.extend(_scaled(spec.name, values, hinges=spec.kind is Kind.NUMBER))
        elif spec.kind is Kind.TEXT:
            columns.append(Column(Op.WORDS, spec.name))
            if pd.isna(values).any():
                columns.append(Column(Op.ABSENT, spec.name))
    parts: list[Floats | None] = [None] * len(columns)
    for position, key in enumerate(levels.keys):
        effects = levels.additive.effects[position]
        columns.append(_table(key, position, effects[-1]))
        parts.append(effects[levels.fold, levels.codes[position]])
    for pair in levels.pairs:
        columns.append(_pair(levels, pair))
        parts.append(pair.oof)
    return _design(levels, columns, parts)


def one_hot_design(levels: Levels) -> Design:
    """Columns of the logistic rung for few leads: scaled numbers with hinges, one column per level met.

    Where leads are few, level effects learnt on other folds are mostly noise that the regression then has to
    weigh; one shrunk weight per level, all fitted together, is the better use of the same leads.
    """
    columns: list[Column] = []
    binned = {spec.name for spec in levels.specs if spec.kind in (Kind.NUMBER, Kind.DATE)}
    for spec in levels.specs:
        values = levels.frame[spec.name].to_numpy()
        if spec.kind in (Kind.NUMBER, Kind.DATE):
            columns.extend(_scaled(spec.name, values, hinges=spec.kind is Kind.NUMBER))
        if spec.kind in (Kind.NUMBER, Kind.DATE, Kind.TEXT) and pd.isna(values).any():
            columns.append(Column(Op.ABSENT, spec.name))
        if spec.kind is Kind.TEXT:
            columns.append(Column(Op.WORDS, spec.name))
    for position, key in enumerate(levels.keys):
        # The scaled number says more than its bins.
        if key.feature in binned and key.via is Via.BINS:
            continue
        met = np.flatnonzero(np.bincount(levels.codes[position], minlength=key.size))
        columns.extend(Column(Op.LEVEL_IS, key.feature, key=position, code=code) for code in met.tolist())
    parts: list[Floats | None] = [None] * len(columns)
    return _design(levels, columns, parts)


def boosting_design(levels: Levels) -> Design:
    """Columns of the trees: raw numbers, date parts and gaps, smoothed rates, counts, codes, pairs."""
    columns: list[Column] = []
    dates = [spec.name for spec in levels.specs if spec.kind is Kind.DATE]
    for spec in levels.specs:
        if spec.kind in (Kind.NUMBER, Kind.YES_NO, Kind.DATE):
            columns.append(Column(Op.NUMBER, spec.name))
        if spec.kind is Kind.TEXT:
            columns.append(Column(Op.WORDS, spec.name))
        if spec.kind is Kind.DATE:
            columns.extend(Column(Op.PART, spec.name, via=via) for via in (Via.MONTH, Via.WEEKDAY))
            if has_time_of_day(levels.frame[spec.name].to_numpy()):
                columns.append(Column(Op.PART, spec.name, via=Via.HOUR))
    columns.extend(Column(Op.BETWEEN, a, other=b) for a, b in list(combinations(dates, 2))[:MAX_DATE_PAIRS])
    parts: list[Floats | None] = [None] * len(columns)
    for position, key in enumerate(levels.keys):
        if key.via is not Via.LEVEL:
            continue
        rates = levels.rates[position]
        columns.append(_table(key, position, rates.full))
        parts.append(rates.oof)
        if len(key.levels) <= NATIVE_LEVELS:
            columns.append(Column(Op.CODE, key.feature, key=position))
            parts.append(None)
        if len(key.levels) > COUNTED_LEVELS:
            columns.append(_table(key, position, np.log1p(rates.counts)))
            parts.append(None)
    for pair in levels.pairs:
        columns.append(_pair(levels, pair))
        parts.append(pair.oof)
    return _design(levels, columns, parts)


def _design(levels: Levels, columns: list[Column], parts: list[Floats] | list[Floats | None]) -> Design:
    arrays = {name: levels.frame[name].to_numpy() for name in levels.frame.columns}
    matrix = np.empty((len(levels.y), len(columns)), dtype=np.float64)
    for i, (column, part) in enumerate(zip(columns, parts, strict=True)):
        matrix[:, i] = column_values(column, levels.keys, arrays, levels.codes) if part is None else part
    return Design(used_part(levels.keys, columns), matrix)


def _table(key: Key, position: int, values: Floats) -> Column:
    return Column(Op.TABLE, key.feature, key=position, numbers=tuple(values.tolist()))


def _pair(levels: Levels, pair: PairRates) -> Column:
    first, second = levels.keys[pair.first], levels.keys[pair.second]
    return Column(
        Op.PAIR,
        first.feature,
        other=second.feature,
        key=pair.first,
        other_key=pair.second,
        cells=tuple(pair.cells.tolist()),
        cell_values=tuple(pair.values.tolist()),
    )


def _scaled(name: str, values: Floats, *, hinges: bool) -> list[Column]:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return []
    # Clipping keeps one absurd value of a new lead from deciding alone.
    low, high = (float(v) for v in np.quantile(known, (0.005, 0.995)))
    if low == high:
        low, high = float(known.min()), float(known.max())
    clipped = np.clip(known, low, high)
    scale = float(clipped.std())
    if scale <= 1e-12 * max(1.0, abs(low), abs(high)):
        return []
    columns = [Column(Op.SCALED, name, numbers=(low, high, float(clipped.mean()), scale))]
    if hinges and len(np.unique(known)) > 2:
        knots = sorted({float(k) for k in np.quantile(clipped, KNOTS)} - {low, high})
        columns.extend(Column(Op.HINGE, name, numbers=(low, high, knot, scale)) for knot in knots)
    return columns


def joined(first: Design, second: Design) -> Design:
    """Both designs side by side, with one set of keys."""
    shift = len(first.encoder.keys)
    moved = tuple(
        replace(
            column,
            key=column.key + shift if column.key >= 0 else -1,
            other_key=column.other_key + shift if column.other_key >= 0 else -1,
        )
        for column in second.encoder.columns
    )
    keys = [*first.encoder.keys, *second.encoder.keys]
    home = {key: at for at, key in reversed(list(enumerate(keys)))}
    columns = [
        replace(
            column,
            key=home[keys[column.key]] if column.key >= 0 else -1,
            other_key=home[keys[column.other_key]] if column.other_key >= 0 else -1,
        )
        for column in (*first.encoder.columns, *moved)
    ]
    return Design(used_part(keys, columns), np.column_stack([first.matrix, second.matrix]))
