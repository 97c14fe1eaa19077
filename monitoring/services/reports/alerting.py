"""The section about alerts: what stands, and what came and went in the week."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q
from django.urls import reverse

from leadscoring.common.text import line
from monitoring.contracts import AlertLevel, AlertState
from monitoring.models import Alert, StoredReading
from monitoring.services.reports.contents import NOT_MEASURED, Section, Table, Week, counted, decimal

ROWS_SHOWN = 8
TITLE = "Alerts"


def alerts(week: Week, as_of: datetime) -> Section:
    """Alerts open at the moment of the report, worst first; a critical one leads the subject."""
    then = Alert.objects.filter(onset__lte=as_of)
    standing = then.filter(Q(closed_at__isnull=True) | Q(closed_at__gt=as_of))
    rows = list(standing.select_related("owner").order_by("-level_rank", "onset", "id"))
    held = sum(row.state == AlertState.HELD.value for row in rows)
    came = then.filter(onset__gte=week.start, onset__lt=week.end).count()
    ended = then.filter(closed_at__gte=week.start, closed_at__lt=week.end).count()
    if not rows and not came and not StoredReading.objects.filter(at__gte=week.start).exists():
        return Section(TITLE, f"No check has looked since {week.start:%-d %b}: {NOT_MEASURED}.")
    critical = [row for row in rows if row.level == AlertLevel.CRITICAL.value]
    says = f"{counted(came, 'alert')} came up in this week and {ended:,} ended in it. "
    says += f"{_stand(len(rows))}: {line(rows[0].title, 150)}" if rows else "None stands now."
    notes = (f"{held:,} of them closed by a person while the condition lasts.",) if held else ()
    return Section(
        TITLE,
        says,
        headline=_headline(len(rows), len(critical)),
        urgent=bool(critical),
        tables=_tables(rows),
        notes=notes,
        facts={"standing": len(rows), "critical": len(critical), "came": came, "ended": ended},
        link=reverse("admin:monitoring_alert_changelist"),
    )


def _headline(standing: int, critical: int) -> str:
    if not standing:
        return ""
    return f"{counted(standing, 'alert')} open" + (f", {critical} critical" if critical else "")


def _stand(n: int) -> str:
    return "One stands now" if n == 1 else f"{n:,} stand now, the worst"


def _tables(rows: list[Alert]) -> tuple[Table, ...]:
    if not rows:
        return ()
    shown = [
        (
            line(row.title, 150),
            row.level,
            f"{row.onset:%-d %b}",
            f"{row.n:,}",
            "–" if row.p is None else ("< .001" if row.p < 0.001 else decimal(row.p)),
            str(row.owner) if row.owner else "nobody",
        )
        for row in rows[:ROWS_SHOWN]
    ]
    if len(rows) > ROWS_SHOWN:
        shown.append((f"and {len(rows) - ROWS_SHOWN:,} more", "", "", "", "", ""))
    return (Table(("Open alerts", "Level", "Since", "n", "p", "Owner"), tuple(shown)),)
