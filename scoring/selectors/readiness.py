"""Counting for the readiness page: by day and source in the database, never lead by lead except conversions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import TruncDate

from scoring.contracts import FeatureSetState, OutcomeKind
from scoring.ml.maturity import MaturityWindow as MaturityEstimate
from scoring.ml.maturity import windows_by_source
from scoring.ml.pace import SILENT_DAYS, WEEKS_READ
from scoring.ml.schema import Kind
from scoring.models import (
    Feature,
    Lead,
    MaturityWindow,
    ModelVersion,
    Outcome,
    ReadinessSnapshot,
    TrainingPolicy,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SEGMENTS = 3
VALUES_SHOWN = 12
LEAST_SHOWN = 10
DELAYS_KEPT = 500
RECENT_DAYS = 7 * WEEKS_READ
LEAST_RECENT = 100
Floats = np.ndarray[Any, np.dtype[np.float64]]


def training_policy() -> TrainingPolicy:
    """The limits in force."""
    return TrainingPolicy.objects.first() or TrainingPolicy()


def newest_snapshot() -> ReadinessSnapshot | None:
    """The newest counts that were kept."""
    return ReadinessSnapshot.objects.order_by("-taken_at", "-id").first()


def is_small(most: int) -> bool:
    """Whether there are at most so many leads; looks at no more than that."""
    return Lead.objects.order_by().values("pk")[: most + 1].count() <= most


def estimate_windows(*, as_of: datetime) -> dict[str, MaturityEstimate]:
    """The maturity window of each source that has leads with dates, as what is known at `as_of` has it; reads leads
    counted by day and conversions one by one."""
    sources = _sources(as_of)
    return _estimates(sources, _days(as_of), float(training_policy().horizon_days)) if sources else {}


class _Source:
    """The dated leads of one source by day of creation, and its conversions one by one."""

    def __init__(self) -> None:
        self.days: list[float] = []
        self.leads: list[float] = []
        self.created: list[float] = []
        self.occurred: list[float] = []
        self.recorded: list[float] = []


def count_leads(*, as_of: datetime) -> dict[str, Any]:
    """What there is to learn from at `as_of`, as JSON: ripe leads, those that will be, arrivals by week, segments."""
    policy = training_policy()
    horizon = float(policy.horizon_days)
    now = _days(as_of)
    sources = _sources(as_of)
    windows = _windows(sources, now, horizon)
    leads = Lead.objects.filter(_ripe(windows, as_of), merged_into__isnull=True).order_by()
    converted = Outcome.objects.filter(
        _ripe(windows, as_of, "lead__"), is_current=True, kind=OutcomeKind.CONVERTED.value
    ).order_by()
    dates = leads.aggregate(n=Count("pk"), first=Min("created"), last=Max("created"))
    hits = dict(converted.values_list("lead__source_system").annotate(n=Count("pk")))
    by_source = dict(leads.values_list("source_system").annotate(n=Count("pk")))
    flows = [
        _flow(name, source, windows[name], now)
        | {
            "ripe": by_source.get(name, 0),
            "conversions": hits.get(name, 0),
        }
        for name, source in sorted(sources.items())
    ]
    undated = Lead.objects.filter(created__isnull=True, merged_into__isnull=True)
    undated_open = undated.exclude(outcomes__is_current=True).count()
    recent = [sum(flow["recent"][i] for flow in flows) for i in (0, 1)]
    ripe_leads, conversions = int(dates["n"]), int(sum(hits.values()))
    if recent[0] < LEAST_RECENT:
        recent = [ripe_leads, conversions]
    pending = sorted((flow["window"] - age, n) for flow in flows for age, n, _ in flow["pending"])
    delays = np.concatenate(
        [np.array(s.occurred) - np.array(s.created) for s in sources.values()] or [np.zeros(0)]
    )
    delays = np.sort(delays[np.isfinite(delays)].clip(0.0))
    return {
        "as_of": as_of.isoformat(),
        "leads": sum(flow["leads"] for flow in flows) + undated.count(),
        "ripe": {
            "leads": ripe_leads,
            "conversions": conversions,
            "first": dates["first"].isoformat() if dates["first"] else None,
            "last": dates["last"].isoformat() if dates["last"] else None,
        },
        "watched_days": max((now - s.days[0] for s in sources.values() if s.days), default=0.0),
        "recent": recent,
        "not_ripe": int(sum(n for _, n in pending)),
        "undated_open": undated_open,
        "ripens": _ripens(pending),
        "flows": flows,
        "delays": delays[_spread(len(delays), DELAYS_KEPT)].round(2).tolist(),
        "last_60": [int(sum(flow["last_60"][i] for flow in flows)) for i in (0, 1)],
        "segments": [_segment(feature, leads, converted) for feature in segment_features(policy)],
    }


def _sources(as_of: datetime) -> dict[str, _Source]:
    sources: dict[str, _Source] = {}
    dated = Lead.objects.filter(
        created__isnull=False, created__lte=as_of, merged_into__isnull=True
    ).order_by()
    days = dated.annotate(day=TruncDate("created", tzinfo=UTC)).values_list("source_system", "day")
    for name, day, n in days.annotate(n=Count("pk")).order_by("source_system", "day"):
        source = sources.setdefault(name, _Source())
        # Midday stands for the day; on the day of counting the middle of what has passed of it.
        middle = _days(datetime.combine(day, time(12), UTC))
        source.days.append(min(middle, _days(as_of)))
        source.leads.append(float(n))
    converted = Outcome.objects.filter(
        is_current=True,
        kind=OutcomeKind.CONVERTED.value,
        recorded_at__lte=as_of,
        lead__created__isnull=False,
        lead__created__lte=as_of,
    )
    for name, created, occurred, recorded in converted.values_list(
        "lead__source_system", "lead__created", "occurred_at", "recorded_at"
    ).iterator(chunk_size=10_000):
        source = sources[name]
        if created is None:
            continue
        source.created.append(_days(created))
        source.occurred.append(_days(occurred) if occurred is not None else np.nan)
        source.recorded.append(_days(occurred or recorded))
    return sources


def _windows(sources: Mapping[str, _Source], now: float, horizon: float) -> dict[str, dict[str, Any]]:
    """The window of each source as training would set it: by hand, else estimated, else the horizon."""
    by_hand = {
        row.source_system: row.set_days for row in MaturityWindow.objects.filter(set_days__isnull=False)
    }
    if not sources:
        return {}
    estimates = _estimates(sources, now, horizon)
    return {
        name: {
            "days": float(by_hand.get(name) or estimates[name].days),
            "note": "Set by hand." if name in by_hand else estimates[name].reason,
        }
        for name in sources
    }


def _estimates(sources: Mapping[str, _Source], now: float, horizon: float) -> dict[str, MaturityEstimate]:
    names, created, converted, occurred = [], [], [], []
    for name, source in sources.items():
        others = _others(source)
        n, hits = int(others.sum()), len(source.created)
        names.append(np.full(n + hits, name, dtype=object))
        created.append(np.concatenate([np.repeat(source.days, others), source.created]))
        converted.append(np.concatenate([np.zeros(n, dtype=np.bool_), np.ones(hits, dtype=np.bool_)]))
        occurred.append(np.concatenate([np.full(n, np.nan), source.occurred]))
    target = np.concatenate(converted)
    return windows_by_source(
        np.concatenate(names),
        np.concatenate(created).astype(np.float64),
        target,
        np.concatenate(occurred).astype(np.float64),
        np.zeros(len(target), dtype=np.bool_),
        as_of=now,
        horizon=horizon,
        reps=0,
    )


def _others(source: _Source) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Leads of each day that have not converted."""
    day = np.floor(source.days)
    hits = np.zeros(len(day))
    if source.created:
        at = np.searchsorted(day, np.floor(source.created))
        np.add.at(hits, np.minimum(at, len(day) - 1), 1.0)
    return np.maximum(np.array(source.leads) - hits, 0.0).astype(np.int64)


def _flow(name: str, source: _Source, window: Mapping[str, Any], now: float) -> dict[str, Any]:
    """One source: weekly arrivals, leads that are not ripe by day, and those that became ripe lately."""
    days, leads = np.array(source.days), np.array(source.leads)
    age = np.maximum(now - days, 0.0)
    born = np.array(source.created)
    hits_age = np.maximum(now - born, 0.0)
    wait = float(window["days"])
    edges = np.arange(0.0, 7.0 * (WEEKS_READ + 1), 7.0)
    weekly = np.histogram(age, bins=edges, weights=leads)[0][::-1]
    weekly_hits = np.histogram(hits_age, bins=edges)[0][::-1]
    pending = age < wait
    early = np.floor(born)
    counted = [
        [round(float(a), 2), int(n), int((early == np.floor(d)).sum())]
        for a, n, d in zip(age[pending], leads[pending], days[pending], strict=True)
    ]
    lately = (age >= wait) & (age < wait + RECENT_DAYS)
    hits_lately = (hits_age >= wait) & (hits_age < wait + RECENT_DAYS)
    return {
        "source": name,
        "window": wait,
        "note": window["note"],
        "leads": int(leads.sum()),
        "weekly": weekly.astype(int).tolist(),
        "weekly_conversions": weekly_hits.astype(int).tolist(),
        "pending": counted,
        "recent": [int(leads[lately].sum()), int(hits_lately.sum())],
        "last_60": [
            int(leads[age < SILENT_DAYS].sum()),
            int((now - np.array(source.recorded) < SILENT_DAYS).sum()),
        ],
    }


def _ripe(windows: Mapping[str, Mapping[str, Any]], as_of: datetime, lead: str = "") -> Q:
    """Leads that may train: older than their source's window, or without a date and finished. With `lead` the
    condition is on outcomes, through their lead: one that has an outcome is finished."""
    found = Q(**{f"{lead}created__isnull": True})
    if not lead:
        found &= Q(Exists(Outcome.objects.filter(lead=OuterRef("pk"), is_current=True)))
    for name, window in windows.items():
        until = as_of - timedelta(days=window["days"])
        found |= Q(**{f"{lead}source_system": name, f"{lead}created__lte": until})
    return found


def _ripens(pending: list[tuple[float, int]]) -> dict[str, float | None]:
    """In how many days the next, half and all of the waiting leads are ripe."""
    if not pending:
        return {"next": None, "half": None, "all": None}
    counts = np.cumsum([n for _, n in pending])
    half = int(np.searchsorted(counts, counts[-1] / 2))
    return {"next": max(pending[0][0], 0.0), "half": pending[half][0], "all": pending[-1][0]}


def category_features() -> list[Feature]:
    """Category features of the active feature set that may train, in their order."""
    return list(
        Feature.objects.filter(
            feature_set__state=FeatureSetState.ACTIVE.value, kind=Kind.CATEGORY.value, excluded=False
        ).order_by("position")
    )


def segment_features(policy: TrainingPolicy) -> list[Feature | None]:
    """Category features whose values are counted: the ones a person marked, else the three that the newest version
    looks at most, else the first three. None stands for the source and comes first."""
    known = {feature.name: feature for feature in category_features()}
    chosen = [name for name in policy.segment_features if name in known]
    if not chosen:
        version = ModelVersion.objects.order_by("-number").only("importance").first()
        ranked = [str(row["feature"]) for row in (version.importance if version else [])]
        chosen = [name for name in dict.fromkeys([*ranked, *known]) if name in known][:SEGMENTS]
    return [None, *(known[name] for name in chosen)]


def _segment(feature: Feature | None, leads: QuerySet[Lead], converted: QuerySet[Outcome]) -> dict[str, Any]:
    """Ripe leads and conversions by the values of a feature (None: the source), most frequent first."""
    own: F | KeyTextTransform = F("source_system")
    through: F | KeyTextTransform = F("lead__source_system")
    gone: set[str] = set()
    if feature is not None:
        own = KeyTextTransform(feature.name, "attributes")
        through = KeyTextTransform(feature.name, "lead__attributes")
        gone = {str(token).strip().casefold() for token in feature.missing_tokens}
    counted = (
        leads.annotate(value=own).values_list("value").annotate(n=Count("pk")),
        converted.annotate(value=through).values_list("value").annotate(n=Count("pk")),
    )
    values: dict[str, list[int]] = {}
    spellings: dict[str, Counter[str]] = {}
    for place, rows in enumerate(counted):
        for value, n in rows:
            text = "" if value is None else str(value).strip()
            # One value however it is written, as training reads it.
            key = "" if text.casefold() in gone else " ".join(text.casefold().split())
            values.setdefault(key, [0, 0])[place] += int(n)
            spellings.setdefault(key, Counter())[text] += int(n)
    # A handful of leads says nothing, and is mostly a slip of the pen.
    ordered = sorted(values.items(), key=lambda item: (-item[1][0], item[0]))
    shown = [(key, counts) for key, counts in ordered[:VALUES_SHOWN] if counts[0] >= LEAST_SHOWN]
    return {
        "feature": feature.name if feature else "",
        "label": feature.label if feature else "Source",
        "values": [[spellings[key].most_common(1)[0][0] if key else "", n, k] for key, (n, k) in shown],
        "more": len(ordered) - len(shown),
    }


def _spread(n: int, most: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Indices of at most `most` of n sorted values, evenly spaced."""
    return np.unique(np.linspace(0, max(n - 1, 0), min(n, most)).astype(np.int64))


def _days(at: datetime) -> float:
    return (at - EPOCH).total_seconds() / 86400
