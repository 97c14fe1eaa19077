"""Panels of the dashboard: how the model does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from leadscoring.common.admin.words import estimate_words
from monitoring.selectors.performance import newest_check, stands_out

Person = User | AnonymousUser


@dataclass(frozen=True, slots=True)
class Panel:
    """One box: who may see it, how it is drawn, and what fills it (None: nothing to show)."""

    name: str
    permission: str
    template: str
    fill: Callable[[Person, datetime], Mapping[str, Any] | None]
    wide: bool = False


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
    Panel(
        "performance", "monitoring.view_performancecheck", "monitoring/panels/performance.html", performance
    ),
)
