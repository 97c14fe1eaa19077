"""Data quality and volume, looked at whenever predictions were counted: what broke shows within minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

from django.db import transaction
from django.utils import timezone

from monitoring.contracts import AlertLevel, Looked, Reading, RuleKind
from monitoring.models import CheckKind, DriftCheck
from monitoring.selectors.profiles import EVERYONE, NoReference, Watched, floor_hour, watched
from monitoring.selectors.recent import arrivals, stretches
from monitoring.services import drift_words as words
from monitoring.services import quality_words
from monitoring.services.readings import record
from monitoring.stats.comparison import segments_looked_at
from monitoring.stats.levels import CRITICAL_Q, WARNING_Q
from monitoring.stats.quality import Volume, volume
from monitoring.stats.surveillance import LOOKS_PER_WEEK, Defect, Defective, defects
from scoring.contracts import Role
from scoring.ml.multiplicity import benjamini_hochberg
from scoring.models import ModelVersion
from scoring.selectors.versions import open_release

KINDS = {
    Defect.MISSING: RuleKind.MISSING,
    Defect.UNSEEN: RuleKind.UNSEEN,
    Defect.UNREADABLE: RuleKind.UNREADABLE,
    Defect.OUTSIDE: RuleKind.OUT_OF_RANGE,
}
SPEAKS_FOR = frozenset({*KINDS.values(), RuleKind.VOLUME})
SILENT = "no leads"
#: Of what is no alert, so unlikely a rise is still shown on the page of the look.
WORTH_SHOWING_Q = 0.05
#: Fewer than this share of all expected leads: nobody comes, whatever the source.
FEW = 0.1
#: With more than this share missing, and no evidence, nothing is decided.
UNDECIDED = 0.3


def check(*, as_of: datetime) -> DriftCheck | None:
    """Look at the champion's leads up to `as_of` (what is counted by then); None while nothing serves."""
    release = open_release()
    if release is None:
        return None
    begin = perf_counter()
    version = ModelVersion.objects.defer("reference_profile").get(pk=release.champion_id)
    try:
        seen = watched(version.pk)
    except NoReference as why:
        return _store(version, as_of, 0, "unknown", [], {"problem": str(why)}, begin)
    looked_at = segments_looked_at(seen.reference)
    windows = stretches(seen.layout, version.pk, Role.CHAMPION.value, as_of)
    bad = defects(seen.reference, seen.layout, windows, looked_at, skip=seen.late)
    volumes = _volumes(seen, version.pk, as_of)
    fields = {one.feature for one in bad if one.warning}
    readings = [_defect_reading(seen, version, one, fields) for one in bad]
    readings += [_volume_reading(seen, key, minutes, one, q, volumes) for key, minutes, one, q in volumes]
    worst = max(
        (one.sure for one in readings if one.sure is not None), key=lambda one: one.rank, default=None
    )
    told = [_defect_json(seen, one) for one in bad if one.rise is not None and one.q <= WORTH_SHOWING_Q]
    told += [_volume_json(seen, key, minutes, one, q) for key, minutes, one, q in volumes]
    summary = {
        "stretches": [{"minutes": one.minutes, "n": one.profiles[EVERYONE].n} for one in windows],
        "looks_per_week": LOOKS_PER_WEEK,
        "things": len(readings),
    }
    with transaction.atomic():
        made = _store(
            version,
            as_of,
            windows[-1].profiles[EVERYONE].n,
            worst.value if worst else "quiet",
            told,
            summary,
            begin,
        )
        record(Looked(as_of, SPEAKS_FOR, tuple(_linked(one, made) for one in readings)))
    return made


def _store(
    version: ModelVersion, as_of: datetime, n: int, level: str, found: list[dict[str, Any]],
    summary: dict[str, Any], begin: float,
) -> DriftCheck:  # fmt: skip
    with transaction.atomic():
        mine = DriftCheck.objects.filter(kind=CheckKind.QUALITY, version=version, role=Role.CHAMPION.value)
        # Of an hour in which nothing stood out, the last look is kept.
        mine.filter(level__in=["quiet", "unknown"], until__gte=floor_hour(as_of), until__lt=as_of).delete()
        made, _ = mine.update_or_create(
            until=as_of,
            defaults={
                "kind": CheckKind.QUALITY,
                "version": version,
                "role": Role.CHAMPION.value,
                "since": as_of - timedelta(days=1),
                "n": n,
                "level": level,
                "found": found,
                "summary": summary,
                "took_ms": round((perf_counter() - begin) * 1000, 1),
                "made_at": timezone.now(),
            },
        )
    return made


def _linked(reading: Reading, made: DriftCheck) -> Reading:
    return replace(reading, story=replace(reading.story, link=words.link(made)))


def _sure(q: float) -> AlertLevel | None:
    if q <= CRITICAL_Q / LOOKS_PER_WEEK:
        return AlertLevel.CRITICAL
    return AlertLevel.WARNING if q <= WARNING_Q / LOOKS_PER_WEEK else None


def _defect_reading(seen: Watched, version: ModelVersion, one: Defective, fields: set[str]) -> Reading:
    importance = words.importance_of(version, one.feature)
    rise = None if one.rise is None else one.rise.rise
    return Reading(
        kind=KINDS[one.defect],
        subject=words.subject(seen, one.feature, one.segment),
        value=rise,
        n=0 if one.rise is None else one.rise.n,
        p=None if one.rise is None else one.rise.p,
        sure=_sure(one.q),
        cause=words.cause_of_field(one.feature, fields),
        # Twice that of a drift of this size: a broken field says more plainly what is wrong.
        weight=importance * max(rise or 0.0, 0.0) * (2.0 if one.segment is None else 1.0),
        story=quality_words.defect_story(seen, one, importance),
    )


Counted = tuple[tuple[str, int], int, Volume, float]


def _volumes(seen: Watched, version_id: int, as_of: datetime) -> list[Counted]:
    """What came beside the same hours of past weeks, where there are at least four: in the stretch that is least
    likely, with its q-value."""
    found: list[tuple[tuple[str, int], int, Volume]] = []
    tests = 0
    for key, spans in arrivals(seen, version_id, as_of).items():
        judged = [(minutes, one) for minutes, came, past in spans if (one := volume(came, past)) is not None]
        tests += len(judged)
        if judged:
            minutes, one = min(judged, key=lambda pair: (pair[1].p_low, pair[0]))
            found.append((key, minutes, one))
    if not found:
        return []
    p = [one.p_low for *_, one in found] + [1.0] * (tests - len(found))
    q = benjamini_hochberg(p)[: len(found)].tolist()
    return [(key, minutes, one, value) for (key, minutes, one), value in zip(found, q, strict=True)]


def _volume_reading(
    seen: Watched, key: tuple[str, int], minutes: int, one: Volume, q: float, all_of: list[Counted]
) -> Reading:
    nobody = any(
        k == EVERYONE and v <= WARNING_Q / LOOKS_PER_WEEK and few.came < FEW * few.expected
        for k, _, few, v in all_of
    )
    missing = max(1 - one.came / one.expected, 0.0) if one.expected else None
    if missing is not None and _sure(q) is None and missing >= UNDECIDED:
        # A quiet night: so few are due that none is no news, neither that they stopped nor that they are back.
        missing = None
    name = "all" if key == EVERYONE else f"{key[0]}={words.value_of(seen, key)}"
    return Reading(
        kind=RuleKind.VOLUME,
        subject=name,
        value=missing,
        n=one.came,
        p=one.p_low,
        sure=_sure(q),
        # When nobody comes at all, every source is silent for the same reason.
        cause=SILENT if nobody or key == EVERYONE else name,
        weight=1.0 if key == EVERYONE else one.expected / max(one.expected + 1, 1) * 0.9,
        story=quality_words.volume_story(seen, key, minutes, one),
    )


def _defect_json(seen: Watched, one: Defective) -> dict[str, Any]:
    rise = one.rise
    return {
        "what": one.defect.value,
        "feature": one.feature,
        "label": seen.reference.feature(one.feature).label,
        "segment": words.segment_json(seen, one.segment),
        "minutes": one.minutes,
        "before": None if rise is None else rise.before,
        "now": None if rise is None else rise.now,
        "n": None if rise is None else rise.n,
        "m": None if rise is None else rise.m,
        "p": None if rise is None else rise.p,
        "q": one.q,
        "level": "critical" if one.critical else "warning" if one.warning else "quiet",
    }


def _volume_json(seen: Watched, key: tuple[str, int], minutes: int, one: Volume, q: float) -> dict[str, Any]:
    level = _sure(q)
    return {
        "what": "volume",
        "feature": key[0],
        "label": "All leads" if key == EVERYONE else seen.reference.feature(key[0]).label,
        "segment": None if key == EVERYONE else words.segment_json(seen, key),
        "minutes": minutes,
        "came": one.came,
        "expected": one.expected,
        "low": one.low,
        "high": one.high,
        "weeks": one.weeks,
        "p": one.p_low,
        "q": q,
        "level": level.value if level is not None else "quiet",
    }
