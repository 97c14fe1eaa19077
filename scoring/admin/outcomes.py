"""Outcomes: what became of leads, as reported. A correction comes by API or import; the older row stays."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import DayRangeFilter, choice_filter
from leadscoring.common.admin.words import NOTHING, link, moment, state_badge
from scoring.admin.lead_search import OfLeadsPage
from scoring.admin.lead_words import reporter_words
from scoring.models import Outcome


@admin.register(Outcome)
class OutcomeAdmin(OfLeadsPage[Outcome]):
    """Newest report first."""

    list_display = (
        "recorded_shown",
        "lead_shown",
        "kind_shown",
        "occurred_shown",
        "revenue_shown",
        "is_current",
    )
    list_select_related = ("lead",)
    list_filter = (
        choice_filter("outcome", "kind", (("converted", "converted"), ("lost", "lost"))),
        ("recorded_at", DayRangeFilter),
    )
    newest = "recorded_at"
    empty_words = "Outcomes come by import, by the API or from a CRM. None was reported yet."
    fields = (
        "lead_shown",
        "kind_shown",
        "occurred_shown",
        "revenue_shown",
        "is_current",
        "recorded_shown",
        "reporter_shown",
    )
    readonly_fields = (
        "lead_shown",
        "kind_shown",
        "occurred_shown",
        "revenue_shown",
        "recorded_shown",
        "reporter_shown",
    )

    @admin.display(description="Reported", ordering="recorded_at")
    def recorded_shown(self, row: Outcome) -> str:
        return moment(row.recorded_at)

    @admin.display(description="Lead")
    def lead_shown(self, row: Outcome) -> SafeString:
        return link("scoring_lead", row.lead_id, row.lead.external_id)

    @admin.display(description="Outcome", ordering="kind")
    def kind_shown(self, row: Outcome) -> SafeString:
        return state_badge(row.kind)

    @admin.display(description="Happened", ordering="occurred_at")
    def occurred_shown(self, row: Outcome) -> str:
        return moment(row.occurred_at)

    @admin.display(description="Reported by")
    def reporter_shown(self, row: Outcome) -> str:
        return reporter_words(row.reported_by) or NOTHING

    @admin.display(description="Revenue", ordering="revenue")
    def revenue_shown(self, row: Outcome) -> str:
        return NOTHING if row.revenue is None else f"{row.revenue:,.2f} {row.currency}".strip()
