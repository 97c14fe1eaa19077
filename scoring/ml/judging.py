"""The chosen model on leads it has not met: the test leads, and other ways to split beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scoring.ml.calibration import Calibrator, fit_calibrator
from scoring.ml.designs import NamedPair, fit_levels
from scoring.ml.estimators import Bools
from scoring.ml.fitting import Recipe, Specs, Tick, fit_on_levels, fit_recipe
from scoring.ml.intervals import Estimate, delong_auc
from scoring.ml.ladder import Climbed
from scoring.ml.metrics import evaluate
from scoring.ml.pipeline import Floats, Ints, sigmoid
from scoring.ml.results import OtherSplit, SplitSummary, TrainingConfig
from scoring.ml.selection import Candidate
from scoring.ml.splits import Split, stratified_folds

ORDERED_SHARE = 0.7
RANDOM = "random 5-fold"
ORDERED = "ordered 70/30"


@dataclass(frozen=True, slots=True)
class TestVerdict:
    """Calibrated probabilities on the test leads, their metrics, and each rung's AUC there.

    `margins` (test rows,) are the chosen rung's before `calibrator`; `pairs` those chosen on the training part.
    """

    __test__ = False

    margins: Floats
    calibrator: Calibrator
    pairs: tuple[NamedPair, ...]
    probabilities: Floats
    metrics: Mapping[str, Estimate]
    left_out: Mapping[str, str]
    candidates: tuple[Candidate, ...]


def judge_test(
    specs: Specs,
    frame: pd.DataFrame,
    y: Bools,
    split: Split,
    climbed: Climbed,
    recipe: Recipe,
    tick: Tick,
) -> TestVerdict:
    """Fit every tuned rung on the training part and try it on the test part; judge the chosen one fully.

    The calibrator comes from out-of-fold predictions of the training part: the test leads teach nothing.
    """
    levels = fit_levels(
        specs, frame.iloc[split.train], y[split.train], max_pairs=recipe.max_pairs, seed=recipe.seed
    )
    test, y_test = frame.iloc[split.test], y[split.test]
    margins: dict[str, Floats] = {}
    for kind in climbed.margins:
        own = recipe.choosing(kind, climbed.settings.get(kind, {}), climbed.rounds.get(kind, 0))
        margins[kind] = fit_on_levels(levels, own, tick).margins(test)
    calibrator = fit_calibrator(y[split.train], sigmoid(climbed.margins[recipe.kind]), seed=recipe.seed)
    probabilities = calibrator.apply(sigmoid(margins[recipe.kind]))
    evaluation = evaluate(y_test, probabilities, seed=recipe.seed)
    candidates = tuple(
        replace(candidate, test_auc=delong_auc(y_test, margins[candidate.kind]))
        for candidate in climbed.candidates
    )
    return TestVerdict(
        margins[recipe.kind],
        calibrator,
        levels.named_pairs,
        probabilities,
        evaluation,
        evaluation.left_out,
        candidates,
    )


def summarise(split: Split, y: Bools) -> SplitSummary:
    """Sizes, dates and reason of the split."""
    return SplitSummary(
        split.kind,
        split.why,
        len(split.train),
        int(y[split.train].sum()),
        len(split.test),
        int(y[split.test].sum()),
        split.first_test_date,
        split.last_test_date,
    )


def cross_calibrated(y: Bools, margins: Floats, folds: int, seed: int) -> Floats:
    """Probabilities of out-of-fold margins, each calibrated on the other folds only; shape (rows,)."""
    raw = sigmoid(margins)
    fold = stratified_folds(y, folds, seed + 13)
    out = np.empty(len(y))
    for k in range(folds):
        rest = fold != k
        calibrator: Calibrator = fit_calibrator(y[rest], raw[rest], seed=seed)
        out[~rest] = calibrator.apply(raw[~rest])
    return out


def judge_random(y: Bools, margins: Floats, config: TrainingConfig) -> OtherSplit:
    """The chosen model over random folds of all leads."""
    evaluation = evaluate(y, cross_calibrated(y, margins, config.folds, config.seed), seed=config.seed)
    n = len(y)
    what = f"Each lead is predicted by a model trained on a random {1 - 1 / config.folds:.0%} of the others."
    name = RANDOM if config.folds == 5 else f"random {config.folds}-fold"
    return OtherSplit(name, what, evaluation, evaluation.left_out, n - n // config.folds, n)


def judge_ordered(
    specs: Specs,
    frame: pd.DataFrame,
    y: Bools,
    split: Split,
    climbed: Climbed,
    recipe: Recipe,
    tick: Tick,
) -> OtherSplit | None:
    """The chosen model trained on the oldest 70 % and tested on the newest 30 %; None without an order."""
    if split.ordered is None:
        return None
    start = round(len(y) * ORDERED_SHARE)
    oldest, newest = split.ordered[:start], split.ordered[start:]
    if any(len(np.unique(y[rows])) < 2 for rows in (oldest, newest)) or y[oldest].sum() < 10:
        return None
    model = fit_recipe(specs, frame.iloc[oldest], y[oldest], recipe, tick)
    known = np.isin(split.train, oldest)
    calibrator = fit_calibrator(
        y[split.train][known], sigmoid(climbed.margins[recipe.kind][known]), seed=recipe.seed
    )
    probabilities = calibrator.apply(sigmoid(model.margins(frame.iloc[newest])))
    evaluation = evaluate(y[newest], probabilities, seed=recipe.seed)
    what = "Trained on the oldest 70 % of the leads, tested on the newest 30 %."
    return OtherSplit(ORDERED, what, evaluation, evaluation.left_out, len(oldest), len(newest))


def with_warnings(
    others: list[OtherSplit], metrics: Mapping[str, Estimate], split: Split, y: Bools
) -> tuple[OtherSplit, ...]:
    """Say at the random split that it flatters, when an ordered one tells less."""
    ordered = [other.metrics for other in others if other.name == ORDERED]
    if split.kind != "random":
        ordered.append(metrics)
    aucs = [found["roc_auc"] for found in ordered if "roc_auc" in found]
    result = []
    for other in others:
        auc = other.metrics.get("roc_auc")
        lowest = min(aucs, key=lambda found: found.value, default=None)
        if (
            other.name != ORDERED
            and auc is not None
            and lowest is not None
            and lowest.value < auc.value - 0.01
        ):
            result.append(replace(other, warning=_flattery(auc, lowest, split, y)))
        else:
            result.append(other)
    return tuple(result)


def _flattery(auc: Estimate, lowest: Estimate, split: Split, y: Bools) -> str:
    if lowest.high >= auc.value:
        return (
            f"AUC {auc.value:.3f} here, {lowest.value:.3f} on the newest leads ({lowest.low:.3f} to "
            f"{lowest.high:.3f}, n = {lowest.n:,}): too few to tell whether random splits flatter, as they often do."
        )
    text = (
        f"Random splits flatter: AUC {auc.value:.3f} here, {lowest.value:.3f} on the newest leads "
        f"({lowest.low:.3f} to {lowest.high:.3f}). New leads come later than all training leads, so expect "
        "the lower number."
    )
    if split.ordered is None:
        return text
    old, new = _rates(y, split.ordered)
    if max(old, new) > 1.5 * min(old, new):
        text += f" The conversion rate itself moved from {old:.1%} (oldest 70 %) to {new:.1%} (newest 30 %)."
    return text


def _rates(y: Bools, ordered: Ints) -> tuple[float, float]:
    start = round(len(y) * ORDERED_SHARE)
    return float(y[ordered[:start]].mean()), float(y[ordered[start:]].mean())
