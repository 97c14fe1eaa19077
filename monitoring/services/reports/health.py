"""The sections about the model and what it is fed: which version serves, whether it holds, what moved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse

from leadscoring.common.text import line
from monitoring.contracts import RULES, AlertLevel, RuleDefault, RuleKind
from monitoring.models import AlertRule, Exposure, PerformanceCheck, StoredReading
from monitoring.selectors.reports import newest_readings
from monitoring.services.reports.contents import (
    NBSP,
    NOT_MEASURED,
    Section,
    Table,
    Week,
    counted,
    decimal,
    sample,
)
from scoring.ml.estimates import Estimate
from scoring.models import Release
from scoring.selectors.versions import open_release

MODEL_KINDS = (
    RuleKind.RANKING,
    RuleKind.ESTIMATED_RANKING,
    RuleKind.CALIBRATION,
    RuleKind.GRADE_ORDER,
    RuleKind.FAIRNESS,
)
DATA_KINDS = (
    RuleKind.FEATURE_DRIFT,
    RuleKind.SCORE_DRIFT,
    RuleKind.SLOW_CHANGE,
    RuleKind.MISSING,
    RuleKind.UNSEEN,
    RuleKind.OUT_OF_RANGE,
    RuleKind.UNREADABLE,
    RuleKind.VOLUME,
)
NAMES: dict[str, RuleDefault] = {rule.kind.value: rule for rule in RULES}
ROWS_SHOWN = 8
SERIOUS = {AlertLevel.WARNING.value, AlertLevel.CRITICAL.value}


def model(week: Week, as_of: datetime) -> Section:
    """Which version serves since when, and whether it ranks as it did in its test."""
    release = open_release()
    if release is None:
        return Section(
            "Model",
            "No model serves: leads are kept and scored when one is released.",
            headline="no model serves",
            urgent=True,
        )
    rows = newest_readings(MODEL_KINDS, week.start, as_of)
    ranking = [row for row in rows if row.kind == RuleKind.RANKING.value]
    known = [row for row in ranking if row.value is not None]
    worse = [row for row in serious(rows) if row.kind != RuleKind.ESTIMATED_RANKING.value]
    test = _auc(release.champion.metrics)
    check = _check(release, week, as_of)
    found = _auc(check.results.get("metrics")) if check else None
    notes = [
        "ROC-AUC: the chance that a lead that converts is ranked above one that does not; .50 is guessing."
    ]
    if worse:
        first = worse[0]
        says = (
            f"The model does worse than it did in its test. {_words(first)}: {first.value:.3g} {_unit(first)} on "
            f"{counted(first.n, 'lead')}."
        )
        headline = f"the model does worse: {NAMES[first.kind].name.lower()}"
    elif known:
        largest = max(known, key=lambda row: row.n)
        says = (
            f"The model holds: on {counted(largest.n, 'ripe lead')} its ranking lies no further from its test than "
            "chance explains."
        )
        headline = "model holds"
        if found or test:
            headline += f" (AUC {_between(found)})" if found else f" (AUC {_between(test)} in its test)"
    else:
        says = f"Whether the model still holds is {NOT_MEASURED}: too few of its leads are ripe."
        headline = "model not measured yet"
    return Section(
        "Model",
        f"Version {release.champion.number} serves since {release.opened_at:%-d %b %Y}. {says}",
        headline=headline,
        urgent=bool(worse),
        tables=(_version_table(release, test, check), *_reading_tables("Measured on ripe leads", rows)),
        notes=tuple(notes),
        facts={
            "version": release.champion.number,
            "since": release.opened_at.isoformat(),
            "test_auc": test.to_json() if test else None,
            "auc": found.to_json() if found else None,
            "readings": _facts(rows),
        },
        link=reverse("admin:scoring_modelversion_change", args=(release.champion_id,)),
    )


def data(week: Week, as_of: datetime) -> Section:
    """Whether leads and their values are still like those the model learned from."""
    rows = newest_readings(DATA_KINDS, week.start, as_of)
    moved = serious(rows)
    known = [row for row in rows if row.value is not None]
    if not known:
        return Section(
            "Drift and data quality",
            f"Whether leads are still like those the model learned from is {NOT_MEASURED}.",
        )
    if moved:
        critical = sum(row.sure == AlertLevel.CRITICAL.value for row in moved)
        says = f"{len(moved):,} of {counted(len(known), 'measurement')} lie beyond their limit, and not by chance"
        says += f"; {critical} of them far." if critical else "."
        headline = counted(len(moved), "shift in the data", "shifts in the data")
    else:
        says = (
            f"Nothing moved: {counted(len(known), 'measurement')}, none beyond its limit by more than chance."
        )
        headline = ""
    return Section(
        "Drift and data quality",
        says,
        headline=headline,
        tables=_reading_tables("What moved", moved),
        facts={"measured": len(known), "moved": len(moved), "readings": _facts(moved)},
    )


def serious(rows: Sequence[StoredReading]) -> list[StoredReading]:
    """Those beyond the limit from which their rule warns, and by more than chance at their sample size."""
    limits = dict(AlertRule.objects.filter(enabled=True).values_list("kind", "warning"))
    return [row for row in rows if row.sure in SERIOUS and _beyond(row.value, limits.get(row.kind))]


def _beyond(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value >= limit


def _version_table(release: Release, test: Estimate | None, check: PerformanceCheck | None) -> Table:
    version = release.champion
    trained = counted(version.training_rows, "lead") if version.training_rows else "not told"
    results = check.results if check else {}
    kind = str(version.estimator).replace("_", " ")
    return Table(
        ("Serving", ""),
        (
            ("Version", f"{version.number} ({line(kind, 40)})"),
            ("Trained on", trained),
            ("ROC-AUC in its test", _told(test, "not told")),
            ("ROC-AUC on its ripe leads", _told(_auc(results.get("metrics")), NOT_MEASURED)),
            ("Estimated for leads that wait", _told(_auc(results.get("estimate")), NOT_MEASURED)),
        ),
    )


def _reading_tables(title: str, rows: Sequence[StoredReading]) -> tuple[Table, ...]:
    if not rows:
        return ()
    head = (title, "Value", "n", "p", "Level")
    shown = [
        (
            _words(row),
            NOT_MEASURED if row.value is None else f"{row.value:.3g} {_unit(row)}".replace("-", "−"),
            f"{row.n:,}",
            "–" if row.p is None else ("< .001" if row.p < 0.001 else decimal(row.p)),
            row.sure or ("too few leads" if row.value is None else "within chance"),
        )
        for row in rows[:ROWS_SHOWN]
    ]
    left = len(rows) - ROWS_SHOWN
    if left > 0:
        shown.append((f"and {left:,} more", "", "", "", ""))
    return (Table(head, tuple(shown)),)


def _words(row: StoredReading) -> str:
    """What was measured, of what: a rule's name says what is wrong, which it need not be."""
    meaning = NAMES[row.kind].meaning if row.kind in NAMES else row.kind
    subject = line(row.subject.replace("=", " ").replace("/", ", "), 80)
    return f"{meaning[:1].upper()}{meaning[1:]} ({subject})"


def _unit(row: StoredReading) -> str:
    return NAMES[row.kind].unit if row.kind in NAMES else ""


def _facts(rows: Sequence[StoredReading]) -> list[dict[str, Any]]:
    return [
        {
            "kind": row.kind,
            "subject": row.subject,
            "value": row.value,
            "n": row.n,
            "p": row.p,
            "sure": row.sure,
        }
        for row in rows
    ]


def _check(release: Release, week: Week, as_of: datetime) -> PerformanceCheck | None:
    """The newest check of the version that serves, of the week reported or later."""
    return (
        PerformanceCheck.objects.filter(
            version=release.champion, role=Exposure.SERVING, slot__gte=week.start, slot__lte=as_of
        )
        .order_by("-slot")
        .first()
    )


def _auc(metrics: object) -> Estimate | None:
    """The AUC among metrics as they are kept, where there is one that can be read."""
    return Estimate.of_version(metrics.get("roc_auc")) if isinstance(metrics, dict) else None


def _told(auc: Estimate | None, missing: str) -> str:
    return f"{_between(auc)} (95{NBSP}% interval, {sample(auc.n)})" if auc else missing


def _between(auc: Estimate | None) -> str:
    return "" if auc is None else f"{decimal(auc.value)}, {decimal(auc.low)}–{decimal(auc.high)}"
