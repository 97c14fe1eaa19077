"""A business of some weeks, for reports: leads, grades, conversions and what was measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from monitoring.contracts import RuleKind
from monitoring.models import Stakeholder, StoredReading
from scoring.models import Lead, Outcome
from tests.factories.evidence import some_metrics
from tests.factories.rows import a_lead, a_prediction, a_release, a_version, an_outcome

# A Tuesday; the week reported then begins on Monday, 25 May 2026.
AS_OF = datetime(2026, 6, 2, 6, 30, tzinfo=UTC)
MONDAY = datetime(2026, 5, 25, tzinfo=UTC)
WEEK = timedelta(days=7)


def leads_of_week(back: int, grades: str, *, source: str = "crm") -> list[Lead]:
    """A lead for each letter, created in the week `back` weeks before the reported one; "-" has no score."""
    created = MONDAY - back * WEEK + timedelta(hours=12)
    return [
        a_lead(
            f"{source}-{back}-{place}",
            source_system=source,
            created=created + timedelta(minutes=place),
            grade="" if grade == "-" else grade,
            score=None if grade == "-" else {"A": 80, "B": 60, "C": 30, "D": 10}[grade],
            scored_at=None if grade == "-" else created,
        )
        for place, grade in enumerate(grades)
    ]


def converted(lead: Lead, at: datetime, revenue: int | None = None, currency: str = "EUR") -> Outcome:
    """The lead converted at a time."""
    money = {} if revenue is None else {"revenue": Decimal(revenue), "currency": currency}
    return an_outcome(lead, occurred_at=at, recorded_at=at, **money)


def a_business() -> None:
    """Five weeks of leads, ripe ones of half a year ago, conversions, and a version that serves."""
    release = a_release(
        a_version(metrics=some_metrics(0.78), training_rows=1600), opened_at=MONDAY - 20 * WEEK
    )
    for back in range(1, 5):
        leads_of_week(back, "ABCD-")
    week = leads_of_week(0, "AAABCCDD-") + leads_of_week(0, "D", source="web")
    for place, lead in enumerate(week[:3]):
        converted(lead, MONDAY + timedelta(days=3), None if place == 2 else 100 * (place + 1))
    # Their window of 180 days ended in the reported week.
    old = leads_of_week(25, "AAAADDDD")
    for lead in old:
        a_prediction(lead, release, grade=lead.grade, score=lead.score, scored_at=lead.created)
    for lead in old[:3]:
        converted(lead, MONDAY - 10 * WEEK)


def a_reading(kind: RuleKind, subject: str = "all", **fields: Any) -> StoredReading:
    """Something measured on the day of the report."""
    found = {"at": AS_OF - timedelta(hours=2), "value": 0.01, "n": 500, "p": 0.4, **fields}
    return StoredReading.objects.create(kind=kind.value, subject=subject, **found)


def a_stakeholder(name: str = "Ada", **fields: Any) -> Stakeholder:
    """Somebody who gets reports."""
    email = (
        f"{''.join(letter for letter in name.lower() if letter.isascii() and letter.isalpha())}@example.com"
    )
    return Stakeholder.objects.create(**{"name": name, "email": email, **fields})
