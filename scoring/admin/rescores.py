"""Rescorings: asked for in the lead list, watched and stopped here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from leadscoring.common.admin.base import choice_filter, count_column
from leadscoring.common.admin.work import CancelPage
from scoring.admin.imports import STATES
from scoring.admin.lead_list import in_words
from scoring.models import RescoreRun
from scoring.services.rescoring import cancel_rescore


@admin.register(RescoreRun)
class RescoreRunAdmin(CancelPage[RescoreRun]):
    """Newest first."""

    list_display = (
        "name_shown",
        "state_shown",
        count_column("leads_done", "Leads done"),
        count_column("leads_expected", "Of"),
        "created_shown",
        "reason",
    )
    list_filter = (choice_filter("state", "state", STATES),)
    search_fields = ("reason",)
    search_help_text = "Words of the reason"
    ordering: ClassVar[Any] = ["-id"]
    sortable_by = ("created_shown",)
    empty_words = "Choose leads in the list of leads and have them scored again; each request is listed here."
    fields: ClassVar[Any] = ()
    change_form_template = "scoring/admin/rescore_run.html"
    actions_detail = ("cancel",)
    cancel_words = (
        "stops after the batch in hand. Leads scored by then keep their new score; the others keep the one they "
        "have."
    )

    @admin.display(description="Rescoring")
    def name_shown(self, row: RescoreRun) -> str:
        return str(row)

    def page_context(self, request: HttpRequest, row: RescoreRun) -> dict[str, Any]:
        seconds = (
            (row.finished_at - row.started_at).total_seconds() if row.finished_at and row.started_at else 0
        )
        moved = sorted(
            ([*pair.split(" to "), int(n)] for pair, n in row.grade_changes.items()), key=lambda one: -one[2]
        )
        return {
            **super().page_context(request, row),
            "filter_words": in_words(row.filters),
            "chosen": len(row.lead_ids),
            "moved": [one for one in moved if one[0] != one[1]],
            "kept_grade": sum(one[2] for one in moved if one[0] == one[1]),
            "rate": row.leads_done / seconds if seconds > 0 else None,
        }

    def ask_to_stop(self, row: RescoreRun) -> bool:
        return cancel_rescore(row.pk)
