"""The daily check of drift: the last seven days of a version's leads beside its reference."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

from django.db import transaction
from django.utils import timezone

from monitoring.contracts import AlertLevel, Looked, Reading, RuleKind
from monitoring.models import CheckKind, DriftCheck
from monitoring.selectors.drift import broken_fields, broken_hours, own_limits, rule_limits, served_roles
from monitoring.selectors.profiles import EVERYONE, NoReference, Watched, watched, window, without_hours
from monitoring.services import drift_words as words
from monitoring.services.readings import record
from monitoring.services.slow_changes import slow_changes
from monitoring.stats.comparison import Comparison, Row, compare_profiles
from monitoring.stats.levels import CRITICAL_Q, WARNING_Q, Level
from scoring.contracts import Role
from scoring.models import ModelVersion

WINDOW = timedelta(days=7)
LOOKS_PER_WEEK = 7.0
KINDS = frozenset({RuleKind.FEATURE_DRIFT, RuleKind.SCORE_DRIFT, RuleKind.SLOW_CHANGE})
_RANK = {
    level: place for place, level in enumerate((Level.UNKNOWN, Level.QUIET, Level.WARNING, Level.CRITICAL))
}


def check(*, as_of: datetime, version_id: int | None = None) -> list[DriftCheck]:
    """Compare the seven days before `as_of` (full hours) with the reference, for every version that scored leads in
    them, or one. Only the champion's readings go to the rules: one alert must not come twice for two versions.

    A version without a reference gives a check that says so.
    """
    since = as_of - WINDOW
    checks = []
    for one, role in served_roles(since, as_of):
        if version_id is None or version_id == one:
            checks.append(_check_version(one, role, since, as_of))
    return checks


def _check_version(version_id: int, role: str, since: datetime, until: datetime) -> DriftCheck:
    begin = perf_counter()
    version = ModelVersion.objects.defer("reference_profile").get(pk=version_id)
    try:
        seen = watched(version_id)
    except NoReference as why:
        return _store(version, role, since, until, 0, Level.UNKNOWN, [], {"problem": str(why)}, begin)
    current = window(seen.layout, version_id, role, since, until)
    hours = broken_hours(version_id, since, until)
    if hours:
        # The look at data quality has told it: seven days must not repeat it for a week after it is mended.
        current = without_hours(seen.layout, version_id, role, current, hours)
    usual, score_limits = rule_limits(RuleKind.FEATURE_DRIFT), rule_limits(RuleKind.SCORE_DRIFT)
    comparison = compare_profiles(
        seen.reference,
        seen.layout,
        current,
        limits=own_limits(version.feature_set_id),
        usual=usual,
        score_limits=score_limits,
        importance={str(row["feature"]): float(row["share"]) for row in version.importance},
        looks_per_week=LOOKS_PER_WEEK,
        skip=seen.late,
    )
    rows = [
        _row_json(seen, row, current[EVERYONE].bins(seen.layout.places[row.feature]).tolist())
        for row in comparison.rows
    ]
    levels = [row.judged.level for row in comparison.rows] + [comparison.score.level]
    summary = _summary(
        seen,
        comparison,
        current[EVERYONE].part("grade").tolist(),
        current[EVERYONE].part("probability").tolist(),
    )
    summary["left_out"] = sorted(
        {seen.reference.feature(name).label for names in hours.values() for name in names}
    )
    with transaction.atomic():
        made = _store(
            version,
            role,
            since,
            until,
            current[EVERYONE].n,
            max(levels, key=_RANK.__getitem__),
            rows,
            summary,
            begin,
        )
        if role == Role.CHAMPION.value:
            record(Looked(until, KINDS, tuple(_readings(made, seen, comparison))))
    return made


def _store(
    version: ModelVersion, role: str, since: datetime, until: datetime, n: int, level: Level,
    found: list[dict[str, Any]], summary: dict[str, Any], begin: float,
) -> DriftCheck:  # fmt: skip
    made, _ = DriftCheck.objects.update_or_create(
        kind=CheckKind.DRIFT,
        version=version,
        role=role,
        until=until,
        defaults={
            "since": since,
            "n": n,
            "level": level.value,
            "found": found,
            "summary": summary,
            "took_ms": round((perf_counter() - begin) * 1000, 1),
            "made_at": timezone.now(),
        },
    )
    return made


def _row_json(seen: Watched, row: Row, now: list[int]) -> dict[str, Any]:
    drift, profile = row.drift, seen.reference.feature(row.feature)
    found: dict[str, Any] = {
        "feature": row.feature,
        "label": profile.label,
        "kind": profile.kind.value,
        "unit": profile.unit,
        "segment": words.segment_json(seen, row.segment),
        "level": row.judged.level.value,
        "n": drift.n,
        "m": drift.m,
        "cells": drift.cells,
        "psi": drift.psi,
        "p": drift.p,
        "q": row.judged.q,
        "kl": drift.kl,
        "js": drift.js,
        "chi2": drift.chi2,
        "chi2_p": drift.chi2_p,
        "ks": None if drift.ks is None else {"gap": drift.ks.gap, "error": drift.ks.error, "p": drift.ks.p},
        "shift": drift.shift,
        "moves": words.moves_json(profile, drift.moves),
        "needs": row.judged.needs,
        "problem": drift.problem,
        "importance": row.importance,
        "weight": row.weight,
        "mix": row.mix,
    }
    if row.segment is None:
        found["before"], found["now"] = profile.counts.tolist(), now
    return found


def _summary(seen: Watched, found: Comparison, grades: list[int], probabilities: list[int]) -> dict[str, Any]:
    score = found.score.drift
    return {
        "tests": found.tests,
        "looks_per_week": LOOKS_PER_WEEK,
        "warning_q": WARNING_Q / LOOKS_PER_WEEK,
        "critical_q": CRITICAL_Q / LOOKS_PER_WEEK,
        "score": {
            "level": found.score.level.value,
            "psi": score.psi,
            "p": score.p,
            "q": found.score.q,
            "js": score.js,
            "ks": None
            if score.ks is None
            else {"gap": score.ks.gap, "error": score.ks.error, "p": score.ks.p},
            "needs": found.score.needs,
            "before": seen.reference.probability_counts.tolist(),
            "now": probabilities,
        },
        "mean_before": found.mean_before,
        "mean_now": found.mean_now,
        "auc_before": found.auc_before,
        "auc_now": found.auc_now,
        "grades": grades,
        "reference_n": seen.reference.n,
        "not_compared": sorted(seen.reference.feature(name).label for name in seen.late),
    }


def _sure(q: float | None) -> AlertLevel | None:
    if q is None or q > WARNING_Q / LOOKS_PER_WEEK:
        return None
    return AlertLevel.CRITICAL if q <= CRITICAL_Q / LOOKS_PER_WEEK else AlertLevel.WARNING


def _readings(made: DriftCheck, seen: Watched, found: Comparison) -> list[Reading]:
    own = own_limits(made.version.feature_set_id)
    broken = broken_fields(made.version_id)
    mixes = {row.feature: row for row in found.rows if row.segment is None}
    readings = []
    for row in found.rows:
        unknown = row.judged.level is Level.UNKNOWN
        limits = own.get(row.feature)
        readings.append(
            Reading(
                kind=RuleKind.FEATURE_DRIFT,
                subject=words.subject(seen, row.feature, row.segment),
                value=None if unknown else row.drift.psi,
                n=row.drift.n,
                p=row.drift.p,
                sure=_sure(row.judged.q),
                limits=None if limits is None else (limits.warning, limits.critical),
                cause=words.cause(seen, row, broken, mixes),
                weight=row.weight,
                story=words.feature_story(made, seen, row, found),
            )
        )
    moved = [row for row in found.rows if row.judged.level in (Level.CRITICAL, Level.WARNING)]
    score = found.score
    readings.append(
        Reading(
            kind=RuleKind.SCORE_DRIFT,
            subject="score",
            value=None if score.level is Level.UNKNOWN else score.drift.psi,
            n=score.drift.n,
            p=score.drift.p,
            sure=_sure(score.q),
            # Scores follow the features that moved: one alert for both.
            cause=words.cause(seen, moved[0], broken, mixes) if moved else "",
            weight=0.0,
            story=words.score_story(made, found),
        )
    )
    readings += slow_changes(made, seen, looks_per_week=LOOKS_PER_WEEK)
    return readings
