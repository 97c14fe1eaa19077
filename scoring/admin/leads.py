"""Leads: which to call first, and why."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import F, Prefetch, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from leadscoring.common.admin.words import NOTHING, badge, grade_badge, state_badge
from scoring.admin.lead_filters import LEAD_FILTERS
from scoring.admin.lead_list import LeadListPage
from scoring.admin.lead_page import LeadPage
from scoring.admin.lead_search import searched_keys
from scoring.models import Lead, Outcome, ScoreOverride
from scoring.selectors.lead_list import CAME, listed
from scoring.selectors.search import MOST_LISTED
from scoring.services.search import naming_columns

MOST_SHOWN = 90


@admin.register(Lead)
class LeadAdmin(LeadListPage, LeadPage):
    """The best leads first. The page of each is in `lead_page`."""

    list_display = (
        "lead_shown",
        "score_shown",
        "grade_shown",
        "owner_shown",
        "stage_shown",
        "outcome_shown",
        "created_shown",
        "scored_shown",
    )
    sortable_by = ("score_shown", "owner_shown", "created_shown", "scored_shown")
    list_filter = LEAD_FILTERS
    list_select_related = ("scored_by",)
    ordering: ClassVar[Any] = [F("score").desc(nulls_last=True), F("id").desc()]
    search_fields = ("external_id",)
    search_help_text = "Id, name, e-mail, phone, company or owner"
    empty_words = "Leads come by import, by the API or from a CRM. None is here yet."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Lead | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lead]:
        current = Outcome.objects.filter(is_current=True)
        holding = ScoreOverride.objects.filter(ended_at__isnull=True, expires_at__gt=timezone.now())
        return listed().prefetch_related(
            Prefetch("outcomes", current, to_attr="current"),
            Prefetch("overrides", holding, to_attr="holding"),
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        keys = searched_keys(request, search_term)
        return (queryset if keys is None else queryset.filter(pk__in=keys[:MOST_LISTED])), False

    def get_list_display(self, request: HttpRequest) -> Any:
        columns, _ = naming_columns()

        @admin.display(description="Lead")
        def lead_shown(lead: Lead) -> SafeString:
            named = [str(lead.attributes[name]) for name in columns if lead.attributes.get(name)]
            who = ", ".join(text for text in named if text != lead.external_id)
            return format_html('{}<span class="ls-sub ls-who">{}</span>', lead.external_id, who[:MOST_SHOWN])

        return [lead_shown if name == "lead_shown" else name for name in self.list_display]

    def lead_shown(self, lead: Lead) -> str:
        """Replaced for each request by `get_list_display`, which knows the naming columns."""
        return lead.external_id

    @admin.display(description="Score", ordering=F("score").desc(nulls_last=True))
    def score_shown(self, lead: Lead) -> str | SafeString:
        if lead.score is None:
            return badge("waiting", "warn") if lead.awaiting_score else NOTHING
        return format_html('<span class="ls-strong">{}</span>', lead.score)

    @admin.display(description="Grade")
    def grade_shown(self, lead: Lead) -> SafeString:
        holding: list[ScoreOverride] = getattr(lead, "holding", [])
        if not holding:
            return grade_badge(lead.grade)
        words = f"{holding[0].grade} by hand"
        return format_html("{} {}", grade_badge(lead.grade), badge(words, "warn"))

    @admin.display(description="Owner", ordering="owner")
    def owner_shown(self, lead: Lead) -> str:
        return lead.owner or NOTHING

    @admin.display(description="Stage, source")
    def stage_shown(self, lead: Lead) -> SafeString:
        return format_html('{}<span class="ls-sub">{}</span>', lead.stage or NOTHING, lead.source_system)

    @admin.display(description="Outcome")
    def outcome_shown(self, lead: Lead) -> str | SafeString:
        current: list[Outcome] = getattr(lead, "current", [])
        return state_badge(current[0].kind) if current else NOTHING

    @admin.display(description="Created", ordering=CAME)
    def created_shown(self, lead: Lead) -> str:
        return f"{lead.created or lead.first_seen:%d %b %Y}"

    @admin.display(description="Scored", ordering=F("scored_at").desc(nulls_last=True))
    def scored_shown(self, lead: Lead) -> str | SafeString:
        if lead.scored_at is None:
            return NOTHING
        by = f"by v{lead.scored_by.number}" if lead.scored_by else ""
        return format_html('{}<span class="ls-sub">{}</span>', f"{lead.scored_at:%d %b %Y}", by)
