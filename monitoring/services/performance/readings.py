"""From measures to what rules judge: the newest ripe leads for what is sudden, eight weeks for what is small.

A week hears a redrawn law as soon as its first leads are ripe; a loss too small for one week shows in eight.
All p-values of a check are judged together (Benjamini-Hochberg), at levels divided by how often a check runs in a week.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from monitoring.contracts import AlertLevel, Reading, RuleKind, Story
from monitoring.selectors.columns import Floats
from monitoring.services.performance import words
from monitoring.services.performance.cohorts import Bools, Cohorts, newest
from monitoring.stats.estimation import estimated_auc
from monitoring.stats.levels import CRITICAL_Q, WARNING_Q
from monitoring.stats.performance import GRADES, LEAST_IN_GROUP
from monitoring.stats.ripe import LEAST_OF_EACH, auc_loss, calibration_gap, enough_of_each, share_excess
from scoring.ml.delong import delong_auc
from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.multiplicity import benjamini_hochberg

KINDS = frozenset(
    {
        RuleKind.RANKING,
        RuleKind.ESTIMATED_RANKING,
        RuleKind.CALIBRATION,
        RuleKind.GRADE_ORDER,
        RuleKind.FAIRNESS,
    }
)
SHORT_DAYS = (7.0, 14.0, 28.0)
LONG_DAYS = (56.0, 91.0)
ESTIMATED_DAYS = 28.0
LOOKS_PER_WEEK = 7.0
GROUPS_JUDGED = 20


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """Ripe leads that became ripe within some days, and how to speak of them."""

    key: str
    days: float
    mask: Bools
    y: Bools
    p: Floats


def readings(
    found: Cohorts, *, number: int, test_auc: Estimate | None, labels: dict[str, str], now: float, link: str
) -> list[Reading]:
    """What the check of the version that serves tells the rules."""
    short = _window("newest", SHORT_DAYS, found, now)
    long = _window("eight weeks", LONG_DAYS, found, now)
    made: list[Reading] = []
    for window in (short, long):
        made.append(_ranking(window, number, test_auc, link))
        made.append(_calibration(window, number, link))
    made.append(_estimated(found, number, test_auc, now, link))
    made += _order(found, long, number, link)
    for feature, label in labels.items():
        made += _fairness(found, long, feature, label, number, link)
    return _judged(made)


def _window(key: str, lengths: Iterable[float], found: Cohorts, now: float) -> _Window:
    """The shortest of the lengths that holds enough of the rarer outcome; else the longest."""
    for days in lengths:
        mask = newest(found, days=days, now=now)
        y = found.y[mask]
        if min(int(y.sum()), len(y) - int(y.sum())) >= LEAST_OF_EACH:
            break
    return _Window(key, days, mask, y, found.ripe.probability[mask])


def _ranking(window: _Window, number: int, test_auc: Estimate | None, link: str) -> Reading:
    subject = f"version={number}/{window.key}"
    try:
        if test_auc is None:
            raise NotEnoughData("the version carries no AUC of a test to compare with")
        enough_of_each(window.y)
        found = delong_auc(window.y, window.p)
    except NotEnoughData as reason:
        return _unknown(RuleKind.RANKING, subject, window, number, str(reason), link)
    loss = auc_loss(test_auc, found)
    story = words.ranking(number, window.days, test_auc, found, loss, link)
    return _known(RuleKind.RANKING, subject, loss.difference.value, len(window.y), loss.p, story, number)


def _calibration(window: _Window, number: int, link: str) -> Reading:
    subject = f"version={number}/{window.key}"
    try:
        gap = calibration_gap(window.y, window.p)
    except NotEnoughData as reason:
        return _unknown(RuleKind.CALIBRATION, subject, window, number, str(reason), link)
    story = words.calibration(number, window.days, gap, link)
    return _known(RuleKind.CALIBRATION, subject, gap.relative, gap.n, gap.p, story, number)


def _estimated(found: Cohorts, number: int, test_auc: Estimate | None, now: float, link: str) -> Reading:
    p = found.waiting.probability[now - found.waiting.created < ESTIMATED_DAYS]
    subject = f"version={number}"
    try:
        if test_auc is None:
            raise NotEnoughData("the version carries no AUC of a test to compare with")
        if not len(p):
            raise NotEnoughData("no scored lead waits for its outcome")
        estimate = estimated_auc(p)
    except NotEnoughData as reason:
        story = words.not_enough(
            RuleKind.ESTIMATED_RANKING, number, ESTIMATED_DAYS, len(p), str(reason), link
        )
        return Reading(RuleKind.ESTIMATED_RANKING, subject, None, len(p), None, story)
    loss = auc_loss(test_auc, estimate)
    story = words.estimated(number, ESTIMATED_DAYS, test_auc, estimate, loss, link)
    made = _known(RuleKind.ESTIMATED_RANKING, subject, loss.difference.value, len(p), loss.p, story, number)
    # Another cause than what ripe leads show: they speak of leads of months ago.
    return replace(made, cause="")


def _order(found: Cohorts, window: _Window, number: int, link: str) -> list[Reading]:
    grades, made = found.ripe.grade[window.mask], []
    for better, worse in pairwise(GRADES):
        subject = f"version={number}/{better} above {worse}"
        counted = []
        for grade in (worse, better):
            mine = grades == grade
            counted += [int(window.y[mine].sum()), int(mine.sum())]
        try:
            excess = share_excess(*counted)
        except NotEnoughData as reason:
            made.append(_unknown(RuleKind.GRADE_ORDER, subject, window, number, str(reason), link))
            continue
        story = words.order(number, window.days, better, worse, counted, excess, link)
        value = excess.difference.value
        made.append(
            _known(RuleKind.GRADE_ORDER, subject, value, excess.difference.n, excess.p, story, number)
        )
    return made


def _fairness(
    found: Cohorts, window: _Window, feature: str, label: str, number: int, link: str
) -> list[Reading]:
    codes, names = found.ripe.features[feature]
    mine, chosen = codes[window.mask], found.ripe.grade[window.mask] == GRADES[0]
    sizes = np.bincount(mine, minlength=len(names)) if len(mine) else np.zeros(len(names), dtype=np.int64)
    hits = np.bincount(mine[chosen], minlength=len(names)) if len(mine) else sizes
    order = [int(at) for at in np.argsort(-sizes, kind="stable")[:GROUPS_JUDGED] if sizes[at]]
    large = [at for at in order if sizes[at] >= LEAST_IN_GROUP]
    best = max(large, key=lambda at: hits[at] / sizes[at], default=None)
    made = []
    for at in order:
        subject = f"version={number}/feature={feature}/value={names[at]}"
        n = int(sizes[at])
        if best is None or at not in large or len(large) < 2 or not hits[best]:
            why = (
                f"{n:,} leads; two groups of at least {LEAST_IN_GROUP} are needed, and some leads in grade A"
            )
            made.append(
                replace(_unknown(RuleKind.FAIRNESS, subject, window, number, why, link), n=n, cause="")
            )
            continue
        if at == best:
            # Nothing to test, so it takes no part in the correction either.
            loss, value, p = None, 0.0, None
        else:
            loss = share_excess(int(hits[best]), int(sizes[best]), int(hits[at]), n)
            value = 1.0 - float(hits[at] / n) / float(hits[best] / sizes[best])
            # The best group was picked from the same leads.
            p = min(loss.p * (len(large) - 1), 1.0)
        story = words.fairness(
            number, window.days, label, names[at], names[best], (int(hits[at]), n),
            (int(hits[best]), int(sizes[best])), loss, link,
        )  # fmt: skip
        made.append(
            replace(
                _known(RuleKind.FAIRNESS, subject, value, n, p, story, number),
                cause=f"fairness/version={number}/feature={feature}",
                weight=value,
            )
        )
    return made


def _known(
    kind: RuleKind, subject: str, value: float, n: int, p: float | None, story: Story, number: int
) -> Reading:
    # Worse ranking, wrong chances and grades upside down are what one changed law looks like from three sides.
    return Reading(
        kind, subject, value, n, None, story, p=p, cause=f"performance/version={number}", weight=max(value, 0)
    )


def _unknown(kind: RuleKind, subject: str, window: _Window, number: int, why: str, link: str) -> Reading:
    story = words.not_enough(kind, number, window.days, len(window.y), why + _needs(window.y), link)
    return Reading(kind, subject, None, len(window.y), None, story)


def _needs(y: Bools) -> str:
    """How many leads it would take at the rate seen."""
    rate = float(y.mean()) if len(y) else 0.0
    rarer = min(rate, 1 - rate)
    return f"; about {math.ceil(LEAST_OF_EACH / rarer):,} leads at this rate" if rarer > 0 else ""


def _judged(made: list[Reading]) -> list[Reading]:
    """Give each reading the highest level its evidence carries among all that were looked at."""
    tested = [at for at, one in enumerate(made) if one.p is not None]
    if not tested:
        return made
    q = benjamini_hochberg(np.array([made[at].p for at in tested], dtype=np.float64))
    for at, value in zip(tested, q.tolist(), strict=True):
        sure = None
        if value <= CRITICAL_Q / LOOKS_PER_WEEK:
            sure = AlertLevel.CRITICAL
        elif value <= WARNING_Q / LOOKS_PER_WEEK:
            sure = AlertLevel.WARNING
        made[at] = replace(made[at], sure=sure)
    return made
