"""Reading predictions."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q, QuerySet

from scoring.models import Lead, Prediction


def family(lead: Lead) -> dict[UUID, str]:
    """The keys and external ids of a lead and of all leads it stands for, itself first."""
    merged = Lead.objects.filter(merged_into=lead).order_by("pk")
    return {lead.pk: lead.external_id, **dict(merged.values_list("pk", "external_id"))}


def history(lead_ids: Collection[UUID]) -> QuerySet[Prediction]:
    """Every score of these leads, newest first. The reference profile is left out: it is large and never shown."""
    # One key walks the index; a list of one would sort.
    mine = Q(lead_id=next(iter(lead_ids))) if len(lead_ids) == 1 else Q(lead_id__in=list(lead_ids))
    rows = Prediction.objects.filter(mine).select_related("version").defer("version__reference_profile")
    return rows.order_by("-scored_at", "-id")
