"""What the watch itself brings along: its probes, and its gauges for `/metrics`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count, Q

from monitoring.contracts import AlertLevel, AlertState, RuleKind
from monitoring.models import Alert, AlertRule, OperationsCheck, StoredReading
from monitoring.registry import Gauge, Probe, gauges, probes
from monitoring.selectors.serving import model_age
from monitoring.services import operations_readings as readings

PROBES = {
    "queue lag": Probe(frozenset({RuleKind.QUEUE_LAG}), readings.queue_lag),
    "failed work": Probe(frozenset({RuleKind.FAILED_WORK}), readings.failed_work, every_minutes=5),
    "waiting leads": Probe(frozenset({RuleKind.NO_MODEL}), readings.waiting_leads, every_minutes=5),
    "predictions counted": Probe(frozenset({RuleKind.BLIND}), readings.not_counted, every_minutes=5),
    "model age": Probe(frozenset({RuleKind.MODEL_AGE}), readings.age_of_model, every_minutes=60),
}
MOST_READINGS = 5000


def _age(as_of: datetime) -> Iterable[tuple[tuple[str, ...], float]]:
    found = model_age(as_of)
    return [] if found is None else [((), found[1] * 86_400)]


def _last_check(as_of: datetime) -> Iterable[tuple[tuple[str, ...], float]]:
    slot = OperationsCheck.objects.order_by("-slot").values_list("slot", flat=True).first()
    return [] if slot is None else [(("operations",), slot.timestamp())]


def _last_readings(as_of: datetime) -> Iterable[tuple[tuple[str, ...], float]]:
    rules = AlertRule.objects.values_list("kind", "judged_at")
    return [((kind,), at.timestamp()) for kind, at in rules if at is not None]


def _over_limit(as_of: datetime) -> Iterable[tuple[tuple[str, ...], float]]:
    # Readings that are far below their limit are not kept: what has no row at the last look is quiet.
    warns: dict[str, float | None] = {}
    newest = Q(pk__in=[])
    for kind, at, warning in AlertRule.objects.filter(judged_at__isnull=False).values_list(
        "kind", "judged_at", "warning"
    ):
        warns[kind] = warning
        newest |= Q(kind=kind, at=at)
    counts = dict.fromkeys(warns, 0)
    rows = StoredReading.objects.filter(newest, value__isnull=False).exclude(sure="")
    for kind, value, limits in rows.values_list("kind", "value", "limits")[:MOST_READINGS]:
        limit = limits[0] if limits else warns[kind]
        counts[kind] += limit is not None and value is not None and value >= limit
    return [((kind,), float(count)) for kind, count in counts.items()]


def _open_alerts(as_of: datetime) -> Iterable[tuple[tuple[str, ...], float]]:
    counts = dict.fromkeys((level.value for level in AlertLevel), 0)
    rows = Alert.objects.filter(state=AlertState.OPEN.value).order_by().values_list("level")
    counts.update(rows.annotate(Count("pk")))
    return [((level,), float(count)) for level, count in counts.items()]


GAUGES = (
    Gauge("leadscoring_open_alerts", "Open alerts by level.", ("level",), _open_alerts),
    Gauge("leadscoring_model_age_seconds", "Since the version that serves was trained.", (), _age),
    Gauge("leadscoring_last_check_timestamp_seconds", "When the last check ran.", ("check",), _last_check),
    Gauge(
        "leadscoring_last_reading_timestamp_seconds",
        "When a kind of reading was last looked at.",
        ("kind",),
        _last_readings,
    ),
    Gauge(
        "leadscoring_readings_over_limit",
        "Readings of the last look at a kind that are surely over the limit that warns.",
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
