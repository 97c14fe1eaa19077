"""`leads/{external_id}` and `leads/{external_id}/scores`.

An external id may hold slashes, and servers hand on the path with its percent signs already decoded, so that
`leads/a/scores` may mean the scores of `a` or the lead `a/scores`. The shorter id wins when there is such a
lead; the trailing slash that every path may carry is settled the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from scoring.api import answers, docs
from scoring.api.cursors import read_cursor, write_cursor
from scoring.api.reading import CONTROL, read_limit
from scoring.api.views.base import ApiView, answer_json
from scoring.contracts import LeadNotFound
from scoring.models import Lead
from scoring.selectors.leads import current_outcome, current_override, get_lead, merged_warning
from scoring.selectors.predictions import family, history
from scoring.services.keys import Scope
from scoring.services.leads import MAX_ID

PAGE, LARGEST_PAGE = 20, 100


@dataclass(frozen=True, slots=True)
class Found:
    """A lead, by which of the ids that an address may mean it was found, and whether that id was merged away."""

    lead: Lead
    asked_id: str
    warnings: list[dict[str, str]]


class LeadCall(ApiView):
    """A call about one lead of the key's source system."""

    def find(self, *external_ids: str) -> Found:
        """The lead with the first of these ids that is known; for a merged one the lead that stands for it."""
        refusal: LeadNotFound | None = None
        source = self.holder.source_system
        for external_id in external_ids:
            try:
                if len(external_id) > MAX_ID or CONTROL.search(external_id):
                    raise LeadNotFound(
                        f"No lead has the id {external_id[:80]!a}; "
                        f"ids have 1 to {MAX_ID} characters and no control characters."
                    )
                lead = get_lead(source_system=source, external_id=external_id)
            except LeadNotFound as error:
                refusal = refusal or error
            else:
                merged = (lead.external_id, lead.source_system) != (external_id, source)
                return Found(lead, external_id, [merged_warning(external_id, lead)] if merged else [])
        raise refusal or LeadNotFound("No lead id was given.")

    def answer_lead(self, found: Found) -> HttpResponse:
        """The lead with its outcome and its override."""
        override = current_override(found.lead.pk, as_of=timezone.now())
        return answer_json(answers.lead(found.lead, current_outcome(found.lead), override, found.warnings))


class LeadView(LeadCall):
    """A lead as it is known now."""

    scope = Scope.READ

    @docs.lead
    def get(self, request: Request, external_id: str, slash: str = "") -> HttpResponse:
        return self.answer_lead(self.find(external_id, *([external_id + slash] if slash else [])))


class ScoresView(LeadCall):
    """The scores of a lead and of those merged into it, newest first, a page at a time."""

    scope = Scope.READ

    query = ("limit", "cursor")

    @docs.scores
    def get(self, request: Request, external_id: str, slash: str = "") -> HttpResponse:
        limit = read_limit(self.parameters.get("limit"), default=PAGE, most=LARGEST_PAGE)
        after = read_cursor(self.parameters.get("cursor"))
        found = self.find(
            external_id, f"{external_id}/scores", *([f"{external_id}/scores/"] if slash else [])
        )
        if found.asked_id != external_id:
            return self.answer_lead(found)
        ids = family(found.lead)
        rows = history(ids)
        if after is not None:
            rows = after.older(rows)
        page = list(rows[: limit + 1])
        shown, more = page[:limit], len(page) > limit
        cursor = write_cursor(shown[-1].scored_at, shown[-1].pk) if more else None
        return answer_json(
            {
                "external_id": found.lead.external_id,
                "warnings": found.warnings,
                "results": [answers.prediction(row, ids[row.lead_id]) for row in shown],
                "next_cursor": cursor,
                "next": None if cursor is None else _next(external_id, limit, cursor),
            }
        )


def _next(external_id: str, limit: int, cursor: str) -> str:
    return f"/api/v1/leads/{quote(external_id, safe='')}/scores?limit={limit}&cursor={cursor}"
