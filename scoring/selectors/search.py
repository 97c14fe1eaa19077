"""Finding leads by what people know them by."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import DateTimeField, ExpressionWrapper, F, QuerySet, Value
from django.db.models.expressions import OrderBy

from scoring.ml.search_words import asked
from scoring.models import Lead, LeadSearch

# A list shows this many of what a search finds; whoever finds more types another letter.
MOST_LISTED = 1000


def search_leads(rows: QuerySet[Lead], text: str) -> QuerySet[Lead]:
    """Those of `rows` whose external id starts with the text or, where no id does, whose id, owner or naming
    columns hold words that begin as the words of the text do. All of them, however many."""
    found = _keys(text)
    return rows if found is None else rows.filter(pk__in=found)


def matching_keys(text: str, most: int) -> list[Any] | None:
    """The keys of at most `most` leads that a search finds; None where nothing is searched for.

    A list filters by these: else PostgreSQL may walk the whole index by score to find the few that match.
    """
    found = _keys(text)
    return None if found is None else [next(iter(row.values())) for row in found[:most]]


def newest_of_found(field: str) -> OrderBy:
    """Newest first by `field`, for rows whose leads a search found.

    As an expression that no index holds: else PostgreSQL may walk the whole index by date, past hundreds of
    thousands of other leads' rows, to find the few of these leads.
    """
    at = ExpressionWrapper(F(field) + Value(timedelta(0)), output_field=DateTimeField())
    return at.desc()


def _keys(text: str) -> Any:
    term = text.replace("\x00", "").strip()
    if not term:
        return None
    by_id = Lead.objects.filter(external_id__startswith=term).order_by().values("pk")
    if by_id.exists():
        return by_id
    begun = asked(term)
    if not begun:
        return Lead.objects.none().values("pk")
    return LeadSearch.objects.filter(words__has_words=begun).order_by().values("lead_id")
