"""The counts of the readiness page, kept as a row where there are too many leads to count at each view."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

from scoring.ml.assessment import Assessment, assess
from scoring.models import Lead, ReadinessSnapshot, Release
from scoring.selectors.readiness import count_leads, is_small, newest_snapshot, training_policy

COUNTED_LIVE = 5000
KEPT = 20


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer, the counts behind it and when they were taken; `live`: just now."""

    assessment: Assessment
    counts: dict[str, Any]
    taken_at: datetime
    live: bool


def take_snapshot(*, as_of: datetime) -> ReadinessSnapshot:
    """Count and keep; the oldest counts go. Two at once leave two rows, and the newest is read."""
    begin = perf_counter()
    counts = count_leads(as_of=as_of)
    row = ReadinessSnapshot.objects.create(
        taken_at=as_of, took_ms=round((perf_counter() - begin) * 1000, 1), counts=counts
    )
    old = ReadinessSnapshot.objects.order_by("-taken_at", "-id").values_list("pk", flat=True)[
        KEPT : KEPT + 100
    ]
    ReadinessSnapshot.objects.filter(pk__in=list(old)).delete()
    return row


def first_snapshot(*, as_of: datetime) -> bool:
    """Count when nobody ever has and there are too many leads to count at a view; returns whether it did."""
    if ReadinessSnapshot.objects.exists() or is_small(COUNTED_LIVE) or not Lead.objects.exists():
        return False
    take_snapshot(as_of=as_of)
    return True


def current_readiness(*, as_of: datetime) -> Readiness | None:
    """How far the leads carry: counted now where they are few, else from the newest kept counts; None when there
    are many leads and nobody has counted them yet. Writes nothing."""
    if is_small(COUNTED_LIVE):
        return counted_readiness(as_of=as_of)
    snapshot = newest_snapshot()
    return None if snapshot is None else _judged(snapshot.counts, taken_at=snapshot.taken_at, live=False)


def counted_readiness(*, as_of: datetime) -> Readiness:
    """How far the leads carry, counted now however many they are. Writes nothing."""
    return _judged(count_leads(as_of=as_of), taken_at=as_of, live=True)


def _judged(counts: dict[str, Any], *, taken_at: datetime, live: bool) -> Readiness:
    policy = training_policy()
    answer = assess(
        counts,
        minimum_leads=policy.minimum_leads,
        minimum_conversions=policy.minimum_conversions,
        horizon_days=policy.horizon_days,
        auc=_served_auc(),
    )
    return Readiness(assessment=answer, counts=counts, taken_at=taken_at, live=live)


def _served_auc() -> float | None:
    """The test AUC of what serves, None where nothing does or it has none."""
    release = (
        Release.objects.filter(is_open=True).select_related("champion").only("champion__metrics").first()
    )
    found = (release.champion.metrics.get("roc_auc") or {}).get("value") if release is not None else None
    return float(found) if isinstance(found, int | float) else None
