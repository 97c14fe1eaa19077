"""The check itself: one row for each version and kind of prediction, and one set of readings for the rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from leadscoring.common.jobs import Missed, run_slot
from monitoring.contracts import Looked, Reading
from monitoring.models import Exposure, PerformanceCheck
from monitoring.selectors.columns import DAY
from monitoring.selectors.known import KnownOutcomes, known_outcomes
from monitoring.selectors.scored import (
    WindowInForce,
    never_scored,
    scored_leads,
    sensitive_features,
    sources_since,
    versions_to_judge,
    windows_in_force,
)
from monitoring.services import readings as kept
from monitoring.services.performance.cohorts import Cohorts, cohorts
from monitoring.services.performance.readings import KINDS, readings
from monitoring.services.performance.results import fair, measured
from scoring.ml.estimates import Estimate
from scoring.models import ModelVersion, Release
from scoring.services.maturity import estimate_windows

SPAN = timedelta(weeks=52)
"""How far back leads are judged, by creation: a year holds every season once."""
NO_SCORE = "never scored"
LONGEST_SECONDS = 3700.0
"""Longer than the time limit of the task."""
Progress = Callable[[str, float], None]


def check(
    *, as_of: datetime, version: int | None = None, progress: Progress | None = None
) -> list[PerformanceCheck]:
    """Judge every version that scored in the past year, or one of them by its number, as things were known at `as_of`.

    The version that served then also gives the readings that rules judge. Run again for the same moment it writes the
    same again. One version alone gives no readings: a check speaks for all subjects of its kinds.

    Raises:
        LookupError: no version has the number.
    """
    tell = progress or (lambda message, share: None)
    if version is not None and not ModelVersion.objects.filter(number=version).exists():
        raise LookupError(f"There is no version {version}.")
    since = as_of - SPAN
    tell("Reading outcomes", 0.02)
    judged = [
        one
        for one in versions_to_judge(since=since, as_of=as_of)
        if version is None or one[0].number == version
    ]
    windows = windows_in_force(sources_since(since=since, as_of=as_of))
    outcomes = known_outcomes(since=since, as_of=as_of)
    unscored = never_scored(windows, since=since, as_of=as_of)
    served = _served(as_of)
    rows: list[PerformanceCheck] = []
    speaks: tuple[PerformanceCheck, Cohorts, dict[str, str]] | None = None
    for place, (one, exposure) in enumerate(judged):
        tell(f"Version {one.number}, {exposure.label}", 0.1 + 0.85 * place / len(judged))
        row, found, labels = check_version(
            one, exposure, outcomes=outcomes, windows=windows, unscored=unscored, as_of=as_of
        )
        row.serves = one.pk == served and exposure is Exposure.SERVING
        if row.serves:
            speaks = (row, found, labels)
        rows.append(row)
    tell("Writing", 0.97)
    with transaction.atomic():
        stored = [_store(row) for row in rows]
        made: list[Reading] = []
        if speaks is not None:
            own = stored[rows.index(speaks[0])]
            made = _readings(*speaks, own.pk)
            own.results["said"] = [_said(one) for one in made]
            own.save(update_fields=["results"])
        if version is None:
            kept.record(Looked(as_of, KINDS, tuple(made)))
    tell("Done", 1.0)
    return stored


def check_daily(*, as_of: datetime) -> list[datetime]:
    """The check of the day, as of its beginning in UTC, made once however many workers are asked for it; days that
    nobody began are left out, since the next check says it all. Returns the slots that this call brought to an end."""
    return run_slot(
        job="monitoring.check_performance",
        every=timedelta(days=1),
        as_of=as_of,
        work=_check_slot,
        missed=Missed.SKIP,
        lease_seconds=LONGEST_SECONDS,
    )


def _check_slot(slot: datetime) -> None:
    estimate_windows(as_of=slot)
    check(as_of=slot)


def check_version(
    version: ModelVersion,
    exposure: Exposure,
    *,
    outcomes: KnownOutcomes,
    windows: dict[str, WindowInForce],
    unscored: int,
    as_of: datetime,
) -> tuple[PerformanceCheck, Cohorts, dict[str, str]]:
    """One version's row, not saved, with the leads behind it and the labels of its sensitive features."""
    begin = perf_counter()
    features = sensitive_features(version)
    labels = {one.name: one.label for one in features}
    leads = scored_leads(version, exposure, since=as_of - SPAN, as_of=as_of, features=features)
    now = as_of.timestamp() / DAY
    windows = windows | windows_in_force([name for name in leads.sources if name not in windows])
    found = cohorts(leads, outcomes, windows, now=now)
    results: dict[str, Any] = measured(found)
    results["fairness"] = fair(found, labels)
    results["test_auc"] = version.metrics.get("roc_auc")
    results["windows"] = {
        name: {"days": one.days, "by_hand": one.by_hand, "note": one.note}
        for name, one in sorted(windows.items())
        if name in leads.sources
    }
    results["outcomes"] = {
        "corrected": outcomes.corrected,
        "withdrawn": outcomes.withdrawn,
        "currency": outcomes.currency,
        "other_currency": outcomes.other_currency,
        NO_SCORE: unscored,
    }
    results["since"] = (as_of - SPAN).isoformat()
    row = PerformanceCheck(
        slot=as_of,
        version=version,
        role=exposure.value,
        ripe=len(found.y),
        conversions=int(found.y.sum()),
        waiting=len(found.waiting),
        results=results,
        took_ms=round((perf_counter() - begin) * 1000, 1),
    )
    return row, found, labels


def _readings(row: PerformanceCheck, found: Cohorts, labels: dict[str, str], pk: int) -> list[Reading]:
    return readings(
        found,
        number=row.version.number,
        test_auc=Estimate.of_version(row.results["test_auc"]),
        labels=labels,
        now=row.slot.timestamp() / DAY,
        link=reverse("admin:monitoring_performancecheck_change", args=[pk]),
    )


def _said(reading: Reading) -> dict[str, Any]:
    """A reading as the check's page repeats it."""
    return {
        "kind": reading.kind.value,
        "subject": reading.subject,
        "value": reading.value,
        "n": reading.n,
        "sure": reading.sure.value if reading.sure else "",
        "title": reading.story.title,
        "what": reading.story.what,
        "how_sure": reading.story.sure,
        "next_step": reading.story.next_step,
    }


def _store(row: PerformanceCheck) -> PerformanceCheck:
    stored, _ = PerformanceCheck.objects.update_or_create(
        slot=row.slot,
        version=row.version,
        role=row.role,
        defaults={
            name: getattr(row, name)
            for name in ("serves", "ripe", "conversions", "waiting", "results", "took_ms")
        },
    )
    return stored


def _served(as_of: datetime) -> int | None:
    """The version that served at the moment."""
    rows = Release.objects.filter(Q(closed_at__isnull=True) | Q(closed_at__gt=as_of), opened_at__lte=as_of)
    return rows.order_by("-opened_at").values_list("champion_id", flat=True).first()
