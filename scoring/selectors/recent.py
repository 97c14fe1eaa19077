"""The leads of the last weeks: those that scores are ranks among."""

from __future__ import annotations

from datetime import datetime, timedelta

from scoring.models import Lead

RECENT_DAYS = 90
MOST_LEADS = 5000


def recent_leads(as_of: datetime, *, days: int = RECENT_DAYS, limit: int = MOST_LEADS) -> list[Lead]:
    """The newest leads created in the `days` before `as_of`, newest first, with their id, attributes, date,
    score and grade. Leads without a date of creation are not among them: nobody can say how old they are."""
    rows = Lead.objects.filter(created__gt=as_of - timedelta(days=days), created__lte=as_of)
    return list(rows.order_by("-created").only("id", "attributes", "created", "score", "grade")[:limit])
