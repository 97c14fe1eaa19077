"""Reading leads."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from scoring.contracts import LeadNotFound
from scoring.models import Lead, Outcome, ScoreOverride


def get_lead(*, source_system: str, external_id: str) -> Lead:
    """The lead with this id in this source system; for a merged lead the one that stands for it.

    Raises:
        LeadNotFound: there is none.
    """
    try:
        lead = Lead.objects.select_related("scored_by", "merged_into__scored_by").get(
            source_system=source_system, external_id=external_id
        )
    except Lead.DoesNotExist as error:
        raise LeadNotFound(f"No lead {external_id!r} is known in {source_system!r}.") from error
    return lead.merged_into or lead


def merged_warning(asked_id: str, lead: Lead) -> dict[str, str]:
    """What an answer says to a caller who asked for a lead that was merged into `lead`."""
    return {
        "feature": "",
        "code": "merged_into",
        "value": lead.external_id,
        "message": f"Lead {asked_id} was merged into {lead.external_id} ({lead.source_system}), which answers for it",
    }


def current_override(lead_id: UUID, *, as_of: datetime) -> ScoreOverride | None:
    """The override that holds at a moment. One past its end does not, whether or not the sweep has closed it."""
    return ScoreOverride.objects.filter(lead_id=lead_id, ended_at__isnull=True, expires_at__gt=as_of).first()


def current_outcome(lead: Lead) -> Outcome | None:
    """What became of the lead, as last reported."""
    return Outcome.objects.filter(lead=lead, is_current=True).first()


def awaiting_score() -> QuerySet[Lead]:
    """Leads that arrived while nothing was released, oldest first."""
    return Lead.objects.filter(awaiting_score=True, merged_into__isnull=True).order_by("first_seen", "id")
