"""Pairs of keys: which of them hold signal that no sum of single features holds, and the effect of each cell.

Pairs are taken greedily, each judged out of fold on top of an additive model of all single keys and of the
pairs taken before it, so that a pair that merely echoes another feature gains nothing. The idea of ranking
pairs on the residuals of an additive model: Lou, Caruana, Gehrke & Hooker (2013), KDD, 623-631.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from scoring.ml.additive import Additive
from scoring.ml.encoding import Key
from scoring.ml.levels import Bools, LevelRates
from scoring.ml.pipeline import Floats, Ints, sigmoid

RIDGES = (1.5, 4.0, 12.0, 40.0)
"""Prior precisions of a cell's effect; 4 means effects with a standard deviation of one half in log-odds."""
LEAST_Z = 2.0
"""A pair enters when its out-of-fold gain in log-likelihood is that many standard errors above zero."""
SELECTION_ROWS = 20_000
MAX_CANDIDATES = 300
DENSE_CELLS = 500_000
LARGEST_EFFECT = 4.0


@dataclass(frozen=True, slots=True)
class PairRates:
    """The effect of each cell in log-odds, beyond what all single features and earlier pairs say.

    `cells` are ascending `code * other size + other code`, with `values`; other cells have 0. `oof` (rows,)
    leaves out each row's own fold. `gain` is the out-of-fold gain per row in nats.
    """

    first: int
    second: int
    cells: Ints
    values: Floats
    oof: Floats
    gain: float


@dataclass(frozen=True, slots=True)
class _Cells:
    """Which cell each row lies in, and the ids of the cells that occur."""

    ids: Ints
    row: Ints


@dataclass(frozen=True, slots=True)
class _Judged:
    gain: float
    z: float
    ridge: float


def choose_pairs(
    keys: list[Key],
    codes: list[Ints],
    rates: list[LevelRates],
    additive: Additive,
    y: Bools,
    fold: Ints,
    *,
    limit: int,
    seed: int,
) -> list[PairRates]:
    """At most `limit` pairs, in the order they were taken, fitted on all rows.

    Chosen on at most 20,000 rows and among at most 300 candidates of the strongest keys; categories come
    first, because a tree can rebuild a cell of numbers but hardly one of hundreds of levels.
    """
    if len(keys) < 2:
        return []
    margins = additive.margins.copy()
    n = len(y)
    rows = np.arange(n)
    if n > SELECTION_ROWS:
        rows = np.sort(np.random.default_rng([seed, 7]).choice(n, SELECTION_ROWS, replace=False))
    taken = _greedy(
        _candidates(keys, rates),
        keys,
        [code[rows] for code in codes],
        y[rows],
        fold[rows],
        margins[:, rows],
        limit,
    )
    fitted = []
    for i, j, judged in taken:
        cells = _cells(codes[i], codes[j], keys[j].size)
        effects = _effects(cells, _state(y, fold, margins), judged.ridge)
        fitted.append(_rates(i, j, cells, effects, fold, judged))
        margins += effects[:, cells.row]
    return fitted


def refit_pairs(
    wanted: Sequence[tuple[int, int]],
    keys: list[Key],
    codes: list[Ints],
    additive: Additive,
    y: Bools,
    fold: Ints,
) -> list[PairRates]:
    """Pairs that were chosen before, in their order, fitted on these rows; nothing is chosen again."""
    margins = additive.margins.copy()
    fitted = []
    for i, j in wanted:
        cells = _cells(codes[i], codes[j], keys[j].size)
        state = _state(y, fold, margins)
        judged = _judge(cells, state)
        effects = _effects(cells, state, judged.ridge)
        fitted.append(_rates(i, j, cells, effects, fold, judged))
        margins += effects[:, cells.row]
    return fitted


def _rates(i: int, j: int, cells: _Cells, effects: Floats, fold: Ints, judged: _Judged) -> PairRates:
    return PairRates(i, j, cells.ids, effects[-1], effects[fold, cells.row], judged.gain)


def _greedy(
    candidates: list[tuple[int, int]],
    keys: list[Key],
    codes: list[Ints],
    y: Bools,
    fold: Ints,
    margins: Floats,
    limit: int,
) -> list[tuple[int, int, _Judged]]:
    """Take the best pair, update the margins, judge the leaders again, until none is strong enough."""
    cells = {(i, j): _cells(codes[i], codes[j], keys[j].size) for i, j in candidates}
    state = _state(y, fold, margins)
    scores = {pair: _judge(cells[pair], state) for pair in candidates}
    fresh = set(candidates)
    weak: set[tuple[int, int]] = set()
    taken: list[tuple[int, int, _Judged]] = []
    while len(taken) < limit and len(weak) < len(scores):
        pair = max((item for item in scores if item not in weak), key=lambda item: (scores[item].gain, item))
        if pair not in fresh:
            scores[pair] = _judge(cells[pair], state)
            fresh.add(pair)
        elif scores[pair].z < LEAST_Z:
            weak.add(pair)
        else:
            taken.append((*pair, scores.pop(pair)))
            margins = margins + _effects(cells[pair], state, taken[-1][2].ridge)[:, cells[pair].row]
            state, fresh, weak = _state(y, fold, margins), set(), set()
    return taken


def _candidates(keys: list[Key], rates: list[LevelRates]) -> list[tuple[int, int]]:
    order = sorted(range(len(keys)), key=lambda k: (not keys[k].levels, rates[k].loss, k))
    ranked = sorted(combinations(range(len(order)), 2), key=lambda pair: (sum(pair), pair))
    pairs = [(min(order[a], order[b]), max(order[a], order[b])) for a, b in ranked]
    return [(i, j) for i, j in pairs if keys[i].feature != keys[j].feature][:MAX_CANDIDATES]


def _cells(first: Ints, second: Ints, other_size: int) -> _Cells:
    wanted = first * other_size + second
    if int(wanted.max()) < DENSE_CELLS:
        # Counting is five times faster than sorting, and most pairs have few possible cells.
        present = np.bincount(wanted) > 0
        return _Cells(np.flatnonzero(present), (np.cumsum(present) - 1)[wanted])
    ids, row = np.unique(wanted, return_inverse=True)
    return _Cells(ids, row)


@dataclass(frozen=True, slots=True)
class _State:
    """Residuals and curvatures of all rows by each model, (folds + 1, rows); the last is of all rows."""

    residuals: Floats
    curvatures: Floats
    fold: Ints

    @property
    def folds(self) -> int:
        return len(self.residuals) - 1


def _state(y: Bools, fold: Ints, margins: Floats) -> _State:
    p = sigmoid(margins)
    return _State(y - p, p * (1.0 - p), fold)


def _sums(cells: _Cells, state: _State, k: int, values: Floats) -> tuple[Floats, Floats]:
    """Sums per cell over the rows model k was fitted on, and over its held-out fold; each (cells,)."""
    at = 2 * cells.row + (state.fold == k)
    both = np.bincount(at, weights=values, minlength=2 * len(cells.ids)).astype(np.float64)
    return both[::2], both[1::2]


def _judge(cells: _Cells, state: _State) -> _Judged:
    """Out-of-fold gain of one Newton step per cell, to second order in the step.

    The step for fold k comes from the residuals of the model that never met fold k: residuals of
    out-of-fold predictions would lean against the very fold they are tried on.
    """
    n = state.residuals.shape[1]
    means, squares = np.zeros(len(RIDGES)), np.zeros(len(RIDGES))
    for k in range(state.folds):
        residual, curvature = state.residuals[k], state.curvatures[k]
        gradient, held_gradient = _sums(cells, state, k, residual)
        room, held_room = _sums(cells, state, k, curvature)
        held_square = _sums(cells, state, k, residual * residual)[1]
        for at, ridge in enumerate(RIDGES):
            step = _step(gradient, room, ridge)
            means[at] += float((held_gradient * step - 0.5 * held_room * step * step).sum()) / n
            squares[at] += float((held_square * step * step).sum()) / n
    best = int(np.argmax(means))
    spread = max(squares[best] - means[best] ** 2, 1e-18)
    return _Judged(float(means[best]), float(means[best] / np.sqrt(spread / n)), RIDGES[best])


def _step(gradient: Floats, curvature: Floats, ridge: float) -> Floats:
    return np.clip(gradient / (curvature + ridge), -LARGEST_EFFECT, LARGEST_EFFECT)


def _effects(cells: _Cells, state: _State, ridge: float) -> Floats:
    """Effect of each cell by each model; shape (folds + 1, cells)."""
    return np.stack(
        [
            _step(_sums(cells, state, k, g)[0], _sums(cells, state, k, h)[0], ridge)
            for k, (g, h) in enumerate(zip(state.residuals, state.curvatures, strict=True))
        ]
    )
