"""Finding leads by what people know them by."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from scoring.ml.search_words import asked
from scoring.models import Lead, LeadSearch

# A list shows this many of what a search finds; whoever finds more types another letter.
MOST_LISTED = 2000


def search_leads(rows: QuerySet[Lead], text: str, *, most: int | None = None) -> QuerySet[Lead]:
    """Those of `rows` whose external id starts with the text or, where no id does, whose id, owner or naming
    columns hold words that begin as the words of the text do; of at most `most` that are found, if given."""
    term = text.replace("\x00", "").strip()
    if not term:
        return rows
    by_id = Lead.objects.filter(external_id__startswith=term).order_by().values("pk")
    if not by_id.exists():
        begun = asked(term)
        if not begun:
            return rows.none()
        by_id = LeadSearch.objects.filter(words__has_words=begun).order_by().values("lead_id")
    # By key: else PostgreSQL may walk the whole index by score to find the few that match.
    return rows.filter(pk__in=by_id if most is None else keys_of(by_id, most))


def keys_of(found: QuerySet[Any], most: int) -> list[Any]:
    """The first `most` keys of a query for one column of keys."""
    return [next(iter(row.values())) for row in found[:most]]


def is_broad(text: str) -> bool:
    """Whether a search finds more leads than a list shows."""
    found = search_leads(Lead.objects.order_by(), text)
    return found.values("pk")[MOST_LISTED : MOST_LISTED + 1].exists()


def of_leads(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Those of `rows` (with a `lead`) whose lead a search finds; of at most `MOST_LISTED` leads."""
    found = search_leads(Lead.objects.order_by(), text, most=MOST_LISTED)
    return rows.filter(lead_id__in=keys_of(found.values("pk"), MOST_LISTED))
