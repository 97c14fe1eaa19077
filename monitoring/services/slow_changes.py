"""Slow drifts: weekly levels that changed for good, although no single week stood out."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from monitoring.contracts import AlertLevel, Reading, RuleKind
from monitoring.models import DriftCheck
from monitoring.selectors.profiles import Watched, floor_day, series
from monitoring.services import drift_words as words
from monitoring.stats.changes import LEAST_WEEKS, Change, change_point
from monitoring.stats.levels import CRITICAL_Q, WARNING_Q
from scoring.ml.multiplicity import benjamini_hochberg
from scoring.ml.schema import Kind

WEEKS = 26


def slow_changes(made: DriftCheck, seen: Watched, *, looks_per_week: float) -> list[Reading]:
    """One reading for each number of the model and for its mean probability, by weekly means of first scores."""
    until = floor_day(made.until)
    weeks = series(
        seen.layout, made.version_id, made.role, until - timedelta(weeks=WEEKS), until, timedelta(weeks=1)
    )
    counts = np.array([profile.n for _, profile in weeks])
    if int((counts > 0).sum()) < LEAST_WEEKS:
        return []
    found: list[tuple[str, str, float, Change]] = []
    for column, place in enumerate((*seen.layout.numbers, None)):
        moments = [profile.moments for _, profile in weeks]
        n = np.array([one.n[column] for one in moments], dtype=np.float64)
        means = np.array([one.mean[column] for one in moments], dtype=np.float64)
        if place is None:
            name, label, reference = "", "the probability", seen.reference.probability_moments
        else:
            profile = seen.layout.features[place]
            if profile.kind is Kind.DATE or profile.moments is None or profile.name in seen.late:
                continue
            name, label, reference = profile.name, profile.label, profile.moments
        change = change_point(means, n)
        if change is None or int(reference.n) < 2:
            continue
        spread = float(np.sqrt(reference.variance()))
        if spread > 0:
            found.append((name, label, spread, change))
    if not found:
        return []
    q = benjamini_hochberg(np.array([change.p for *_, change in found])).tolist()
    readings = []
    for (name, label, spread, change), one in zip(found, q, strict=True):
        sure = None
        if one <= WARNING_Q / looks_per_week:
            sure = AlertLevel.CRITICAL if one <= CRITICAL_Q / looks_per_week else AlertLevel.WARNING
        size = abs(change.after - change.before) / spread
        readings.append(
            Reading(
                kind=RuleKind.SLOW_CHANGE,
                subject=f"feature={name}" if name else "score",
                value=size,
                n=int(counts.sum()),
                p=change.p,
                sure=sure,
                cause=f"feature={name}" if name else "",
                weight=size * float(words.importance_of(made.version, name)),
                story=words.slow_story(
                    made, label, name, change, weeks[change.at][0], size, int(counts.sum())
                ),
            )
        )
    return readings
