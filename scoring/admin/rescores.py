"""Rescorings: asked for in the lead list, watched and stopped here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from leadscoring.common.admin.base import choice_filter, page_action
from leadscoring.common.admin.confirm import ConfirmForm, confirm_page, note_change
from leadscoring.common.admin.work import WorkPage
from scoring.admin.imports import STATES
from scoring.admin.lead_list import in_words
from scoring.models import RescoreRun
from scoring.services.rescoring import cancel_rescore


@admin.register(RescoreRun)
class RescoreRunAdmin(WorkPage[RescoreRun]):
    """Newest first."""

    list_display = (
        "name_shown",
        "state_shown",
        "progress_shown",
        "leads_done",
        "leads_expected",
        "created_shown",
        "by_shown",
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

    def has_stop_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.change_rescorerun")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        run = RescoreRun.objects.filter(pk=object_id).first()
        found: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # Unfold's method
        return found if run is not None and run.is_open and not run.cancel_requested else []

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

    @page_action("Cancel", permission="stop", icon="stop_circle", tone="danger")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        if request.method == "POST":
            if cancel_rescore(row.pk):
                note_change(request, row, f"{row} was asked to stop.")
            else:
                messages.info(request, f"{row} was over already; nothing changed.")
            return HttpResponseRedirect(reverse("admin:scoring_rescorerun_change", args=(row.pk,)))
        return confirm_page(
            self,
            request,
            title=f"Cancel {row}",
            verb="Stop this rescoring",
            form=ConfirmForm(),
            row=row,
            danger=True,
            template="scoring/admin/rescore_cancel.html",
            context={"row": row},
        )
