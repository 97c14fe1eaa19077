"""Reading leads."""

from __future__ import annotations

from django.db.models import QuerySet

from scoring.contracts import LeadNotFound
from scoring.models import Lead, Outcome


def get_lead(*, source_system: str, external_id: str) -> Lead:
    """The lead with this id in this source system.

    Raises:
        LeadNotFound: there is none.
    """
    try:
        return Lead.objects.select_related("scored_by").get(
            source_system=source_system, external_id=external_id
        )
    except Lead.DoesNotExist as error:
        raise LeadNotFound(f"No lead {external_id!r} is known in {source_system!r}.") from error


def current_outcome(lead: Lead) -> Outcome | None:
    """What became of the lead, as last reported."""
    return Outcome.objects.filter(lead=lead, is_current=True).first()


def awaiting_score() -> QuerySet[Lead]:
    """Leads that arrived while nothing was released, oldest first."""
    return Lead.objects.filter(awaiting_score=True).order_by("first_seen", "id")
