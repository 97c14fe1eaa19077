"""Reading how long models took and how old the one that serves is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitoring.selectors.profiles import fold_state
from monitoring.stats.latencies import bucket_of
from scoring.models import Prediction
from scoring.selectors.leads import awaiting_score
from scoring.selectors.versions import open_release

MOST_READ = 20_000
"""Predictions that one look reads, the newest: a large import does not make it slow."""
MOST_WAITING = 10_000
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class ModelTimes:
    """Times of model and reasons of one version in one role, by bucket. `cut`: there were more predictions."""

    version: int
    role: str
    buckets: dict[int, int]
    cut: bool


def model_times(since: datetime, until: datetime) -> list[ModelTimes]:
    """Times of the predictions made in [since, until), by version and role."""
    rows = list(
        Prediction.objects.filter(scored_at__gte=since, scored_at__lt=until)
        .order_by("-scored_at")
        .values_list("version__number", "role", "latency_ms")[:MOST_READ]
    )
    found: dict[tuple[int, str], dict[int, int]] = {}
    for version, role, ms in rows:
        buckets = found.setdefault((version, role), {})
        bucket = bucket_of(ms)
        buckets[bucket] = buckets.get(bucket, 0) + 1
    cut = len(rows) >= MOST_READ
    return [ModelTimes(version, role, buckets, cut) for (version, role), buckets in sorted(found.items())]


def model_age(as_of: datetime) -> tuple[int, float] | None:
    """Number and age in days of the version that serves; None while none does."""
    release = open_release()
    if release is None:
        return None
    champion = release.champion
    return champion.number, max((as_of - champion.created_at).total_seconds() / DAY_S, 0.0)


def leads_waiting() -> int:
    """Leads that wait for a model, counted up to a bound."""
    return awaiting_score().order_by().values("pk")[:MOST_WAITING].count()


def not_counted(as_of: datetime) -> tuple[int, datetime | None]:
    """Predictions before `as_of` that are in no profile yet, counted up to a bound, and when the oldest was made."""
    state = fold_state()
    rows = Prediction.objects.filter(scored_at__lt=as_of)
    if state is not None:
        rows = rows.filter(scored_at__gte=state.folded_until)
    oldest = rows.order_by("scored_at").values_list("scored_at", flat=True).first()
    return (0, None) if oldest is None else (rows.order_by().values("pk")[:MOST_WAITING].count(), oldest)
