"""Leads: which to call first, and why."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, F, OuterRef, Prefetch, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import choice_filter, once, text_filter
from leadscoring.common.admin.words import NOTHING, badge, grade_badge, moment, state_badge
from scoring.admin.lead_page import LeadPage
from scoring.contracts import Grade
from scoring.models import (
    ApiKey,
    ImportRun,
    Lead,
    MaturityWindow,
    Outcome,
    ScoreOverride,
)

FEW = 500
GRADES = tuple((g.value, g.value) for g in Grade)


class SourceFilter(SimpleListFilter):
    """Source systems as keys, imports and windows name them: reading them off the leads would scan all."""

    title = "source"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        named = (
            ApiKey.objects.order_by()
            .values_list("source_system")
            .union(
                ImportRun.objects.order_by().values_list("source_system"),
                MaturityWindow.objects.order_by().values_list("source_system"),
            )
        )
        return [(name, name) for name in sorted(once(row[0] for row in named))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lead]) -> QuerySet[Lead]:
        return queryset.filter(source_system=self.value()) if self.value() else queryset


class OutcomeFilter(SimpleListFilter):
    """What became of the lead, as last reported."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("converted", "converted"), ("lost", "lost"), ("open", "none yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lead]) -> QuerySet[Lead]:
        current = Outcome.objects.filter(lead=OuterRef("pk"), is_current=True)
        if self.value() in {"converted", "lost"}:
            return queryset.filter(Exists(current.filter(kind=self.value())))
        return queryset.exclude(Exists(current)) if self.value() == "open" else queryset


class WaitingFilter(SimpleListFilter):
    """Leads that arrived while no model served."""

    title = "score"
    parameter_name = "scored"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "scored"), ("waiting", "waiting for a model")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lead]) -> QuerySet[Lead]:
        if self.value() == "yes":
            return queryset.filter(score__isnull=False)
        return queryset.filter(awaiting_score=True) if self.value() == "waiting" else queryset


@admin.register(Lead)
class LeadAdmin(LeadPage):
    """The best leads first. The page of each is in `lead_page`."""

    list_display = (
        "external_id",
        "score_shown",
        "grade_shown",
        "owner",
        "stage",
        "source_system",
        "outcome_shown",
        "scored_shown",
    )
    list_filter = (
        choice_filter("grade", "grade", GRADES),
        OutcomeFilter,
        WaitingFilter,
        SourceFilter,
        text_filter("owner", "owner"),
        text_filter("stage", "stage"),
    )
    list_filter_submit = True
    ordering: ClassVar[Any] = [F("score").desc(nulls_last=True), "-id"]
    search_fields = ("external_id", "owner")
    search_help_text = "Start of an external id, or of an owner where no id starts so"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Lead | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lead]:
        current = Outcome.objects.filter(is_current=True)
        holding = ScoreOverride.objects.filter(ended_at__isnull=True, expires_at__gt=timezone.now())
        return (
            super()
            .get_queryset(request)
            .filter(merged_into__isnull=True)
            .prefetch_related(
                Prefetch("outcomes", current, to_attr="current"),
                Prefetch("overrides", holding, to_attr="holding"),
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.replace("\x00", "").strip()
        if not term:
            return queryset, False
        by_id = Lead.objects.filter(external_id__startswith=term).order_by()
        found = list(by_id.values_list("pk", flat=True)[: FEW + 1])
        if not found:
            return queryset.filter(owner__istartswith=term), False
        if len(found) > FEW:
            return queryset.filter(external_id__startswith=term), False
        # By key: else PostgreSQL walks the whole index by score to find the few that match.
        return queryset.filter(pk__in=found), False

    @admin.display(description="Score", ordering="score")
    def score_shown(self, lead: Lead) -> str | SafeString:
        if lead.score is None:
            return badge("waiting", "warn") if lead.awaiting_score else NOTHING
        return str(lead.score)

    @admin.display(description="Grade", ordering="grade")
    def grade_shown(self, lead: Lead) -> SafeString:
        holding: list[ScoreOverride] = getattr(lead, "holding", [])
        if not holding:
            return grade_badge(lead.grade)
        words = f"{holding[0].grade} by hand"
        return format_html("{} {}", grade_badge(lead.grade), badge(words, "warn"))

    @admin.display(description="Outcome")
    def outcome_shown(self, lead: Lead) -> str | SafeString:
        current: list[Outcome] = getattr(lead, "current", [])
        return state_badge(current[0].kind) if current else NOTHING

    @admin.display(description="Scored at", ordering="scored_at")
    def scored_shown(self, lead: Lead) -> str:
        return moment(lead.scored_at)
