"""The learning curve: the chosen model on growing shares of the training leads, tested on the same test leads."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from scoring.ml.calibration import Calibrator
from scoring.ml.delong import delong_covariance
from scoring.ml.estimates import Estimate
from scoring.ml.estimators import Bools
from scoring.ml.fitting import Recipe, Specs, fit_recipe
from scoring.ml.means import mean
from scoring.ml.parallel import Job
from scoring.ml.pipeline import Floats, sigmoid
from scoring.ml.power_law import LEAST_POINTS, PowerLaw, fit_power_law, gain_of_more
from scoring.ml.recalibration import EDGE
from scoring.ml.splits import Split

Ints = NDArray[np.int64]

SHARES = (0.1, 0.2, 0.35, 0.5, 0.7)
"""All leads, the last point, is the tested model itself."""
REPEATS = 3
LEAST_LEADS, LEAST_CLASS = 60, 10
LITTLE = 0.005


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """A share of the training leads: how many leads and conversions, test AUC and log loss, over how many draws."""

    share: float
    leads: int
    conversions: int
    auc: Estimate
    log_loss: Estimate
    repeats: int

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {
            "share": self.share,
            "leads": self.leads,
            "conversions": self.conversions,
            "auc": self.auc.to_json(),
            "log_loss": self.log_loss.to_json(),
            "repeats": self.repeats,
        }


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """The points, the law through them, and what `more` further leads would add to the AUC."""

    points: tuple[LearningPoint, ...]
    law: PowerLaw
    more: int
    gain: Estimate
    words: str

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {
            "words": self.words,
            "points": [point.to_json() for point in self.points],
            "law": self.law.to_json(),
            "more": self.more,
            "gain": self.gain.to_json(),
        }


def nested_subsets(y: Bools, rows: Ints, shares: tuple[float, ...], seed: int) -> list[Ints]:
    """For each share a random part of `rows` with the same conversion rate; each part holds the smaller ones."""
    rng = np.random.default_rng([seed, 24])
    classes = [rng.permutation(rows[y[rows]]), rng.permutation(rows[~y[rows]])]
    return [
        np.sort(np.concatenate([one[: max(1, round(len(one) * share))] for one in classes]))
        for share in shares
    ]


def usable_shares(y: Bools, rows: Ints) -> tuple[float, ...]:
    """The shares that leave at least 60 leads and 10 of each outcome to learn from."""
    fewest, n = int(min(y[rows].sum(), (~y[rows]).sum())), len(rows)
    return tuple(s for s in SHARES if fewest * s >= LEAST_CLASS and n * s >= LEAST_LEADS)


@dataclass(frozen=True, slots=True)
class LearningPlan:
    """The fits of the curve: one round of all shares after the other, the largest share first in each."""

    shares: tuple[float, ...]
    jobs: list[tuple[float, Job[Floats]]]


def plan_learning(
    specs: Specs, frame: pd.DataFrame, y: Bools, split: Split, recipe: Recipe
) -> LearningPlan | str:
    """The fits of the curve, or why there can be none.

    Parts of the training leads are drawn at random, nested and stratified by outcome, three times over, and always
    from the leads before the test leads where those are the newest. Settings are those found on all training leads.
    """
    shares = usable_shares(y, split.train)
    if len(shares) + 1 < LEAST_POINTS:
        return (
            f"No learning curve: {len(split.train):,} training leads with "
            f"{int(y[split.train].sum()):,} conversions cannot be cut into the {LEAST_POINTS} sizes it needs."
        )
    fit = partial(_margins, specs, frame, y, recipe, frame.iloc[split.test])
    drawn = [nested_subsets(y, split.train, shares, 1000 * recipe.seed + r) for r in range(REPEATS)]
    return LearningPlan(
        shares, [(len(rows) / len(y), partial(fit, rows)) for parts in drawn for rows in reversed(parts)]
    )


def learning_curve(
    plan: LearningPlan,
    margins: Sequence[Floats],
    y: Bools,
    split: Split,
    calibrator: Calibrator,
    full_margins: Floats,
    *,
    seed: int,
) -> LearningCurve | None:
    """The curve from the `margins` (test rows,) of the jobs that were done; None when not one round was.

    `full_margins` (test rows,) are of the tested model, `calibrator` is its own.
    """
    k = len(plan.shares)
    repeats = len(margins) // k
    if repeats == 0:
        return None
    drawn = np.array(margins[: repeats * k]).reshape(repeats, k, -1)[:, ::-1]
    points, law, covariance = _measure(y, split, plan.shares, drawn, full_margins, calibrator)
    more = round_number(len(y) / 2)
    gain = gain_of_more(
        np.array([point.share for point in points]),
        np.array([point.auc.value for point in points]),
        covariance,
        growth=1.0 + more / len(split.train),
        n=len(split.test),
        seed=seed,
    )
    return LearningCurve(points, law, more, gain, gain_words(more, gain))


def _margins(
    specs: Specs,
    frame: pd.DataFrame,
    y: Bools,
    recipe: Recipe,
    test: pd.DataFrame,
    rows: Ints,
    tick: Callable[[], None],
) -> Floats:
    return fit_recipe(specs, frame.iloc[rows], y[rows], recipe, tick).margins(test)


def _measure(
    y: Bools, split: Split, shares: tuple[float, ...], drawn: Floats, full: Floats, calibrator: Calibrator
) -> tuple[tuple[LearningPoint, ...], PowerLaw, Floats]:
    """Points, law and covariance of the AUCs; `drawn` has shape (repeats, shares, test rows)."""
    repeats, k, _ = drawn.shape
    y_test = y[split.test]
    aucs, covariance = delong_covariance(y_test, np.vstack([*drawn.reshape(repeats * k, -1), full]))
    # Row s averages the repeats of share s; the last row is the full model.
    average = np.zeros((k + 1, repeats * k + 1))
    for s in range(k):
        average[s, s : repeats * k : k] = 1.0 / repeats
    average[k, -1] = 1.0
    values = average @ aucs
    sampled = average @ covariance @ average.T
    of_draws = np.zeros(k + 1)
    if repeats > 1:
        # The variance of a random part of a fixed whole falls as 1/share - 1; one constant is fitted to all.
        size = 1.0 / np.array(shares) - 1.0
        constant = float((aucs[:-1].reshape(repeats, k).var(axis=0, ddof=1) / size).mean())
        of_draws[:k] = constant * size / repeats
    total = sampled + np.diag(of_draws)
    points = []
    for s, share in enumerate((*shares, 1.0)):
        margins = drawn[:, s] if s < k else full[None, :]
        rows = split.train
        leads = len(rows) if s == k else sum(max(1, round(int(c) * share)) for c in _classes(y, rows))
        conversions = int(y[rows].sum()) if s == k else max(1, round(int(y[rows].sum()) * share))
        points.append(
            LearningPoint(
                share,
                leads,
                conversions,
                _auc(float(values[s]), float(total[s, s]), len(y_test)),
                mean(_losses(y_test, margins, calibrator)),
                repeats if s < k else 1,
            )
        )
    law = fit_power_law(np.array([*shares, 1.0]), values)
    return tuple(points), law, total


def _classes(y: Bools, rows: Ints) -> tuple[int, int]:
    return int(y[rows].sum()), int((~y[rows]).sum())


def _auc(value: float, variance: float, n: int) -> Estimate:
    inside = min(max(value, 1e-6), 1.0 - 1e-6)
    half = float(ndtri(0.975)) * math.sqrt(max(variance, 0.0)) / (inside * (1.0 - inside))
    low, high = float(expit(logit(inside) - half)), float(expit(logit(inside) + half))
    return Estimate(value, min(low, value), max(high, value), n, "DeLong, mean of the draws, logit")


def _losses(y: Bools, margins: Floats, calibrator: Calibrator) -> Floats:
    """The log loss of each test lead in nats, averaged over the draws; shape (test rows,)."""
    p = np.clip(calibrator.apply(sigmoid(margins)), EDGE, 1.0 - EDGE)
    losses: Floats = -np.where(y, np.log(p), np.log1p(-p)).mean(axis=0)
    return losses


def round_number(n: float) -> int:
    """The nearest of 1, 2, 5 times a power of ten, at least 100.

    >>> round_number(2590), round_number(40)
    (2000, 100)
    """
    power = 10.0 ** math.floor(math.log10(max(n, 1.0)))
    nearest = min(
        (factor * power for factor in (1.0, 2.0, 5.0, 10.0)), key=lambda value: abs(math.log(value / n))
    )
    return max(int(nearest), 100)


def gain_words(more: int, gain: Estimate) -> str:
    """What another `more` leads would do to the AUC, in one sentence or two."""
    span = f"between {short(max(gain.low, 0.0))} and {short(gain.high)}"
    if gain.high < LITTLE:
        return (
            f"More leads of this kind will not help much: another {more:,} would add about {short(gain.value)} AUC "
            f"({span}). Better columns would."
        )
    words = f"Another {more:,} leads of this kind would add about {short(gain.value)} AUC ({span})."
    if gain.value < LITTLE:
        return words + " Better columns may help more."
    if gain.low < LITTLE / 10:
        return words + " The curve is too uncertain to count on it."
    return words


def short(value: float) -> str:
    """A small number without its leading zero.

    >>> short(0.0041), short(0.0)
    ('.004', '0')
    """
    return "0" if abs(value) < 0.0005 else f"{value:.3f}".replace("0.", ".", 1).rstrip("0")
