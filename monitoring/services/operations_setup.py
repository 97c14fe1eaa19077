"""What the watch itself brings along: its probes, and its gauges for `/metrics`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.apps import apps
from django.db.models import Count, Max, Q

from monitoring.contracts import AlertLevel, RuleKind
from monitoring.models import OperationsCheck, StoredReading
from monitoring.registry import Gauge, Probe, gauges, probes
from monitoring.selectors.limits import limits_in_force
from monitoring.selectors.serving import model_age
from monitoring.services import operations_readings as readings

PROBES = {
    "queue lag": Probe(frozenset({RuleKind.QUEUE_LAG}), readings.queue_lag),
    "failed work": Probe(frozenset({RuleKind.FAILED_WORK}), readings.failed_work, every_minutes=5),
    "waiting leads": Probe(frozenset({RuleKind.NO_MODEL}), readings.waiting_leads, every_minutes=5),
    "model age": Probe(frozenset({RuleKind.MODEL_AGE}), readings.age_of_model, every_minutes=60),
}
LATEST_WITHIN = timedelta(days=8)
"""Readings older than this are no longer shown as the newest."""


def _age(as_of: datetime) -> Iterable[tuple[tuple[str, ...], float]]:
    found = model_age(as_of)
    return [] if found is None else [((), found[1] * 86_400)]


def _last_check(as_of: datetime) -> Iterable[tuple[tuple[str, ...], float]]:
    slot = OperationsCheck.objects.order_by("-slot").values_list("slot", flat=True).first()
    return [] if slot is None else [(("operations",), slot.timestamp())]


def _newest(as_of: datetime) -> list[tuple[str, datetime]]:
    """The moment of the newest reading of each kind, from the index of the last days."""
    rows = StoredReading.objects.filter(at__gte=as_of - LATEST_WITHIN)
    return list(rows.order_by("kind").values_list("kind").annotate(at=Max("at")))


def _last_readings(as_of: datetime) -> Iterable[tuple[tuple[str, ...], float]]:
    return [((kind,), at.timestamp()) for kind, at in _newest(as_of)]


def _over_limit(as_of: datetime) -> Iterable[tuple[tuple[str, ...], float]]:
    newest, rules = _newest(as_of), limits_in_force()
    over = Q(pk__in=[])
    for kind, at in newest:
        warning = rules[RuleKind(kind)][0]
        if warning is not None:
            over |= Q(kind=kind, at=at, value__gte=warning)
    rows = StoredReading.objects.filter(over).exclude(sure="").order_by()
    counts = dict(rows.values_list("kind").annotate(Count("pk")))
    return [((kind,), float(counts.get(kind, 0))) for kind, _ in newest]


def _open_alerts(as_of: datetime) -> Iterable[tuple[tuple[str, ...], float]]:
    counts = dict.fromkeys((level.value for level in AlertLevel), 0)
    # The rows come with another migration; before it there are none.
    model = apps.all_models["monitoring"].get("alert")
    if model is not None:
        rows = model._default_manager.filter(state="open").values_list("level").annotate(Count("pk"))
        counts.update(rows.order_by())
    return [((level,), float(count)) for level, count in counts.items()]


GAUGES = (
    Gauge("leadscoring_open_alerts", "Open alerts by level.", ("level",), _open_alerts),
    Gauge("leadscoring_model_age_seconds", "Since the version that serves was trained.", (), _age),
    Gauge("leadscoring_last_check_timestamp_seconds", "When the last check ran.", ("check",), _last_check),
    Gauge(
        "leadscoring_last_reading_timestamp_seconds",
        "When a kind of reading was last taken.",
        ("kind",),
        _last_readings,
    ),
    Gauge(
        "leadscoring_readings_over_limit",
        "Readings of the newest check of a kind that are surely over the limit that warns.",
        ("kind",),
        _over_limit,
    ),
)


def register() -> None:
    """Called when the app is ready; doing it twice changes nothing."""
    for name, probe in PROBES.items():
        probes.add(name, probe)
    for gauge in GAUGES:
        gauges.add(gauge.name, gauge)
