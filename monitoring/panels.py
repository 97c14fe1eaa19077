"""Panels of the dashboard that the watch brings along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from leadscoring.common.admin.words import duration, moment
from monitoring.selectors.operations import latest_check

Person = User | AnonymousUser
LATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Panel:
    """One box: who may see it, how it is drawn, and what fills it (None: nothing to show)."""

    name: str
    permission: str
    template: str
    fill: Callable[[Person, datetime], Mapping[str, Any] | None]
    wide: bool = False


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


PANELS: tuple[Panel, ...] = (
    Panel("operations", "monitoring.view_operationscheck", "monitoring/panels/operations.html", operations),
)
