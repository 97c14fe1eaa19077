"""Leads: which to call first, and why."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import F, Prefetch, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from leadscoring.common.admin.words import NOTHING, badge, chance, grade_badge, state_badge
from leadscoring.common.charts import HistoryPoint, PushBar, history_plot, pushes
from scoring.admin.attributes import attribute_rows
from scoring.admin.lead_filters import LEAD_FILTERS
from scoring.admin.lead_list import LeadListPage, searched_keys
from scoring.models import FeatureSet, Lead, ModelVersion, Outcome, Prediction
from scoring.selectors.lead_list import CAME, listed
from scoring.selectors.predictions import history
from scoring.selectors.search import MOST_LISTED
from scoring.services.search import index_leads, naming_columns

HISTORY_SHOWN = 50
MOST_SHOWN = 90


@admin.register(Lead)
class LeadAdmin(LeadListPage):
    """The best leads first; a page each with the score, the reasons and the history."""

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
    fieldsets = (("Owner and stage", {"fields": ("owner", "stage")}),)
    change_form_template = "scoring/admin/lead.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Lead | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lead]:
        current = Outcome.objects.filter(is_current=True)
        return listed().prefetch_related(Prefetch("outcomes", current, to_attr="current"))

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
        return grade_badge(lead.grade)

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

    def save_model(self, request: HttpRequest, obj: Lead, form: Any, change: bool) -> None:
        # Only what the form holds: the score columns may have moved since the page was opened.
        obj.updated_at = timezone.now()
        obj.save(update_fields=["owner", "stage", "updated_at"])
        index_leads([], [obj])

    def page_context(self, request: HttpRequest, row: Lead) -> dict[str, Any]:
        scorings = list(history(row)[:HISTORY_SHOWN])
        newest = scorings[0] if scorings else None
        version = newest.version if newest else None
        features = _features_for(version)
        warnings = newest.warnings if newest else []
        return {
            "prediction": newest,
            "grade_shown": grade_badge(row.grade),
            "push_chart": pushes(_pushes(newest)),
            "history_chart": history_plot(_points(scorings)),
            "chance": chance(newest.probability) if newest else NOTHING,
            "scorings": [(p, chance(p.probability)) for p in scorings],
            "scorings_cut": len(scorings) == HISTORY_SHOWN,
            "attributes": attribute_rows(row.attributes, features, warnings),
            "feature_set": features,
            "outcomes": row.outcomes.order_by("-is_current", "-recorded_at"),
            "sees_versions": request.user.has_perm("scoring.view_modelversion"),
        }


def _features_for(version: ModelVersion | None) -> FeatureSet | None:
    """The set the version read; before a first score the active one."""
    sets = FeatureSet.objects.prefetch_related("features")
    if version is not None:
        return sets.filter(pk=version.feature_set_id).first()
    return sets.filter(state="active").first()


def _pushes(prediction: Prediction | None) -> list[PushBar]:
    if prediction is None:
        return []
    bars = [PushBar(str(r["text"]), float(r["contribution"])) for r in prediction.reasons]
    return sorted(bars, key=lambda bar: -bar.push)


def _points(scorings: list[Prediction]) -> list[HistoryPoint]:
    return [HistoryPoint(p.scored_at, p.score, p.grade, f"version {p.version.number}") for p in scorings]
