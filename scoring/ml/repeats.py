"""How much of a test number is luck of the split: the chosen model tested on other random splits of the same sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.estimators import Bools
from scoring.ml.fitting import Recipe, Specs, fit_recipe
from scoring.ml.intervals import delong_auc
from scoring.ml.parallel import Job

Ints = NDArray[np.int64]

SPLITS, LEAST_SPLITS = 10, 5


@dataclass(frozen=True, slots=True)
class Spread:
    """AUCs of repeated splits, their spread, and where one split alone would have landed.

    `mean` has the interval of Nadeau & Bengio; `one_low` to `one_high` is where the test number of one further
    split falls in 95 % of cases.
    """

    mean: Estimate
    deviation: float
    lowest: float
    highest: float
    one_low: float
    one_high: float


@dataclass(frozen=True, slots=True)
class SplitSpread:
    """The spread of `aucs` over random splits beside the one test number, and what it means in words."""

    aucs: tuple[float, ...]
    spread: Spread
    train_leads: int
    test_leads: int
    test_auc: float
    words: str

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {
            "words": self.words,
            "aucs": list(self.aucs),
            "mean": self.spread.mean.to_json(),
            "deviation": self.spread.deviation,
            "lowest": self.spread.lowest,
            "highest": self.spread.highest,
            "one_split": [self.spread.one_low, self.spread.one_high],
            "train_leads": self.train_leads,
            "test_leads": self.test_leads,
            "test_auc": self.test_auc,
        }


def spread_of(aucs: NDArray[np.float64], *, train: int, test: int) -> Spread:
    """Summarise the AUCs (shape k) of k random splits into `train` and `test` leads.

    The variance of their mean is (1/k + test/train) times the sample variance: the splits share leads, so s²/k
    would be far too small. Interval by Student's t with k - 1 degrees of freedom. Raises ``NotEnoughData`` below 2.
    Source: Nadeau & Bengio (2003), Machine Learning 52:239-281, eq. 8.
    """
    k = len(aucs)
    if k < 2:
        raise NotEnoughData(f"a spread needs at least 2 splits, got {k}")
    mean, deviation = float(np.mean(aucs)), float(np.std(aucs, ddof=1))
    t = float(stdtrit(k - 1, 0.975))
    half = t * deviation * math.sqrt(1 / k + test / train)
    one = t * deviation * math.sqrt(1 + 1 / k)
    return Spread(
        Estimate(mean, mean - half, mean + half, k, "Nadeau-Bengio, t"),
        deviation,
        float(np.min(aucs)),
        float(np.max(aucs)),
        max(0.0, mean - one),
        min(1.0, mean + one),
    )


def random_split(y: Bools, test: int, seed: int, number: int) -> tuple[Ints, Ints]:
    """Rows to train and to test on, `test` of them (give or take one) in the test with the same conversion rate."""
    rng = np.random.default_rng([seed, 23, number])
    picked = np.zeros(len(y), dtype=bool)
    for rows in (np.flatnonzero(y), np.flatnonzero(~y)):
        size = min(max(1, round(len(rows) * test / len(y))), len(rows) - 1)
        picked[rng.choice(rows, size, replace=False)] = True
    return np.flatnonzero(~picked), np.flatnonzero(picked)


def split_jobs(
    specs: Specs, frame: pd.DataFrame, y: Bools, recipe: Recipe, test_leads: int
) -> list[tuple[float, Job[float]]]:
    """Ten jobs, each the AUC of the recipe on another random split with `test_leads` to test on, and their weights."""
    job = partial(_one, specs, frame, y, recipe, test_leads)
    return [((len(y) - test_leads) / len(y), partial(job, number)) for number in range(SPLITS)]


def split_spread(
    found: Sequence[float], leads: int, *, test_leads: int, test_auc: Estimate, newest: bool
) -> SplitSpread | None:
    """What the AUCs of the jobs that were done say; None below 5 of them.

    `newest` says that the test number came from the newest leads, not from a random share.
    """
    if len(found) < LEAST_SPLITS:
        return None
    train_leads = leads - test_leads
    spread = spread_of(np.array(found), train=train_leads, test=test_leads)
    return SplitSpread(
        tuple(found), spread, train_leads, test_leads, test_auc.value, _words(spread, test_auc.value, newest)
    )


def _one(
    specs: Specs,
    frame: pd.DataFrame,
    y: Bools,
    recipe: Recipe,
    test_leads: int,
    number: int,
    tick: Callable[[], None],
) -> float:
    train, test = random_split(y, test_leads, recipe.seed, number)
    model = fit_recipe(specs, frame.iloc[train], y[train], recipe, tick)
    return delong_auc(y[test], model.margins(frame.iloc[test])).value


def _words(spread: Spread, test_auc: float, newest: bool) -> str:
    k = spread.mean.n
    words = (
        f"Over {k} random splits of the same sizes the AUC was {spread.lowest:.3f} to {spread.highest:.3f}: mean "
        f"{spread.mean.value:.3f} ({spread.mean.low:.3f} to {spread.mean.high:.3f}), standard deviation "
        f"{spread.deviation:.3f}. One random split alone could have said anything from {spread.one_low:.3f} to "
        f"{spread.one_high:.3f}. "
    )
    where = "on the newest leads" if newest else "of this version"
    if test_auc < spread.one_low:
        reason = (
            "the newest leads are harder than a random share of all" if newest else "this test is a hard one"
        )
        return words + f"The test number {where}, {test_auc:.3f}, lies below that: {reason}."
    if test_auc > spread.one_high:
        reason = (
            "the newest leads are easier than a random share of all" if newest else "this test is an easy one"
        )
        return words + f"The test number {where}, {test_auc:.3f}, lies above that: {reason}."
    return words + (
        f"The test number {where}, {test_auc:.3f}, lies within that, so a difference of less than about "
        f"{spread.one_high - spread.mean.value:.3f} from another version tested on other leads may be luck."
    )
