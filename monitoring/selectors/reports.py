"""Counting for reports: in the database, by week, never lead by lead except the revenue of one week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from monitoring.contracts import AlertLevel, RuleKind
from monitoring.models import StoredReading
from scoring.contracts import OutcomeKind
from scoring.models import Lead, MaturityWindow, Outcome
from scoring.selectors.readiness import training_policy

WEEK = timedelta(days=7)
MOST_REVENUES = 50_000


@dataclass(frozen=True, slots=True)
class LeadsOfWeek:
    """Leads of one week by source and grade; grade "" holds those without a score."""

    cells: Mapping[tuple[str, str], int]

    @property
    def came(self) -> int:
        return sum(self.cells.values())

    @property
    def scored(self) -> int:
        return sum(n for (_, grade), n in self.cells.items() if grade)

    def of_source(self, source: str) -> int:
        return sum(n for (name, _), n in self.cells.items() if name == source)

    def of_grade(self, grade: str) -> int:
        return sum(n for (_, given), n in self.cells.items() if given == grade)


@dataclass(frozen=True, slots=True)
class Conversions:
    """Conversions of one week: how many, and by currency how many had a revenue and its sum."""

    n: int
    revenue: Mapping[str, tuple[int, Decimal]]


@dataclass(frozen=True, slots=True)
class Ripened:
    """Leads whose maturity window ended within a stretch of time, and how many of them converted."""

    leads: int
    conversions: int


def leads_by_week(end: datetime, weeks: int) -> list[LeadsOfWeek]:
    """Leads that came in each of the weeks before `end`, oldest first: created at the source, else first seen.
    Merged ones are counted with the lead that stands for them."""
    found: list[dict[tuple[str, str], int]] = [{} for _ in range(weeks)]
    came = Coalesce("created", "first_seen")
    rows = (
        Lead.objects.annotate(came=came)
        .filter(came__gte=end - weeks * WEEK, came__lt=end, merged_into__isnull=True)
        .annotate(week=_week("came", end, weeks))
        .order_by()
        .values_list("week", "source_system", "grade")
        .annotate(n=Count("pk"))
    )
    for week, source, grade, n in rows:
        found[week][source, grade] = int(n)
    return [LeadsOfWeek(cells) for cells in found]


def conversions_by_week(end: datetime, weeks: int) -> list[Conversions]:
    """Conversions that happened in each of the weeks before `end`, oldest first; by the time of the report where
    nobody told when."""
    counts = [0] * weeks
    revenue: list[dict[str, tuple[int, Decimal]]] = [{} for _ in range(weeks)]
    rows = (
        _conversions(end - weeks * WEEK, end)
        .annotate(week=_week("at", end, weeks))
        .values_list("week", "currency")
        .annotate(n=Count("pk"), told=Count("revenue"), total=Sum("revenue"))
    )
    for week, currency, n, told, total in rows:
        counts[week] += int(n)
        if told:
            revenue[week][currency] = (int(told), total)
    return [Conversions(n, money) for n, money in zip(counts, revenue, strict=True)]


def revenues(end: datetime, currency: str) -> list[float]:
    """The revenue of each conversion of the week before `end` in one currency, at most 50,000."""
    rows = _conversions(end - WEEK, end).filter(currency=currency, revenue__isnull=False)
    return [
        float(value) for value in rows.values_list("revenue", flat=True)[:MOST_REVENUES] if value is not None
    ]


def _conversions(since: datetime, until: datetime) -> QuerySet[Outcome]:
    return (
        Outcome.objects.filter(is_current=True, kind=OutcomeKind.CONVERTED.value)
        .annotate(at=Coalesce("occurred_at", "recorded_at"))
        .filter(at__gte=since, at__lt=until)
        .order_by()
    )


def maturity_windows() -> tuple[dict[str, float], float]:
    """The window of each source that has one, and the horizon that holds for the others; in days."""
    horizon = float(training_policy().horizon_days)
    return {row.source_system: row.days or horizon for row in MaturityWindow.objects.all()}, horizon


def ripened(end: datetime, weeks: int) -> list[Ripened]:
    """Leads whose window ended in each of the weeks before `end`, oldest first. Leads without a date of creation
    never ripen by age and are not among them."""
    windows, horizon = maturity_windows()
    found = [[0, 0] for _ in range(weeks)]
    groups = [(Q(source_system=source), days) for source, days in windows.items()]
    groups.append((~Q(source_system__in=list(windows)), horizon))
    for mine, days in groups:
        until = end - timedelta(days=days)
        rows = (
            Lead.objects.filter(
                mine, created__gte=until - weeks * WEEK, created__lt=until, merged_into__isnull=True
            )
            .annotate(week=_week("created", until, weeks))
            .order_by()
            .values_list("week")
            .annotate(
                n=Count("pk"),
                hits=Count(
                    "pk", filter=Q(outcomes__is_current=True, outcomes__kind=OutcomeKind.CONVERTED.value)
                ),
            )
        )
        for week, n, hits in rows:
            found[week][0] += int(n)
            found[week][1] += int(hits)
    return [Ripened(n, hits) for n, hits in found]


def newest_readings(kinds: Sequence[RuleKind], since: datetime, until: datetime) -> list[StoredReading]:
    """Of each kind the readings of its newest check in a stretch of time, worst first."""
    found: list[StoredReading] = []
    for kind in kinds:
        rows = StoredReading.objects.filter(kind=kind.value, at__gte=since, at__lte=until)
        at = rows.order_by("-at").values_list("at", flat=True).first()
        if at is not None:
            found.extend(rows.filter(at=at).order_by("id"))
    ranks = {level.value: level.rank for level in AlertLevel}
    return sorted(found, key=lambda row: (-ranks.get(row.sure, -1), -(row.value or 0.0), row.subject))


def _week(field: str, end: datetime, weeks: int) -> Case:
    """Which of the weeks before `end` a moment lies in, 0 the oldest."""
    starts = [end - back * WEEK for back in range(weeks - 1, 0, -1)]
    whens = [When(**{f"{field}__lt": start}, then=Value(place)) for place, start in enumerate(starts)]
    return Case(*whens, default=Value(weeks - 1), output_field=IntegerField())
