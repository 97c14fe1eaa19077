"""A whole check of drift: every feature and every watched value beside the reference, judged together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitoring.stats.drift import Drift, Window, compare, rows_needed
from monitoring.stats.levels import Judged, Level, Limits, judge, level_of_one
from monitoring.stats.mixture import Part, explained_psi, promised_auc
from monitoring.stats.profiles import Layout, Profile
from scoring.ml.reference import FeatureProfile, ReferenceProfile, Segment
from scoring.ml.schema import Kind

Counts = NDArray[np.int64]
Key = tuple[str, int]

MOST_VALUES = 8
"""So many values of a watched feature, the ones with most reference leads, are looked at on their own."""
LEAST_IN_SEGMENT = 100
EXPLAINED = 0.4
"""A drift of which the mix leaves less than this share is put down to the mix."""


@dataclass(frozen=True, slots=True)
class Row:
    """One feature among all leads (`segment` None) or among those of one watched value: what was found, how it is
    judged, and what it does.

    `importance` is the feature's share in the model, 0 to 1. `weight` ranks rows by what they may do to scores:
    importance times the Jensen-Shannon distance. `mix` names the watched feature whose changed mix explains the drift.
    """

    feature: str
    segment: Key | None
    judged: Judged
    importance: float
    weight: float
    mix: str = ""

    @property
    def drift(self) -> Drift:
        return self.judged.drift


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows, the heaviest first; the score's own; mean probability and promised AUC before and now.

    The AUCs are what the probabilities promise, not what was measured; None where nothing is promised.
    """

    rows: tuple[Row, ...]
    score: Judged
    mean_before: float
    mean_now: float | None
    auc_before: float | None
    auc_now: float | None
    tests: int


def compare_profiles(
    reference: ReferenceProfile,
    layout: Layout,
    current: Mapping[Key, Profile],
    *,
    limits: Mapping[str, Limits] | None = None,
    usual: Limits | None = None,
    score_limits: Limits | None = None,
    importance: Mapping[str, float] | None = None,
    looks_per_week: float = 7.0,
    skip: Collection[str] = (),
) -> Comparison:
    """Set the profiles of a window beside the reference of their version.

    current: by (watched feature, bin), all leads under ("", 0). limits: of single features; `usual` of the others.
    Dates move on by themselves and are not compared, nor are the features of `skip`.
    """
    everyone = current[("", 0)]
    own, usual = limits or {}, usual or Limits()
    shares = importance or {}
    keys: list[tuple[str, Key | None]] = []
    drifts: list[Drift] = []
    sizes: list[Counts] = []
    for place, profile in enumerate(layout.features):
        if profile.kind is Kind.DATE or profile.name in skip:
            continue
        keys.append((profile.name, None))
        drifts.append(
            compare(everyone.window(place), _reference_window(profile), ordered=ordered_bins(profile))
        )
        sizes.append(profile.counts)
    for segment in segments_looked_at(reference):
        mine = current.get((segment.feature, segment.bin))
        if mine is None or mine.n < LEAST_IN_SEGMENT:
            continue
        for place, profile in enumerate(layout.features):
            if profile.kind is Kind.DATE or profile.name in {segment.feature, *skip}:
                continue
            before = segment.counts[layout.bins[place].start : layout.bins[place].stop]
            keys.append((profile.name, (segment.feature, segment.bin)))
            drifts.append(compare(Window(mine.bins(place)), Window(before), ordered=ordered_bins(profile)))
            sizes.append(before)
    score = compare(
        everyone.probability(),
        Window(reference.probability_counts, reference.probability_moments, reference.probability),
        ordered=len(reference.probability_counts),
    )
    drifts.append(score)
    sizes.append(reference.probability_counts)
    all_limits = [*(own.get(name, usual) for name, _ in keys), score_limits or usual]
    p_of_one = level_of_one(len(drifts), looks_per_week=looks_per_week)
    needed = [
        rows_needed(size, psi=limit.warning, p=p_of_one)
        for size, limit in zip(sizes, all_limits, strict=True)
    ]
    judged = judge(drifts, all_limits, needed, looks_per_week=looks_per_week)
    rows = [
        _row(name, segment, one, shares.get(name, 0.0))
        for (name, segment), one in zip(keys, judged[:-1], strict=True)
    ]
    mixes = _mixes(rows, reference, layout, everyone)
    rows = [replace(row, mix=mixes.get(row.feature, "")) for row in rows]
    rows.sort(key=lambda row: (_ORDER[row.judged.level], -row.weight, row.feature, row.segment or ("", -1)))
    return Comparison(
        tuple(rows),
        judged[-1],
        float(reference.probability_moments.mean),
        float(everyone.moments.mean[-1]) if everyone.n else None,
        promised_auc(reference.probability_counts),
        promised_auc(everyone.part("probability")) if everyone.n else None,
        len(drifts),
    )


_ORDER = {Level.CRITICAL: 0, Level.WARNING: 1, Level.QUIET: 2, Level.UNKNOWN: 3}


def ordered_bins(profile: FeatureProfile) -> int:
    """How many of the first bins of a feature lie on a line."""
    return 0 if profile.bins.edges is None else len(profile.bins.edges) + 1


def _reference_window(profile: FeatureProfile) -> Window:
    return Window(profile.counts, profile.moments, profile.sketch)


def segments_looked_at(reference: ReferenceProfile) -> list[Segment]:
    """The watched values that are looked at on their own: those with most reference leads, of each feature."""
    by_feature: dict[str, list[Segment]] = {}
    for segment in reference.segments:
        if segment.n >= LEAST_IN_SEGMENT:
            by_feature.setdefault(segment.feature, []).append(segment)
    return [
        segment
        for mine in by_feature.values()
        for segment in sorted(mine, key=lambda one: (-one.n, one.bin))[:MOST_VALUES]
    ]


def _row(name: str, segment: Key | None, judged: Judged, importance: float) -> Row:
    js = judged.drift.js or 0.0
    share = 1.0
    if segment is not None:
        share = 0.5  # A part of the leads moves the scores of that part only.
    return Row(name, segment, judged, importance, importance * js * share)


def _mixes(rows: list[Row], reference: ReferenceProfile, layout: Layout, everyone: Profile) -> dict[str, str]:
    """For each drifted feature, the watched feature whose changed mix explains the drift among all leads; the drift of
    a watched feature is its own mix. What explains it among all leads explains it among those of one value."""
    drifted = {row.feature for row in rows if row.judged.level in (Level.WARNING, Level.CRITICAL)}
    watched = dict.fromkeys(segment.feature for segment in reference.segments)
    found = {}
    for row in rows:
        if row.segment is not None or row.feature not in drifted or row.drift.psi is None:
            continue
        if row.feature in watched:
            found[row.feature] = row.feature
            continue
        place = layout.places[row.feature]
        where = layout.bins[place]
        left = row.drift.psi * EXPLAINED
        for name in watched:
            now = everyone.bins(layout.places[name])
            parts = [
                Part(float(now[one.bin]) / max(everyone.n, 1), one.counts[where.start : where.stop])
                for one in reference.segments
                if one.feature == name
            ]
            rest = explained_psi(everyone.bins(place), parts)
            if rest is not None and rest < left:
                found[row.feature], left = name, rest
    return found
