"""Reading saved views."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from scoring.models import SavedView


def views_for(user_id: int | None) -> QuerySet[SavedView]:
    """A person's own views and those shown to everybody, by name."""
    return SavedView.objects.filter(Q(owner_id=user_id) | Q(is_shared=True)).select_related("owner")
