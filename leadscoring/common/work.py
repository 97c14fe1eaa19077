"""How much work waits or failed, over every kind of work row; read by health, metrics and the watch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.db.models import Count, Min, Q
from django.db.models.functions import Coalesce

from leadscoring.common.claims import Work, WorkState


@dataclass(frozen=True, slots=True)
class Backlog:
    """One kind of work: how many rows wait or run, and for how long the oldest due one has waited
    (seconds)."""

    kind: str
    queued: int
    running: int
    oldest_due_seconds: float


def work_models() -> list[type[Work]]:
    """Every model that is work."""
    return [model for model in apps.get_models() if issubclass(model, Work)]


def backlogs(as_of: datetime) -> list[Backlog]:
    """One line for each kind of work. Due are rows whose time has come, and those of workers that fell
    silent."""
    found = []
    for model in work_models():
        due = Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=as_of)
        waiting = Q(state=WorkState.QUEUED) & due
        silent = Q(state=WorkState.RUNNING, lease_until__lt=as_of)
        rows = model._default_manager.filter(state__in=[WorkState.QUEUED, WorkState.RUNNING]).aggregate(
            queued=Count("pk", filter=Q(state=WorkState.QUEUED)),
            running=Count("pk", filter=Q(state=WorkState.RUNNING)),
            waiting_since=Min(Coalesce("next_attempt_at", "created_at"), filter=waiting),
            silent_since=Min("lease_until", filter=silent),
        )
        since = [rows[name] for name in ("waiting_since", "silent_since") if rows[name] is not None]
        age = max(((as_of - at).total_seconds() for at in since), default=0.0)
        found.append(Backlog(model._meta.model_name or "", rows["queued"], rows["running"], max(age, 0.0)))
    return found


def oldest_due_seconds(as_of: datetime) -> float:
    """For how long the oldest due work has waited, in seconds; 0 when none is due."""
    return max((backlog.oldest_due_seconds for backlog in backlogs(as_of)), default=0.0)


def failed_since(since: datetime, until: datetime) -> dict[str, int]:
    """How many rows of each kind failed from `since` to `until`; kinds without any are left out. Keys are what people
    call the kind."""
    found = {}
    for model in work_models():
        count = model._default_manager.filter(
            state=WorkState.FAILED, finished_at__gte=since, finished_at__lt=until
        ).count()
        if count:
            found[str(model._meta.verbose_name)] = count
    return found
