"""Keys of a training frame, and the cross-fitted smoothed conversion rate of every code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.ml.encoding import Key, Via, level_form
from scoring.ml.pipeline import Floats, Ints
from scoring.ml.values import FeatureSpec, Kind

Bools = NDArray[np.bool_]

MAX_LEVELS = 4000
MAX_RARE = 50_000
NUMBER_BINS = 10
FEW_VALUES = 32
"""Numbers with at most that many distinct values (days of a month, counts) keep a bin for each."""
PERIODS = 8
PRIOR_WEIGHTS = (3.0, 10.0, 30.0, 100.0)
"""Candidate weights of the prior, in leads; each key takes the one with the lowest out-of-fold log loss."""


@dataclass(frozen=True, slots=True)
class LevelRates:
    """Smoothed conversion of each code of a key, as log-odds.

    `full` (size,) uses all rows and serves new leads; `oof` (n,) gives each training row the value made
    without its own fold, so that a model trained on it learns what the encoding is worth on unknown leads.
    """

    full: Floats
    oof: Floats
    counts: Floats
    weight: float
    loss: float


def fit_keys(specs: tuple[FeatureSpec, ...], frame: pd.DataFrame, *, rare_below: int) -> list[Key]:
    """One key per category, yes/no and number; weekday, month, hour and period of a date; none of a text."""
    keys: list[Key] = []
    for spec in specs:
        values = frame[spec.name].to_numpy()
        if spec.kind is Kind.CATEGORY:
            keys.append(_level_key(spec.name, values, rare_below))
        elif spec.kind is Kind.YES_NO:
            keys.append(Key(spec.name, Via.BINS, edges=(0.5,)))
        elif spec.kind is Kind.NUMBER:
            edges = quantile_edges(values, NUMBER_BINS)
            if edges:
                keys.append(Key(spec.name, Via.BINS, edges=edges))
        elif spec.kind is Kind.DATE:
            edges = quantile_edges(values, PERIODS)
            if edges:
                keys.append(Key(spec.name, Via.BINS, edges=edges))
            keys.extend((Key(spec.name, Via.WEEKDAY), Key(spec.name, Via.MONTH)))
            if has_time_of_day(values):
                keys.append(Key(spec.name, Via.HOUR))
    return keys


def _level_key(name: str, values: NDArray[np.object_], rare_below: int) -> Key:
    codes, uniques = pd.factorize(values, use_na_sentinel=True)
    counts: dict[str, int] = {}
    found = np.bincount(codes[codes >= 0], minlength=len(uniques)).tolist()
    for text, n in zip(uniques.tolist(), found, strict=True):
        form = level_form(text)
        counts[form] = counts.get(form, 0) + n
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    levels = tuple(sorted(level for level, n in ranked[:MAX_LEVELS] if n >= rare_below))
    kept = set(levels)
    rare = tuple(sorted([level for level, _ in ranked if level not in kept][:MAX_RARE]))
    return Key(name, Via.LEVEL, levels=levels, rare=rare)


def quantile_edges(values: Floats, bins: int) -> tuple[float, ...]:
    """Ascending cut points: between neighbours when there are few distinct values, else at quantiles."""
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    if len(distinct) < 2:
        return ()
    if len(distinct) <= FEW_VALUES:
        return tuple(float(v) for v in (distinct[:-1] + distinct[1:]) / 2.0)
    cuts = np.unique(np.quantile(known, np.arange(1, bins) / bins))
    return tuple(float(cut) for cut in cuts if cut > distinct[0])


def has_time_of_day(days: Floats) -> bool:
    """Whether any date carries a time."""
    known = days[np.isfinite(days)]
    return bool((known != np.floor(known)).any())


def counts_by_fold(codes: Ints, y: Bools, fold: Ints, folds: int, size: int) -> tuple[Floats, Floats]:
    """Rows and conversions per code and fold; two arrays of shape (size, folds)."""
    at = codes * folds + fold
    shape = (size, folds)
    n = np.bincount(at, minlength=size * folds).astype(np.float64)
    positives = np.bincount(at, weights=y, minlength=size * folds).astype(np.float64)
    return n.reshape(shape), positives.reshape(shape)


def log_odds(probability: Floats) -> Floats:
    """log(p / (1 - p)) of probabilities strictly inside (0, 1)."""
    result: Floats = np.log(probability) - np.log1p(-probability)
    return result


def log_loss_sum(margin: Floats, n: Floats, positives: Floats) -> float:
    """Summed log loss of groups with `n` rows and `positives` conversions at one margin each, in nats."""
    return float((positives * np.logaddexp(0.0, -margin) + (n - positives) * np.logaddexp(0.0, margin)).sum())


def level_rates(codes: Ints, y: Bools, fold: Ints, folds: int, size: int) -> LevelRates:
    """Smoothed rates of a key's codes; a code without rows gets the overall rate.

    Smoothing towards the overall rate after Micci-Barreca (2001), SIGKDD Explorations 3(1):27-32; the
    folds after Pargent et al. (2022), Computational Statistics 37:2671-2692.
    """
    n, positives = counts_by_fold(codes, y, fold, folds, size)
    total, total_positives = n.sum(axis=1, keepdims=True), positives.sum(axis=1, keepdims=True)
    base = float(y.mean())
    tried = []
    for weight in PRIOR_WEIGHTS:
        without = log_odds((total_positives - positives + weight * base) / (total - n + weight))
        tried.append((log_loss_sum(without, n, positives), weight, without))
    loss, weight, without = min(tried, key=lambda item: item[0])
    full = log_odds((total_positives + weight * base) / (total + weight))[:, 0]
    return LevelRates(full, without[codes, fold], total[:, 0], weight, loss / len(y))
