"""Finding leads by what people know them by."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from scoring.ml.search_words import asked
from scoring.models import Lead, LeadSearch

FEW = 500


def search_leads(rows: QuerySet[Lead], text: str) -> QuerySet[Lead]:
    """Those of `rows` whose external id starts with the text or, where no id does, whose id, owner or naming
    columns hold words that begin as the words of the text do."""
    term = text.replace("\x00", "").strip()
    if not term:
        return rows
    by_id = Lead.objects.filter(external_id__startswith=term).order_by()
    narrowed = _few(rows, by_id, "pk")
    if narrowed is None:
        return rows.filter(external_id__startswith=term)
    if narrowed is not NOBODY:
        return narrowed
    begun = asked(term)
    if not begun:
        return rows.none()
    by_words = LeadSearch.objects.filter(words__has_words=begun).order_by()
    narrowed = _few(rows, by_words, "lead_id")
    if narrowed is None:
        return rows.filter(pk__in=by_words.values("lead_id"))
    return rows.none() if narrowed is NOBODY else narrowed


def of_leads(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Those of `rows` (with a `lead`) whose lead is found by the text, as :func:`search_leads` finds it. Where
    it finds more than a few, only those whose external id starts with it."""
    found = list(search_leads(Lead.objects.order_by(), text).values_list("pk", flat=True)[: FEW + 1])
    if len(found) > FEW:
        return rows.filter(lead__external_id__startswith=text)
    return rows.filter(lead_id__in=found)


NOBODY: Any = object()


def _few(rows: QuerySet[Lead], found: QuerySet[Any], key: str) -> Any:
    """`rows` narrowed to what was found, `NOBODY` when that is nothing, None when it is too much.

    By key: else PostgreSQL walks the whole index by score to find the few that match.
    """
    keys = list(found.values_list(key, flat=True)[: FEW + 1])
    if not keys:
        return NOBODY
    return rows.filter(pk__in=keys) if len(keys) <= FEW else None
