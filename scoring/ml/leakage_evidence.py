"""What in the numbers of one column speaks for “written after the outcome”, as sentences.

Every region is chosen on four fifths of the rows and measured on the fifth, so a chance find does not
count, and every share enters with the unfavourable end of its interval where rows are few.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from scoring.ml.intervals import Estimate, NotEnoughData, delong_auc, wilson_bounds
from scoring.ml.leakage_config import LeakConfig
from scoring.ml.leakage_encoding import Bools, Coded, Floats

_SMOOTH = 10.0
"""Rows of the base rate added to each level when its rate is estimated."""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the leads: r and f are its shares among converted and others, k and m their rows in it."""

    r: float
    f: float
    k: int
    m: int
    conversions: int
    others: int

    @property
    def rate(self) -> float:
        """Conversion rate inside the region."""
        return self.k / max(self.k + self.m, 1)

    @property
    def j(self) -> float:
        """r - f: how much of one side it holds beyond the other."""
        return self.r - self.f

    def lr(self) -> float:
        """The smallest likelihood ratio r / f that the rows allow (95 % Wilson ends)."""
        low = _low(self.k, self.conversions)
        high = _high(self.m, self.others)
        return low / max(high, 1e-12)

    def times(self, wanted: float, sure: float) -> bool:
        """Whether r is `wanted` times f, and at least `sure` of that at the unfavourable ends."""
        return self.r >= wanted * self.f and self.lr() >= sure * wanted

    def times_less(self, wanted: float, sure: float) -> bool:
        """Whether f is `wanted` times r, and at least `sure` of that at the unfavourable ends."""
        return self.f >= wanted * self.r and self.inverse_lr() >= sure * wanted

    def inverse_lr(self) -> float:
        """The smallest f / r that the rows allow."""
        low = _low(self.m, self.others)
        high = _high(self.k, self.conversions)
        return low / max(high, 1e-12)


def fold_of(target: Bools, folds: int, seed: int = 0) -> NDArray[np.int64]:
    """A fold number for each row, the same share of conversions in each."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(target), dtype=np.int64)
    for side in (True, False):
        rows = np.flatnonzero(target == side)
        fold[rows] = rng.permutation(np.arange(len(rows)) % folds)
    return fold


def held_out_rates(coded: Coded, target: Bools, fold: NDArray[np.int64]) -> Floats:
    """For each row the smoothed conversion rate of its code in the other folds, shape (n,)."""
    size = len(coded.names)
    everything = np.bincount(coded.codes, minlength=size).astype(np.float64)
    positive = np.bincount(coded.codes[target], minlength=size).astype(np.float64)
    out = np.empty(len(target))
    for k in range(int(fold.max()) + 1):
        inside = fold == k
        n = everything - np.bincount(coded.codes[inside], minlength=size)
        p = positive - np.bincount(coded.codes[inside & target], minlength=size)
        base = p.sum() / max(n.sum(), 1.0)
        out[inside] = ((p + _SMOOTH * base) / (n + _SMOOTH))[coded.codes[inside]]
    return out


def auc_of(target: Bools, score: Floats) -> Estimate | None:
    """ROC-AUC of a score that was made on other rows, or None when it cannot be had."""
    try:
        return delong_auc(target, score)
    except NotEnoughData:
        return None


def region(inside: Bools, target: Bools) -> Region:
    """The shares of a part of the rows among converted and others."""
    conversions, total = int(target.sum()), len(target)
    k = int((inside & target).sum())
    m = int(inside.sum()) - k
    others = total - conversions
    return Region(k / max(conversions, 1), m / max(others, 1), k, m, conversions, others)


def chosen_region(
    coded: Coded,
    target: Bools,
    fold: NDArray[np.int64],
    *,
    least: float | None = None,
    most: float | None = None,
) -> tuple[Region, tuple[str, ...], bool]:
    """The rows whose code had, in the other folds, a likelihood ratio ≥ `least` (or ≤ `most`).

    Returns the region, names of its largest codes, and whether it is made of exact values only.
    """
    size = len(coded.names)
    inside = np.zeros(len(target), dtype=bool)
    picked = np.zeros(size)
    for k in range(int(fold.max()) + 1):
        train = fold != k
        p = np.bincount(coded.codes[train & target], minlength=size).astype(np.float64)
        n = np.bincount(coded.codes[train & ~target], minlength=size).astype(np.float64)
        # Half a row on the side that would speak for the region: a level seen twice proves nothing.
        if least is not None:
            ratio = (p / max(p.sum(), 1.0)) / ((n + 0.5) / (n.sum() + 0.5))
            good = (ratio >= least) & (p >= 3)
        else:
            ratio = ((p + 0.5) / (p.sum() + 0.5)) / np.maximum(n / max(n.sum(), 1.0), 1e-12)
            good = (ratio <= (most or 0.0)) & (n >= 3)
        test = ~train
        inside[test] = good[coded.codes[test]]
        picked += good * np.bincount(coded.codes[test], minlength=size)
    largest = [coded.names[i] for i in np.argsort(-picked)[:3] if picked[i] > 0]
    exact = bool(coded.exact[picked > 0].all()) if (picked > 0).any() else False
    return region(inside, target), tuple(largest), exact


def fill_evidence(coded: Coded, target: Bools, config: LeakConfig) -> list[str]:
    """A field that is filled (or left empty) because of the outcome."""
    filled = coded.filled
    if filled.all() or not filled.any():
        return []
    found = []
    for name, rows in (("filled", filled), ("empty", ~filled)):
        part = region(rows, target)
        lr = part.lr()
        broad = part.j >= config.fill_j and part.times(config.fill_lr, config.sure)
        strict = part.r >= config.fill_recall and lr >= config.fill_lr_strict
        rare = (
            part.k >= config.fill_rare_rows
            and lr >= config.fill_lr_rare
            and part.rate >= config.fill_rare_purity
        )
        if broad or strict or rare:
            found.append(f"{name} for {part.r:.0%} of the converted and {_small(part.f)} of the other leads")
        if name == "filled":
            inverse = part.inverse_lr()
            broad = -part.j >= config.fill_j and part.times_less(config.fill_lr, config.sure)
            strict = part.f >= config.fill_recall and inverse >= config.fill_lr_strict
            if broad or strict:
                found.append(
                    f"filled for {part.f:.0%} of the leads that did not convert "
                    f"and {_small(part.r)} of those that did"
                )
    return found


def region_evidence(coded: Coded, target: Bools, fold: NDArray[np.int64], config: LeakConfig) -> list[str]:
    """Values that hold most of one side, or that (nearly) always or never convert."""
    base = float(target.mean())
    found = []
    high, names, _ = chosen_region(coded, target, fold, least=config.region_lr / 2)
    if high.j >= config.region_j and high.times(config.region_lr, config.sure):
        found.append(f"{_hold(names)} {high.r:.0%} of the converted and {_small(high.f)} of the other leads")
    low, names, _ = chosen_region(coded, target, fold, most=2 / config.region_lr)
    if -low.j >= config.region_j and low.times_less(config.region_lr, config.sure):
        found.append(f"{_hold(names)} {low.f:.0%} of the other leads and {_small(low.r)} of the converted")
    pure_odds = config.pure_low / (1 - config.pure_low) * (1 - base) / max(base, 1e-9)
    pure, names, exact = chosen_region(coded, target, fold, least=pure_odds)
    recall = config.pure_recall if exact else config.pure_recall_bins
    clean = pure.rate >= config.pure_rate and _low(pure.k, pure.k + pure.m) >= config.pure_low
    if clean and pure.r >= recall and base < 0.8:
        found.append(f"{pure.k} of {pure.k + pure.m} leads with {_values(names)} converted")
    never, names, exact = chosen_region(coded, target, fold, most=config.never_ratio)
    barren = never.r <= never.f * config.never_ratio and never.inverse_lr() >= 0.5 / config.never_ratio
    if barren and never.f >= (config.never_share if exact else config.never_share_bins):
        found.append(f"{never.k} of {never.k + never.m} leads with {_values(names)} converted")
    return found


def tail_evidence(values: Floats, target: Bools, config: LeakConfig) -> list[str]:
    """An end of the number line where leads cannot convert, though many lie there."""
    from scipy.stats import poisson

    filled = ~np.isnan(values)
    x, y = values[filled], target[filled]
    if filled.sum() < 200 or not 0 < y.sum() < len(y):
        return []
    # By rank: where the middle is best, two empty ends are no surprise.
    auc = delong_auc(y, x).value
    auc = max(auc, 1.0 - auc)
    if auc < config.tail_auc or auc == 1.0:
        return []
    shift = math.sqrt(2.0) * float(ndtri(auc))
    for sign, words in ((1.0, "smallest"), (-1.0, "largest")):
        grows = _grows(sign * x, y, config)
        others = np.sort(sign * x[~y])
        for share in config.tail_shares:
            edge = others[min(int(share * len(others)), len(others) - 1)]
            inside = sign * x < edge
            part = region(inside, y)
            # What two bell curves of this AUC would have there.
            expected = float(ndtr(ndtri(max(part.f, 1e-9)) - shift)) if part.f > 0 else 0.0
            chance = float(poisson.cdf(part.k, expected * part.conversions))
            if part.f < share / 2 or chance > config.tail_chance:
                continue
            if not grows and _high(part.k, part.conversions) > config.tail_floor * part.f:
                continue
            if part.r <= min(config.tail_factor * expected, config.tail_ratio * part.f):
                found = (
                    f"{part.k} of the {part.k + part.m} leads with the {words} values converted, although "
                )
                return [
                    f"{found}the column ranks the others well: a value like a length that grows with success"
                ]
    return []


def _grows(x: Floats, y: Bools, config: LeakConfig) -> bool:
    """Whether success goes on growing where the values are largest: the longer the call that decides, the better,
    while visits and budgets level off or fall again."""
    parts = np.array_split(np.argsort(x, kind="stable"), config.tail_parts)
    *_, before, last = (float(y[part].mean()) for part in parts)
    return last >= config.tail_growth * before


def _small(share: float) -> str:
    return "none" if share == 0 else f"{share:.0%}" if share >= 0.01 else f"{share:.1%}"


def _values(names: tuple[str, ...]) -> str:
    quoted = [name if name == "(missing)" else f"“{name}”" for name in names]
    if len(quoted) > 1:
        return "the values " + ", ".join(quoted)
    return f"the value {quoted[0]}" if quoted else "its values"


def _hold(names: tuple[str, ...]) -> str:
    return f"{_values(names)} {'holds' if len(names) == 1 else 'hold'}"


def _low(hits: int, n: int) -> float:
    return float(wilson_bounds(hits, n)[0])


def _high(hits: int, n: int) -> float:
    return float(wilson_bounds(hits, n)[1])
