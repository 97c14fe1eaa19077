"""`/metrics` for Prometheus, read from rows: the same in every web process, and right after a restart.

Counting a hundred million predictions would take minutes, so a worker keeps the totals of all but the last hour, and
each process those of the closed part of time after it. Rows are written with the time of the request and committed
within seconds; ten minutes later a stretch of time is closed.

Without METRICS_TOKEN only callers on this machine are answered, and none that came through a proxy.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address
from itertools import accumulate

import structlog
from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from leadscoring.common.models import IdempotencyRecord
from leadscoring.common.work import backlogs
from leadscoring.metrics_of_calls import call_metrics, call_totals
from monitoring.registry import Gauge, gauges
from monitoring.selectors.prediction_totals import (
    LATENCY_BUCKETS_MS,
    Totals,
    count_predictions,
    kept_totals,
)
from scoring.models import Outcome
from scoring.selectors.leads import awaiting_score
from scoring.selectors.versions import open_release

CLOSED_AFTER = timedelta(minutes=10)
FORWARDING_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")

logger = structlog.get_logger(__name__)


class PredictionTotals:
    """Totals of all time. A process begins with those that a worker keeps, and counts each later stretch once."""

    def __init__(self) -> None:
        self._closed = Totals()
        self._until: datetime | None = None
        self._lock = threading.Lock()

    def read(self, as_of: datetime) -> Totals:
        with self._lock:
            until = as_of - CLOSED_AFTER
            if self._until is None:
                self._closed, self._until = kept_totals()
            if self._until is None or until > self._until:
                self._closed.add(count_predictions(self._until, until))
                self._until = until
            found = Totals()
            found.add(self._closed)
            found.add(count_predictions(self._until, None))
            return found


prediction_totals = PredictionTotals()


class Rows(Collector):
    """What the database says at one moment."""

    def __init__(self, as_of: datetime) -> None:
        self.as_of = as_of

    def collect(self) -> Iterator[Metric]:
        yield from self._predictions()
        yield from self._work()
        yield from self._release()
        yield from call_metrics(call_totals.read(self.as_of))
        yield from self._gauges()
        outcomes = CounterMetricFamily("leadscoring_outcomes", "Outcomes reported.", labels=["kind"])
        for kind, count in Outcome.objects.values_list("kind").annotate(Count("pk")).order_by():
            outcomes.add_metric([kind], count)
        yield outcomes
        yield GaugeMetricFamily(
            "leadscoring_leads_waiting",
            "Leads kept until a model is released.",
            value=awaiting_score().count(),
        )
        yield GaugeMetricFamily(
            "leadscoring_idempotency_keys", "Idempotency keys kept.", value=IdempotencyRecord.objects.count()
        )

    def _predictions(self) -> Iterator[Metric]:
        totals = prediction_totals.read(self.as_of)
        predictions = CounterMetricFamily(
            "leadscoring_predictions",
            "Predictions made, by model version, role and grade.",
            labels=["version", "role", "grade"],
        )
        for series, count in sorted(totals.predictions.items()):
            predictions.add_metric(list(series), count)
        yield predictions
        limits = [*(str(limit / 1000) for limit in LATENCY_BUCKETS_MS), "+Inf"]
        yield HistogramMetricFamily(
            "leadscoring_prediction_seconds",
            "Time of the model and its reasons for one prediction.",
            buckets=list(zip(limits, accumulate(totals.buckets), strict=True)),
            sum_value=totals.latency_ms / 1000,
        )

    def _work(self) -> Iterator[Metric]:
        rows = GaugeMetricFamily("leadscoring_work", "Open work rows.", labels=["kind", "state"])
        ages = GaugeMetricFamily(
            "leadscoring_work_oldest_due_seconds", "How long the oldest due work has waited.", labels=["kind"]
        )
        for backlog in backlogs(self.as_of):
            rows.add_metric([backlog.kind, "queued"], backlog.queued)
            rows.add_metric([backlog.kind, "running"], backlog.running)
            ages.add_metric([backlog.kind], backlog.oldest_due_seconds)
        yield rows
        yield ages

    def _gauges(self) -> Iterator[Metric]:
        """What apps bring along. One that fails is left out, and named: the others are still scraped."""
        failed = GaugeMetricFamily(
            "leadscoring_gauge_failed", "1 where a gauge could not be read.", labels=["gauge"]
        )
        for name, gauge in gauges.items():
            found = _read_gauge(gauge, self.as_of)
            failed.add_metric([name], float(found is None))
            if found is not None:
                yield found
        yield failed

    def _release(self) -> Iterator[Metric]:
        release = open_release()
        version = GaugeMetricFamily(
            "leadscoring_release_version", "Number of the model version that serves; 0 for none."
        )
        version.add_metric([], release.champion.number if release else 0)
        yield version
        age = GaugeMetricFamily("leadscoring_release_age_seconds", "How long the open release has served.")
        age.add_metric([], (self.as_of - release.opened_at).total_seconds() if release else 0)
        yield age


def _read_gauge(gauge: Gauge, as_of: datetime) -> GaugeMetricFamily | None:
    family = GaugeMetricFamily(gauge.name, gauge.meaning, labels=gauge.labels)
    try:
        for labels, value in gauge.read(as_of):
            family.add_metric(list(labels), value)
    except Exception as error:
        logger.exception("metrics.gauge_failed", gauge=gauge.name, error=type(error).__name__)
        return None
    return family


def may_read(request: HttpRequest) -> bool:
    """The token, where one is set; else a caller on this machine that did not come through a proxy."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        return secrets.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    if any(request.META.get(header) for header in FORWARDING_HEADERS):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text."""
    if not may_read(request):
        return JsonResponse(
            {
                "type": "urn:leadscoring:problem:not-allowed",
                "title": "Not allowed",
                "status": 403,
                "detail": "Metrics are for callers on this machine or with METRICS_TOKEN as bearer token.",
            },
            status=403,
            content_type="application/problem+json",
        )
    registry = CollectorRegistry()
    ProcessCollector(namespace="leadscoring_web", registry=registry)
    registry.register(Rows(timezone.now()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)
