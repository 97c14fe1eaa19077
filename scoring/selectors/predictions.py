"""Reading predictions."""

from __future__ import annotations

from django.db.models import QuerySet

from scoring.models import Lead, Prediction


def history(lead: Lead) -> QuerySet[Prediction]:
    """Every score of a lead, newest first."""
    return Prediction.objects.filter(lead=lead).select_related("version").order_by("-scored_at", "-id")
