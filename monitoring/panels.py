"""Panels of the dashboard: what is wrong now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from monitoring.contracts import AlertState
from monitoring.models import Alert, AlertRule

Person = User | AnonymousUser
MOST_SHOWN = 6


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
        "alerts": [(row, TONES[row.level]) for row in shown],
        "more": more,
        "snoozed": snoozed,
        "judged_at": judged.judged_at if judged else None,
    }


TONES = {"critical": "bad", "warning": "warn", "info": "info"}

PANELS: tuple[Panel, ...] = (
    Panel("alerts", "monitoring.view_alert", "monitoring/panels/alerts.html", alerts),
)
