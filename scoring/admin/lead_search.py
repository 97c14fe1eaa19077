"""Searching a list by its leads: what is found, and saying so when that is more than the list takes in."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from leadscoring.common.admin.base import ReadOnlyPage
from scoring.selectors.search import MOST_LISTED, matching_keys, newest_of_found

Row = TypeVar("Row", bound=Model)


def searched_keys(request: HttpRequest, text: str) -> list[Any] | None:
    """The leads that a list's search finds, one more than it takes in; None where nothing is searched for. Read
    once for the request."""
    known: dict[str, Any] = vars(request).setdefault("lead_keys", {})
    if text not in known:
        known[text] = matching_keys(text, MOST_LISTED + 1)
    keys: list[Any] | None = known[text]
    return keys


def breadth(request: HttpRequest, text: str) -> dict[str, Any]:
    """What `_broad_search.html` needs."""
    return {"broad": len(searched_keys(request, text) or ()) > MOST_LISTED, "most_listed": MOST_LISTED}


class OfLeadsPage(ReadOnlyPage[Row]):
    """Rows of leads (with a `lead`), newest first by `newest`, found by what people know their leads by."""

    newest: ClassVar[str]
    search_fields = ("lead__external_id",)
    search_help_text = "Id, name, e-mail, phone, company or owner of the lead"
    list_before_template = "scoring/admin/of_leads_head.html"

    def get_ordering(self, request: HttpRequest) -> Any:
        searched = request.GET.get("q", "").strip()
        return [newest_of_found(self.newest) if searched else f"-{self.newest}", "-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        keys = searched_keys(request, search_term)
        return (queryset if keys is None else queryset.filter(lead_id__in=keys[:MOST_LISTED])), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = breadth(request, request.GET.get("q", "").strip())
        return super().changelist_view(request, {**(extra_context or {}), **context})
