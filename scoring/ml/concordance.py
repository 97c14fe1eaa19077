"""How well a group of leads is ranked: observed, and what the model's own probabilities promise.

Pairs are compared within a fold only. Out-of-fold predictions of different folds come from different models, and
a fold in which few converted was predicted from folds in which more did: pooled over folds, a group without any
signal is ranked backwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri

from scoring.ml.estimates import Estimate, NotEnoughData

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Leads:
    """Leads sorted by fold and, within a fold, by probability. Build it with `sorted_leads`."""

    y: Bools
    p: Floats
    fold: Ints

    def part(self, mask: Bools) -> Leads:
        """Some of them; still sorted."""
        return Leads(self.y[mask], self.p[mask], self.fold[mask])


def sorted_leads(y: Bools, p: Floats, fold: Ints) -> tuple[Leads, Ints]:
    """Leads in the order the functions here need, and which input row stands at each place; all of shape (n,)."""
    order = np.lexsort((p, fold)).astype(np.int64)
    return Leads(y[order], p[order], fold[order]), order


@dataclass(frozen=True, slots=True)
class Ranking:
    """AUC within folds, its standard error over other samples of leads, and what the probabilities promise.

    ``promised`` is the AUC expected if every probability were right (van Klaveren et al. 2016, Statistics in
    Medicine 35:4136-4152), so it is low where the leads are much alike. ``p_value`` is one-sided: how likely
    an AUC this far below the promise is when the probabilities are right.
    """

    auc: float
    standard_error: float
    promised: float
    p_value: float

    def estimate(self, n: int) -> Estimate:
        """The AUC with a 95 % interval on the logit scale."""
        edge = 1e-6
        auc = min(max(self.auc, edge), 1.0 - edge)
        half = float(ndtri(0.975)) * self.standard_error / (auc * (1.0 - auc))
        low, high = float(expit(logit(auc) - half)), float(expit(logit(auc) + half))
        return Estimate(self.auc, min(low, self.auc), max(high, self.auc), n, "within folds, logit")


def rank_leads(leads: Leads) -> Ranking:
    """Judge how these leads are ranked.

    The variance of the AUC is the sum of squared influences of single leads (for one fold that is DeLong's up
    to (m - 1)/m). The variance under the promise keeps the probabilities and draws the outcomes anew (delta
    method). Raises ``NotEnoughData`` when no fold holds both outcomes.
    """
    y = leads.y.astype(np.float64)
    groups = _Groups.of(leads)
    below_other, above_converted = groups.below(1.0 - y), groups.above(y)
    converted, others = groups.total(y), groups.total(1.0 - y)
    comparable = float((y * others).sum())
    if comparable <= 0:
        raise NotEnoughData("no fold holds converted and other leads of this group")
    auc = float((y * below_other).sum()) / comparable
    influence = np.where(leads.y, below_other - auc * others, above_converted - auc * converted) / comparable
    error = math.sqrt(float((influence**2).sum()))
    promised, spread = _promise(leads.p, groups)
    # Alike to the last lead, nothing can be ranked and nothing is promised.
    p_value = float(ndtr((auc - promised) / spread)) if spread > 1e-12 else 1.0
    return Ranking(auc, error, promised, p_value)


def promised_ranking(p: Floats) -> tuple[float, float]:
    """The AUC of leads ranked by their probabilities (shape n) if these are right: expected, and its standard deviation
    over the outcomes that may come."""
    ordered = np.sort(np.asarray(p, dtype=np.float64))
    leads = Leads(np.zeros(len(ordered), dtype=np.bool_), ordered, np.zeros(len(ordered), dtype=np.int64))
    return _promise(ordered, _Groups.of(leads))


def _promise(p: Floats, groups: _Groups) -> tuple[float, float]:
    """The AUC expected under the probabilities and its standard deviation over outcomes drawn from them."""
    q = 1.0 - p
    # A lead is not compared with itself.
    below, above = groups.below(q) - q / 2, groups.above(p) - p / 2
    others, converted = groups.total(q) - q, groups.total(p) - p
    comparable = float((p * others).sum())
    if comparable <= 0:
        return 0.5, 0.0
    promised = float((p * below).sum()) / comparable
    gradient = (below - above - promised * (others - converted)) / comparable
    return promised, math.sqrt(float((gradient**2 * p * q).sum()))


@dataclass(frozen=True, slots=True)
class _Groups:
    """Runs of equal probability within a fold, and the fold of each run."""

    group: Ints
    fold: Ints
    first_group: Ints

    @classmethod
    def of(cls, leads: Leads) -> _Groups:
        n = len(leads.p)
        new_fold = np.ones(n, dtype=bool)
        new_fold[1:] = leads.fold[1:] != leads.fold[:-1]
        new_group = new_fold.copy()
        new_group[1:] |= leads.p[1:] != leads.p[:-1]
        group = np.cumsum(new_group) - 1
        return cls(group, np.cumsum(new_fold) - 1, group[new_fold])

    def below(self, weight: Floats) -> Floats:
        """For each lead the weight of leads of its fold with a lower probability, and half that of equal ones."""
        own: Floats = np.bincount(self.group, weights=weight).astype(np.float64)
        before: Floats = np.cumsum(own) - own
        result: Floats = before[self.group] - before[self.first_group][self.fold] + own[self.group] / 2
        return result

    def above(self, weight: Floats) -> Floats:
        """The same for a higher probability."""
        return self.total(weight) - self.below(weight)

    def total(self, weight: Floats) -> Floats:
        """The weight of each lead's whole fold."""
        result: Floats = np.bincount(self.fold, weights=weight).astype(np.float64)[self.fold]
        return result
