"""Reading what happened to a lead, newest first, together with the leads merged into it.

Bounded everywhere: a lead with thousands of scores opens like one with ten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from scoring.contracts import Role
from scoring.models import (
    Lead,
    LeadEvent,
    LeadMerge,
    MergeProposal,
    ModelVersion,
    Outcome,
    Prediction,
    ScoreOverride,
)

POINTS = 200
MEMBERS = 20
MOST_OUTCOMES = 500
OVERRIDES_SHOWN = 20
EVENTS_READ = 60


@dataclass(frozen=True, slots=True)
class Point:
    """One score of a lead, without its reasons."""

    prediction_id: UUID
    lead_id: UUID
    at: datetime
    score: int
    grade: str
    cause: str
    version: int
    probability: float


def _mine(ids: Sequence[UUID]) -> Q:
    # One key walks the index; a list of one would sort.
    return Q(lead_id=ids[0]) if len(ids) == 1 else Q(lead_id__in=ids)


def points(ids: Sequence[UUID], *, before: datetime | None = None, limit: int = POINTS) -> list[Point]:
    """The newest scores of these leads; shadow versions never speak for a lead."""
    rows = Prediction.objects.filter(_mine(ids)).exclude(role=Role.SHADOW.value)
    if before is not None:
        rows = rows.filter(scored_at__lt=before)
    fields = ("pk", "lead_id", "scored_at", "score", "grade", "cause", "version__number", "probability")
    return [Point(*row) for row in rows.order_by("-scored_at", "-id").values_list(*fields)[:limit]]


def point_at(lead_id: UUID, at: datetime) -> Point | None:
    """The score that a lead had at a moment."""
    found = points([lead_id], before=at + timedelta(microseconds=1), limit=1)
    return found[0] if found else None


def newest_two(lead_id: UUID) -> list[Prediction]:
    """The last two scores with all they say. The reference profile is left out: it is large and rarely asked for."""
    rows = Prediction.objects.filter(lead_id=lead_id).exclude(role=Role.SHADOW.value)
    return list(
        rows.select_related("version__feature_set", "release")
        .defer("version__reference_profile")
        .order_by("-scored_at", "-id")[:2]
    )


def events(
    ids: Sequence[UUID], *, before: datetime | None = None, limit: int = EVENTS_READ
) -> list[LeadEvent]:
    """Changes of these leads, newest first."""
    rows = LeadEvent.objects.filter(_mine(ids))
    if before is not None:
        rows = rows.filter(happened_at__lt=before)
    return list(rows.order_by("-happened_at", "-id")[:limit])


def outcomes(ids: Sequence[UUID]) -> list[Outcome]:
    """What was reported about these leads, the current one of the first lead in front, then newest first."""
    rows = Outcome.objects.filter(_mine(ids)).order_by("-recorded_at", "-id")[:MOST_OUTCOMES]
    return sorted(rows, key=lambda row: not (row.is_current and row.lead_id == ids[0]))


def last_overrides(lead_id: UUID) -> list[ScoreOverride]:
    """The newest overrides of a lead, the one that holds among them."""
    return list(ScoreOverride.objects.filter(lead_id=lead_id).order_by("-set_at", "-id")[:OVERRIDES_SHOWN])


def standing_merges(lead: Lead) -> list[LeadMerge]:
    """The merges that stand: of all that were merged into this lead, however long the chain, oldest first; or, of a
    merged lead, its own."""
    rows = LeadMerge.objects.filter(undone_at__isnull=True).select_related("survivor", "merged", "merged_by")
    if lead.merged_into_id is not None:
        return list(rows.filter(merged=lead))
    return list(rows.filter(merged__merged_into=lead).order_by("merged_at", "pk")[:MEMBERS])


def open_proposals(lead_id: UUID) -> QuerySet[MergeProposal]:
    """Leads that may be the same as this one."""
    return (
        MergeProposal.objects.filter(Q(first_id=lead_id) | Q(second_id=lead_id), state="open")
        .select_related("first", "second")
        .order_by("-pk")
    )


def usually_missing(version_id: int) -> dict[str, float]:
    """Share of a version's reference leads without each feature, 0 to 1."""
    profile = ModelVersion.objects.values_list("reference_profile", flat=True).get(pk=version_id)
    features = profile.get("features", []) if isinstance(profile, Mapping) else []
    return {str(row["name"]): share for row in features if (share := _missing(row)) is not None}


def _missing(row: Mapping[str, Any]) -> float | None:
    # The last bin of every feature counts the missing values.
    counts = row["counts"]
    total = sum(counts)
    return float(counts[-1]) / total if total > 0 else None
