"""Where the model is weak: groups of leads that it ranks worse than it promises, or whose chances it gets wrong.

Judged on out-of-fold probabilities of all leads. A low AUC alone is no fault: where leads are much alike nobody
could rank them, and the model's own probabilities say so. So a group is flagged when its AUC lies below what its
probabilities promise, or when it converts more or less often than predicted, beyond chance over all groups tested
and by enough to matter. Groups that are merely harder than the others are listed apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from scoring.ml.concordance import Leads, Ranking, rank_leads, sorted_leads
from scoring.ml.estimates import NotEnoughData
from scoring.ml.multiplicity import benjamini_hochberg
from scoring.ml.poisson_binomial import conversions_p_value
from scoring.ml.proportions import wilson
from scoring.ml.slice_cuts import Cut, Group, crossed, cuts_of, groups
from scoring.ml.slice_words import Slice, Slices, slice_words, summary_words
from scoring.ml.values import FeatureSpec

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Parts = tuple[tuple[str, str, str], ...]

LEAST_LEADS, LEAST_EXPECTED, LEAST_CLASS = 100, 20, 10
"""A group needs that many leads, expected conversions (and others) and, for its AUC, actual ones of each."""
LARGEST_SAMPLE = 50_000
MOST_GROUPS = 400
STRONGEST, PAIR_LEVELS = 4, 6
FALSE_SHARE = 0.05
LEAST_SHORTFALL, LEAST_RELATIVE_GAP, LEAST_HARDER = 0.02, 0.10, 0.05
"""What matters: an AUC that far below the promise, a rate off by a tenth of itself, an AUC that far below others'."""


@dataclass(slots=True)
class _Found:
    """A group as tested. `q` holds the corrected p-value of each test that was made."""

    parts: Parts
    words: str
    n: int
    conversions: int
    expected: float
    p_calibration: float
    ranking: Ranking | None = None
    elsewhere: float | None = None
    p_harder: float | None = None
    q: dict[str, float] = field(default_factory=dict)

    @property
    def weak(self) -> tuple[str, ...]:
        """What is wrong beyond chance and by enough to matter."""
        found = []
        if self.ranking is not None and self.q["ranking"] <= FALSE_SHARE:
            found += ["ranking"] if self.ranking.promised - self.ranking.auc >= LEAST_SHORTFALL else []
        if self.q["calibration"] <= FALSE_SHARE:
            gap = abs(self.conversions - self.expected)
            found += ["calibration"] if gap >= LEAST_RELATIVE_GAP * self.expected else []
        return tuple(found)

    @property
    def harder(self) -> bool:
        """Whether its leads are told apart less well than all others, beyond chance."""
        return (
            self.ranking is not None
            and self.elsewhere is not None
            and self.q["harder"] <= FALSE_SHARE
            and self.elsewhere - self.ranking.auc >= LEAST_HARDER
        )


def find_slices(
    specs: Sequence[FeatureSpec],
    frame: pd.DataFrame,
    y: Bools,
    p: Floats,
    fold: Ints,
    importance: Mapping[str, float],
    *,
    seed: int,
    tick: Callable[[], None] = lambda: None,
) -> Slices:
    """Judge every group that the features `specs` of the parsed `frame` make, and pairs of the strongest four.

    `p` (rows,) are calibrated probabilities by models that did not meet the row; `fold` (rows,) says which rows
    share a model. `importance` is the share of each feature in the model, 0..1. More than 50,000 leads are sampled,
    and at most 400 groups are looked at, those of the strongest features first.
    """
    rows = np.arange(len(y))
    if len(y) > LARGEST_SAMPLE:
        rows = np.sort(np.random.default_rng([seed, 21]).choice(len(y), LARGEST_SAMPLE, replace=False))
    leads, order = sorted_leads(y[rows], p[rows], fold[rows])
    cuts = cuts_of(specs, frame.iloc[rows[order]], least=LEAST_LEADS)
    found: list[_Found] = []
    for group in _groups(cuts, importance):
        tick()
        one = _judge(group, leads)
        if one is not None:
            found.append(one)
        if len(found) == MOST_GROUPS:
            break
    _correct(found)
    return _shown(found, len(rows))


def _groups(cuts: Mapping[str, Cut], importance: Mapping[str, float]) -> Iterator[Group]:
    ranked = sorted(cuts, key=lambda name: (-importance.get(name, 0.0), name))
    for name in ranked:
        yield from groups(cuts[name])
    strongest = [name for name in ranked if importance.get(name, 0.0) > 0][:STRONGEST]
    for one, other in combinations(strongest, 2):
        yield from crossed(cuts[one], cuts[other], most=PAIR_LEVELS)


def _judge(group: Group, leads: Leads) -> _Found | None:
    n = int(group.rows.sum())
    if n < LEAST_LEADS or n == len(group.rows):
        return None
    part = leads.part(group.rows)
    expected, conversions = float(part.p.sum()), int(part.y.sum())
    # Whether a group is tested hangs on what was expected, never on what came: a group in which nobody
    # converted against all expectation is the one to find.
    if min(expected, n - expected) < LEAST_EXPECTED:
        return None
    one = _Found(group.parts, group.words, n, conversions, expected, conversions_p_value(part.p, conversions))
    if min(conversions, n - conversions) < LEAST_CLASS:
        return one
    try:
        ranking, rest = rank_leads(part), rank_leads(leads.part(~group.rows))
    except NotEnoughData:
        return one
    error = float(np.hypot(ranking.standard_error, rest.standard_error))
    one.ranking, one.elsewhere = ranking, rest.auc
    one.p_harder = float(ndtr((ranking.auc - rest.auc) / error)) if error > 0 else 1.0
    return one


def _correct(found: Sequence[_Found]) -> None:
    """q-values: one family of all tests that can flag, another of those that only list."""
    flags = [(one, "calibration", one.p_calibration) for one in found]
    flags += [(one, "ranking", one.ranking.p_value) for one in found if one.ranking is not None]
    lists = [(one, "harder", one.p_harder) for one in found if one.p_harder is not None]
    for family in (flags, lists):
        for (one, name, _), q in zip(
            family, benjamini_hochberg([p for _, _, p in family]).tolist(), strict=True
        ):
            one.q[name] = q


def _shown(found: Sequence[_Found], leads: int) -> Slices:
    singles = {one.parts[0][::2]: one for one in found if len(one.parts) == 1}
    weak: list[tuple[float, Slice]] = []
    harder: list[tuple[float, Slice]] = []
    others: list[Slice] = []
    for one in found:
        reasons = one.weak
        if len(one.parts) > 1:
            # A pair inside a flagged group says nothing new.
            above = {kind for part in one.parts for kind in _weak_of(singles.get(part[::2]))}
            reasons = tuple(kind for kind in reasons if kind not in above)
        if reasons:
            weak.append((min(one.q[kind] for kind in reasons), _slice(one, reasons, harder=False)))
        elif len(one.parts) == 1 and one.harder:
            harder.append((one.q["harder"], _slice(one, (), harder=True)))
        elif len(one.parts) == 1:
            others.append(_slice(one, (), harder=False))
    weak.sort(key=lambda item: (item[0], item[1].name))
    harder.sort(key=lambda item: (item[0], item[1].name))
    listed = (*(one for _, one in weak), *(one for _, one in harder))
    return Slices((*listed, *others), len(found), leads, summary_words(len(weak), len(found), leads))


def _weak_of(one: _Found | None) -> tuple[str, ...]:
    return () if one is None else one.weak


def _slice(one: _Found, weak: tuple[str, ...], *, harder: bool) -> Slice:
    made = Slice(
        features=tuple(feature for feature, _, _ in one.parts),
        name=one.words,
        n=one.n,
        conversions=one.conversions,
        predicted=one.expected / one.n,
        observed=wilson(one.conversions, one.n),
        auc=None if one.ranking is None else one.ranking.estimate(one.n),
        elsewhere=one.elsewhere,
        promised=None if one.ranking is None else one.ranking.promised,
        q_ranking=one.q.get("ranking"),
        q_calibration=one.q["calibration"],
        weak=weak,
        harder=harder,
    )
    return slice_words(made)
