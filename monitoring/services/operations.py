"""One look at how the service runs, each minute: what was measured is kept, and judged by the rules.

Every look may cry wolf, so each asks for evidence that survives a week of looks: with m readings that a look tests, a
test counts as sure only below 0.05 / (10,080 · m), the Bonferroni share of one false alarm in twenty weeks, which
holds however much the windows of neighbouring minutes overlap. Calls of one minute are not independent, since one
pause slows all of them: the evidence for a slow API must therefore do without the slowest minute of the window.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from leadscoring.common.work import backlogs
from monitoring.contracts import Looked, Reading, RuleKind
from monitoring.models import OperationsCheck
from monitoring.registry import Probe, probes
from monitoring.selectors.calls import NO_MODEL, OK, Series, calls_between, calls_over_time
from monitoring.selectors.limits import limits_in_force
from monitoring.selectors.serving import model_times
from monitoring.services import operations_readings as readings
from monitoring.services.readings import record
from monitoring.stats.latencies import Buckets, Quantile, merged, quantile

logger = structlog.get_logger(__name__)

WINDOW = timedelta(minutes=5)
ERROR_WINDOW = timedelta(minutes=15)
SEEN_WITHIN = timedelta(hours=1)
"""A route without calls for this long is no longer spoken of, and its alert clears."""
MINUTE = timedelta(minutes=1)
MAIN_ROUTE = "score-lead"


def check(*, as_of: datetime) -> bool:
    """Look once for the minute that has begun; returns False when somebody already did."""
    slot = as_of.replace(second=0, microsecond=0)
    if OperationsCheck.objects.filter(slot=slot).exists():
        return False
    # Everything is read before anything is written: the transaction is short, and a failed read breaks none.
    calls = calls_over_time(slot - SEEN_WITHIN, slot, MINUTE)
    found, kinds = _latencies_and_errors(calls, slot)
    results = _results(calls, slot)
    results["failed_probes"] = _look_by_probes(slot, found, kinds)
    looked = Looked(slot, frozenset(kinds), tuple(found))
    main = results["routes"].get(MAIN_ROUTE, {}).get("ok")
    with transaction.atomic():
        _, is_new = OperationsCheck.objects.get_or_create(
            slot=slot,
            defaults={
                "calls": results["calls"],
                "queue_lag_s": results["queue_lag_s"],
                "p95_ms": main["p95"]["ms"] if main else None,
                "results": results,
            },
        )
        if is_new:
            record(looked)
    return is_new


Minutes = dict[datetime, dict[Series, Any]]


def _latencies_and_errors(calls: Minutes, slot: datetime) -> tuple[list[Reading], set[RuleKind]]:
    window = {at: series for at, series in calls.items() if at >= slot - WINDOW}
    routes = sorted({route for series in calls.values() for route, kind in series if kind == OK})
    judged = [route for route in routes if route not in readings.NOT_JUDGED]
    tests = len(judged) + 1
    rules = limits_in_force()
    found = [
        readings.latency(
            route,
            [series[route, OK].buckets for series in window.values() if (route, OK) in series],
            tests=tests,
            rule=rules[RuleKind.LATENCY],
        )
        for route in judged
    ]
    counts: dict[str, int] = {}
    for at, series in calls.items():
        if at >= slot - ERROR_WINDOW:
            for (_, kind), one in series.items():
                counts[kind] = counts.get(kind, 0) + one.count
    found.append(readings.errors(counts, tests=tests, rule=rules[RuleKind.ERRORS]))
    return found, {RuleKind.LATENCY, RuleKind.ERRORS}


def _look_by_probes(slot: datetime, found: list[Reading], kinds: set[RuleKind]) -> list[str]:
    """Adds what the probes that are due read; returns the names of those that failed.

    A kind is spoken for only when all its probes were read: the alerts of one that is not due or failed would
    otherwise have lost their subject, and clear.
    """
    last = OperationsCheck.objects.order_by("-slot").values_list("slot", flat=True).first()
    failed = []
    unread: set[RuleKind] = set()
    for name, probe in probes.items():
        if not _is_due(probe, last, slot):
            unread |= probe.kinds
            continue
        try:
            read = list(probe.read(slot))
        except Exception as error:
            logger.exception("operations.probe_failed", probe=name, error=type(error).__name__)
            failed.append(name)
            unread |= probe.kinds
        else:
            found += read
            kinds |= probe.kinds
    kinds -= unread
    found[:] = [one for one in found if one.kind in kinds]
    return failed


def _is_due(probe: Probe, last: datetime | None, slot: datetime) -> bool:
    """Whether a new stretch of the probe's length has begun since the last look."""
    if last is None or last >= slot:
        return True
    seconds = 60 * probe.every_minutes
    return int(last.timestamp()) // seconds != int(slot.timestamp()) // seconds


def _results(calls: Minutes, slot: datetime) -> dict[str, Any]:
    """What the page of one look shows, as JSON: calls by route and kind, models, queues."""
    routes: dict[str, dict[str, Any]] = {}
    total = 0
    for (route, kind), one in calls_between(slot - WINDOW, slot).items():
        routes.setdefault(route, {"kinds": {}})["kinds"][kind] = one.count
        total += one.count
        if kind == OK:
            routes[route]["ok"] = summary(one.buckets)
    queues = backlogs(slot)
    return {
        "calls": total,
        "per_second": total / WINDOW.total_seconds(),
        "routes": routes,
        "errors": {
            kind: sum(one["kinds"].get(kind, 0) for one in routes.values())
            for kind in {kind for one in routes.values() for kind in one["kinds"]}
            if kind not in {OK, "refused"}
        },
        "no_model": sum(one["kinds"].get(NO_MODEL, 0) for one in routes.values()),
        "models": [
            {"version": one.version, "role": one.role, "cut": one.cut, **summary(one.buckets)}
            for one in model_times(slot - WINDOW, slot)
        ],
        "queue_lag_s": max((one.oldest_due_seconds for one in queues), default=0.0),
        "queues": [
            {
                "kind": one.kind,
                "queued": one.queued,
                "running": one.running,
                "oldest_due_s": one.oldest_due_seconds,
            }
            for one in queues
            if one.queued or one.running
        ],
    }


def summary(buckets: Buckets) -> dict[str, Any]:
    """p50, p95 and p99 in ms with their intervals, and n; ready for JSON."""
    found: dict[str, Any] = {"n": sum(buckets.values())}
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        found[name] = _written(quantile(merged([buckets]), share))
    return found


def _written(one: Quantile | None) -> dict[str, float | None] | None:
    return None if one is None else {"ms": one.ms, "low": one.low, "high": one.high}
