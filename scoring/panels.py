"""Panels of the dashboard: what serves, which leads to call, what is under way and what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse

from leadscoring.common.admin.words import estimate_words, grade_badge, state_badge
from leadscoring.common.charts import Bar, shares
from leadscoring.common.claims import Work, WorkState
from scoring.ml.selection import NAMES
from scoring.models import (
    AdoptionRun,
    FeatureSet,
    IdentityScan,
    ImportRun,
    Lead,
    ModelVersion,
    Prediction,
    Release,
    RescoreRun,
    TrainingPolicy,
    TrainingRun,
)
from scoring.selectors.versions import open_release

Person = User | AnonymousUser
BEST_SHOWN = 8
FAILED_SHOWN = 3
# What may fail and is told of here, the newest of each.
WORK: tuple[type[Work], ...] = (ImportRun, TrainingRun, AdoptionRun, RescoreRun, IdentityScan)
NEW_DAYS = 7
# Counting stops here: past it the panel says "more than", and the page stays quick.
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Panel:
    """One box: who may see it, how it is drawn, and what fills it (None: nothing to show)."""

    name: str
    permission: str
    template: str
    fill: Callable[[Person, datetime], Mapping[str, Any] | None]
    wide: bool = False


def next_step(user: Person, as_of: datetime) -> Mapping[str, Any] | None:
    """What a new installation needs next; nothing once a model serves."""
    release = Release.objects.filter(is_open=True).exists()
    if release:
        return None
    version = ModelVersion.objects.filter(state="ready").order_by("-number").first()
    running = (
        TrainingRun.objects.filter(state__in=[WorkState.QUEUED, WorkState.RUNNING]).order_by("-id").first()
    )
    active = FeatureSet.objects.filter(state="active").first()
    draft = FeatureSet.objects.filter(state="draft").order_by("-number").first()
    has_leads = Lead.objects.exists()
    return {
        "step": _step(has_leads, active, draft, running, version),
        "version": version,
        "running": running,
        "draft": draft,
        "active": active,
    }


def _step(
    has_leads: bool,
    active: FeatureSet | None,
    draft: FeatureSet | None,
    running: TrainingRun | None,
    version: ModelVersion | None,
) -> str:
    if version is not None:
        return "release"
    if running is not None:
        return "wait"
    if active is not None and has_leads:
        return "train"
    return "activate" if draft is not None else "import"


def serving(user: Person, as_of: datetime) -> Mapping[str, Any] | None:
    """The open release: version, since when, by whom, why, and its test AUC with interval and n."""
    release = open_release()
    if release is None:
        return None
    return {
        "release": release,
        "version": release.champion,
        "estimator": NAMES.get(release.champion.estimator, release.champion.estimator),
        "auc": estimate_words(release.champion.metrics.get("roc_auc")),
        "readiness": (release.champion.report.get("readiness") or {}).get("messages") or [],
    }


def grades(user: Person, as_of: datetime) -> Mapping[str, Any] | None:
    """Grades given in the last 7 and 30 days by champions, from the newest scorings up to a bound."""
    windows = []
    for days in (7, 30):
        newest = (
            Prediction.objects.filter(scored_at__gt=as_of - timedelta(days=days), role="champion")
            .order_by("-scored_at")
            .values_list("grade", flat=True)[:MOST_COUNTED]
        )
        counts = Counter(newest)
        if counts:
            bars = [Bar(g, counts.get(g, 0), f"ls-tone-{g}") for g in "ABCD"]
            cut = counts.total() >= MOST_COUNTED
            title = f"Last {days} days" + (f", the newest {MOST_COUNTED:,} of more" if cut else "")
            windows.append((title, shares(bars, noun="scorings")))
    return {"windows": windows} if windows else None


def best_leads(user: Person, as_of: datetime) -> Mapping[str, Any] | None:
    """Leads first seen in the last week, best score first, still without an outcome."""
    rows = list(
        Lead.objects.filter(
            first_seen__gt=as_of - timedelta(days=NEW_DAYS), score__isnull=False, merged_into__isnull=True
        )
        .exclude(outcomes__is_current=True)
        .order_by("-score", "-first_seen")
        .only("pk", "external_id", "score", "grade", "owner", "stage", "source_system", "first_seen")[
            :BEST_SHOWN
        ]
    )
    if not rows:
        return None
    return {"leads": [(lead, grade_badge(lead.grade)) for lead in rows], "days": NEW_DAYS}


def training(user: Person, as_of: datetime) -> Mapping[str, Any] | None:
    """The newest training run and what the limits ask for."""
    run = TrainingRun.objects.select_related("version", "feature_set").order_by("-id").first()
    if run is None:
        return None
    return {
        "run": run,
        "state": state_badge(run.state),
        "version": getattr(run, "version", None),
        "policy": TrainingPolicy.objects.first() or TrainingPolicy(),
        "percent": round(run.progress * 100),
    }


def trouble(user: Person, as_of: datetime) -> Mapping[str, Any] | None:
    """Leads without a score and runs that failed in the last week."""
    waiting = (
        Lead.objects.filter(awaiting_score=True, merged_into__isnull=True)
        .order_by()
        .values("pk")[:MOST_COUNTED]
        .count()
    )
    failed = [run for kind in WORK for run in _failed(kind, user, as_of - timedelta(days=NEW_DAYS))]
    return {
        "waiting": waiting,
        "more": waiting >= MOST_COUNTED,
        "failed": [
            (run, reverse(f"admin:scoring_{run._meta.model_name}_change", args=(run.pk,))) for run in failed
        ],
        "calm": not (waiting or failed),
    }


def _failed(kind: type[Work], user: Person, since: datetime) -> list[Work]:
    if not user.has_perm(f"scoring.view_{kind._meta.model_name}"):
        return []
    rows = kind._default_manager.filter(state=WorkState.FAILED, created_at__gt=since).order_by("-created_at")
    return list(rows[:FAILED_SHOWN])


PANELS: tuple[Panel, ...] = (
    Panel("next_step", "scoring.view_modelversion", "scoring/panels/next_step.html", next_step, wide=True),
    Panel("serving", "scoring.view_modelversion", "scoring/panels/serving.html", serving),
    Panel("trouble", "scoring.view_importrun", "scoring/panels/trouble.html", trouble),
    Panel("best_leads", "scoring.view_lead", "scoring/panels/best_leads.html", best_leads, wide=True),
    Panel("grades", "scoring.view_prediction", "scoring/panels/grades.html", grades),
    Panel("training", "scoring.view_trainingrun", "scoring/panels/training.html", training),
)
