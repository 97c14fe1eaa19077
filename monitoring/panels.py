"""Panels of the dashboard: what is wrong now, how the model does, how the service runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from leadscoring.common.admin.words import duration, estimate_words, moment, state_badge
from monitoring.contracts import AlertState
from monitoring.models import Alert, AlertRule
from monitoring.selectors.operations import latest_check
from monitoring.selectors.performance import newest_check, stands_out

Person = User | AnonymousUser

MOST_SHOWN = 6
LATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Panel:
    """One box: who may see it, how it is drawn, and what fills it (None: nothing to show)."""

    name: str
    permission: str
    template: str
    fill: Callable[[Person, datetime], Mapping[str, Any] | None]
    wide: bool = False


def alerts(user: Person, as_of: datetime) -> Mapping[str, Any] | None:
    """Open alerts, the most serious first; those that somebody snoozed are counted only."""
    rows = Alert.objects.filter(state=AlertState.OPEN.value)
    snoozed = rows.filter(snoozed_until__gt=as_of).count()
    loud = rows.exclude(snoozed_until__gt=as_of).select_related("owner")
    shown = list(loud.order_by("-level_rank", "-onset", "-pk")[:MOST_SHOWN])
    more = loud.count() - len(shown) if len(shown) == MOST_SHOWN else 0
    judged = AlertRule.objects.filter(judged_at__isnull=False).order_by("-judged_at").first()
    return {
        "alerts": [(row, state_badge(row.level)) for row in shown],
        "more": more,
        "snoozed": snoozed,
        "judged_at": judged.judged_at if judged else None,
    }


def operations(user: Person, as_of: datetime) -> Mapping[str, Any] | None:
    """What the last look at the service saw; nothing before the first."""
    check = latest_check()
    if check is None:
        return None
    failed = sum(check.results.get("errors", {}).values())
    main = (check.results.get("routes", {}).get("score-lead") or {}).get("ok") or {}
    behind = as_of - check.slot
    return {
        "looked": moment(check.slot),
        "behind": duration(behind) if behind > LATE else "",
        "facts": [
            ("Calls", f"{check.calls:,} ({check.results.get('per_second', 0.0):.2f} a second)"),
            (
                "p95 of score-lead",
                f"{check.p95_ms:,.0f} ms (n = {main.get('n', 0):,}, target: under 200 ms)"
                if check.p95_ms is not None
                else "no answers",
            ),
            ("Failed calls", f"{failed:,} of {check.calls:,}"),
            ("Oldest due work", duration(timedelta(seconds=check.queue_lag_s))),
        ],
    }


def performance(user: Person, as_of: datetime) -> Mapping[str, Any] | None:
    """The newest check of the version that serves; nothing before the first one."""
    check = newest_check()
    if check is None:
        return None
    auc = check.results.get("metrics", {}).get("roc_auc")
    return {
        "check": check,
        "auc": estimate_words(auc) if auc else "",
        "auc_value": f"{auc['value']:.3f}" if auc else "",
        "test_auc": estimate_words(check.results.get("test_auc")),
        "stands_out": stands_out(check),
        "estimate": estimate_words(check.results.get("estimate", {}).get("roc_auc")),
    }


PANELS: tuple[Panel, ...] = (
    Panel("alerts", "monitoring.view_alert", "monitoring/panels/alerts.html", alerts),
    Panel(
        "performance", "monitoring.view_performancecheck", "monitoring/panels/performance.html", performance
    ),
    Panel("operations", "monitoring.view_operationscheck", "monitoring/panels/operations.html", operations),
)
