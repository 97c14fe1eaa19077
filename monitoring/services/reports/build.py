"""Preparing a report: count, write, keep. What was released is never written again."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from time import perf_counter

from django.db import transaction

from leadscoring.common.jobs import Missed, run_slot
from monitoring.models import Report, ReportKind, ReportState
from monitoring.services.reports import alerting, health, sections
from monitoring.services.reports.contents import Section, Week
from monitoring.services.reports.render import render
from monitoring.services.reports.sending import release

SECTIONS: tuple[tuple[str, Callable[[Week, datetime], Section]], ...] = (
    ("leads", sections.leads),
    ("grades", sections.grades),
    ("conversions", sections.conversions),
    ("ripe", sections.ripe),
    ("model", health.model),
    ("data", health.data),
    ("alerts", alerting.alerts),
)
WEEK = timedelta(days=7)


def prepare(week: Week, *, as_of: datetime) -> Report:
    """Write the report of a week from what is known at `as_of`; a prepared one is written anew, a released one is
    returned as it is."""
    begin = perf_counter()
    if found := Report.objects.filter(
        kind=ReportKind.WEEKLY, week=week.monday, state=ReportState.RELEASED
    ).first():
        return found
    parts = {name: section(week, as_of) for name, section in SECTIONS}
    told = render(week, list(parts.values()), as_of=as_of)
    fields = {
        "as_of": as_of,
        "subject": told.subject,
        "html": told.html,
        "text": told.text,
        "images": [
            {"cid": one.cid, "alt": one.alt, "png": base64.b64encode(one.png).decode()}
            for one in told.pictures
        ],
        "facts": {name: dict(part.facts) for name, part in parts.items()},
        "took_ms": round((perf_counter() - begin) * 1000, 1),
    }
    with transaction.atomic():
        report, made = Report.objects.get_or_create(kind=ReportKind.WEEKLY, week=week.monday, defaults=fields)
        if not made:
            # Of a rewriting and a release at the same moment, the release wins.
            Report.objects.filter(pk=report.pk, state=ReportState.PREPARED).update(**fields)
            report.refresh_from_db()
    return report


def send_weekly(*, as_of: datetime) -> list[datetime]:
    """Report the last full week and send it to every active stakeholder, once a week. A week that passed without
    anybody starting this is recorded as skipped: the next report stands beside it anyway."""

    def work(slot: datetime) -> None:
        report = prepare(Week.before(slot), as_of=max(as_of, slot))
        release(report, as_of=as_of, by=None, reason="Sent by schedule.")

    return run_slot(
        job="monitoring.send_weekly_report",
        every=WEEK,
        as_of=as_of,
        work=work,
        missed=Missed.SKIP,
        keep=timedelta(days=730),
        # Counting a million leads takes seconds, in which nobody else could write to SQLite.
        in_transaction=False,
    )
