"""Pairs of keys: which of them hold signal that their single keys do not, and the rate of each cell."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from scoring.ml.encoding import Key
from scoring.ml.levels import Bools, LevelRates, counts_by_fold, log_loss_sum, log_odds
from scoring.ml.pipeline import Floats, Ints, sigmoid

CELL_WEIGHTS = (5.0, 20.0, 80.0)
BLENDS = ((0.5, 0.5), (0.75, 0.75), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0))
"""How much of each single key's deviation counts together: two keys that repeat each other count less."""
LEAST_CELL = 2
SELECTION_ROWS = 20_000
MAX_CANDIDATES = 300
LEAST_Z = 2.5
"""A pair enters when its out-of-fold gain in log loss is that many standard errors above zero."""


@dataclass(frozen=True, slots=True)
class PairRates:
    """The cells of a pair, as log-odds shrunk towards what the two single keys say together.

    Known cells (ascending `code * other size + other code`) have `values`; any other pair of codes gets
    `left[code] + right[other code]`. `oof` (n,) leaves out each row's own fold; `oof_excess` is `oof` minus
    what the single keys say.
    """

    first: int
    second: int
    cells: Ints
    values: Floats
    excess: Floats
    left: Floats
    right: Floats
    oof: Floats
    oof_excess: Floats
    gain: float


@dataclass(frozen=True, slots=True)
class _Cells:
    """Rows of one pair grouped by cell."""

    ids: Ints
    row: Ints
    n: Floats
    positives: Floats


def choose_pairs(
    keys: list[Key],
    codes: list[Ints],
    rates: list[LevelRates],
    y: Bools,
    fold: Ints,
    folds: int,
    *,
    limit: int,
    seed: int,
) -> list[PairRates]:
    """The at most `limit` pairs whose cells lower the out-of-fold log loss most, beyond their single keys.

    Chosen on at most 20,000 rows; candidates are capped at the 300 pairs of the strongest keys, where
    categories come first because only for them no tree can rebuild the cell by splitting.
    """
    n = len(y)
    rows = np.arange(n)
    if n > SELECTION_ROWS:
        rows = np.sort(np.random.default_rng([seed, 7]).choice(n, SELECTION_ROWS, replace=False))
    scored = []
    for i, j in _candidates(keys, rates):
        cells = _cells(codes[i][rows], codes[j][rows], keys[j].size, y[rows], fold[rows], folds)
        gain, z = _gain(cells, rates[i].oof[rows], rates[j].oof[rows], y[rows], fold[rows], folds)
        if z >= LEAST_Z:
            scored.append((gain, i, j))
    scored.sort(key=lambda item: (-item[0], item[1], item[2]))
    return [_fit(i, j, keys, codes, rates, y, fold, folds, gain) for gain, i, j in scored[:limit]]


def _candidates(keys: list[Key], rates: list[LevelRates]) -> list[tuple[int, int]]:
    order = sorted(range(len(keys)), key=lambda k: (not keys[k].levels, rates[k].loss, k))
    chosen: list[tuple[int, int]] = []
    pairs = sorted(combinations(range(len(order)), 2), key=lambda pair: (sum(pair), pair))
    for a, b in pairs:
        i, j = sorted((order[a], order[b]))
        if keys[i].feature != keys[j].feature:
            chosen.append((i, j))
        if len(chosen) == MAX_CANDIDATES:
            break
    return chosen


def _cells(first: Ints, second: Ints, other_size: int, y: Bools, fold: Ints, folds: int) -> _Cells:
    ids, row = np.unique(first * other_size + second, return_inverse=True)
    n, positives = counts_by_fold(row, y, fold, folds, len(ids))
    return _Cells(ids, row, n, positives)


def _per_group(row: Ints, fold: Ints, folds: int, values: Floats, groups: int) -> Floats:
    """Values that are equal within a cell and fold, laid out as (cells, folds); 0 where no row is."""
    out = np.zeros(groups * folds)
    out[row * folds + fold] = values
    return out.reshape(groups, folds)


def _together(
    cells: _Cells, left: Floats, right: Floats, base: float, fold: Ints, folds: int
) -> tuple[Floats, tuple[float, float]]:
    """What the single keys say of each cell and fold, and the blend of their deviations that fits best."""
    a = _per_group(cells.row, fold, folds, left - base, len(cells.ids))
    b = _per_group(cells.row, fold, folds, right - base, len(cells.ids))
    options = [base + wa * a + wb * b for wa, wb in BLENDS]
    best = int(np.argmin([log_loss_sum(option, cells.n, cells.positives) for option in options]))
    return options[best], BLENDS[best]


def _shrunk(cells: _Cells, towards: Floats, weight: float) -> Floats:
    n = cells.n.sum(axis=1, keepdims=True) - cells.n
    positives = cells.positives.sum(axis=1, keepdims=True) - cells.positives
    own = log_odds((positives + weight * sigmoid(towards)) / (n + weight))
    return np.where(n >= LEAST_CELL, own, towards)


def _gain(
    cells: _Cells, left: Floats, right: Floats, y: Bools, fold: Ints, folds: int
) -> tuple[float, float]:
    """Out-of-fold gain of the cells per row, in nats, and how many standard errors it is above zero."""
    base = float(log_odds(np.array([y.mean()]))[0])
    single, _ = _together(cells, left, right, base, fold, folds)
    best, best_z = 0.0, 0.0
    total = float(cells.n.sum())
    for weight in CELL_WEIGHTS:
        own = _shrunk(cells, single, weight)
        gain_yes = np.logaddexp(0.0, -single) - np.logaddexp(0.0, -own)
        gain_no = np.logaddexp(0.0, single) - np.logaddexp(0.0, own)
        negatives = cells.n - cells.positives
        mean = float((cells.positives * gain_yes + negatives * gain_no).sum()) / total
        square = float((cells.positives * gain_yes**2 + negatives * gain_no**2).sum()) / total
        spread = max(square - mean * mean, 1e-18)
        if mean > best:
            best, best_z = mean, mean / float(np.sqrt(spread / total))
    return best, best_z


def _fit(
    i: int,
    j: int,
    keys: list[Key],
    codes: list[Ints],
    rates: list[LevelRates],
    y: Bools,
    fold: Ints,
    folds: int,
    gain: float,
) -> PairRates:
    base = float(log_odds(np.array([y.mean()]))[0])
    cells = _cells(codes[i], codes[j], keys[j].size, y, fold, folds)
    single, (wa, wb) = _together(cells, rates[i].oof, rates[j].oof, base, fold, folds)
    shrunk = [_shrunk(cells, single, weight) for weight in CELL_WEIGHTS]
    best = int(np.argmin([log_loss_sum(own, cells.n, cells.positives) for own in shrunk]))
    weight = CELL_WEIGHTS[best]
    oof, oof_single = shrunk[best][cells.row, fold], single[cells.row, fold]
    left, right = base + wa * (rates[i].full - base), wb * (rates[j].full - base)
    n, positives = cells.n.sum(axis=1), cells.positives.sum(axis=1)
    kept = n >= LEAST_CELL
    ids = cells.ids[kept]
    together = left[ids // keys[j].size] + right[ids % keys[j].size]
    values = log_odds((positives[kept] + weight * sigmoid(together)) / (n[kept] + weight))
    return PairRates(
        first=i,
        second=j,
        cells=ids,
        values=values,
        excess=values - together,
        left=left,
        right=right,
        oof=oof,
        oof_excess=oof - oof_single,
        gain=gain,
    )
