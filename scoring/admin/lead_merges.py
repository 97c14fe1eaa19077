"""Merges that were made: what each changed, and its undo."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import DayRangeFilter, ReadOnlyPage, page_action
from leadscoring.common.admin.confirm import ReasonForm, confirm_page, note_change, refused, signed_in
from leadscoring.common.admin.words import badge, link, moment, person
from scoring.admin.attributes import shown
from scoring.contracts import MergeRefused
from scoring.models import Lead, LeadMerge
from scoring.services.merges import refuse_undo, undo_merge


class UndoneFilter(SimpleListFilter):
    """Merges that stand, and undone ones."""

    title = "state"
    parameter_name = "undone"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "stands"), ("yes", "undone")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LeadMerge]) -> QuerySet[LeadMerge]:
        if self.value() in {"yes", "no"}:
            return queryset.filter(undone_at__isnull=self.value() == "no")
        return queryset


@admin.register(LeadMerge)
class LeadMergeAdmin(ReadOnlyPage[LeadMerge]):
    """Newest first, each with its undo."""

    empty_words = "Merged leads are listed here, with a way back. None was merged yet."
    list_display = ("merged_shown", "survivor_shown", "state_shown", "merged_at_shown", "by_shown", "reason")
    list_filter = (UndoneFilter, ("merged_at", DayRangeFilter))
    list_filter_submit = True
    ordering: ClassVar[Any] = ["-merged_at", "-id"]
    search_fields = ("merged__external_id",)
    search_help_text = "Start of the external id of either lead"
    change_form_template = "scoring/admin/lead_merge.html"
    actions_detail = ("undo",)
    fields = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[LeadMerge]:
        rows = super().get_queryset(request).select_related("survivor", "merged", "merged_by", "undone_by")
        return rows.defer("survivor__attributes", "merged__attributes")

    def has_merge_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.merge_lead")

    def offers(self, row: LeadMerge, action: str) -> bool:
        return row.undone_at is None

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.replace("\x00", "").strip()
        if not term:
            return queryset, False
        leads = Lead.objects.filter(external_id__startswith=term).order_by().values("pk")
        return queryset.filter(Q(survivor__in=leads) | Q(merged__in=leads)), False

    @admin.display(description="Merged")
    def merged_shown(self, row: LeadMerge) -> str:
        return row.merged.external_id

    @admin.display(description="Into")
    def survivor_shown(self, row: LeadMerge) -> SafeString:
        return link("scoring_lead", row.survivor_id, row.survivor.external_id)

    @admin.display(description="State")
    def state_shown(self, row: LeadMerge) -> SafeString:
        return badge("stands", "good") if row.undone_at is None else badge("undone", "quiet")

    @admin.display(description="When", ordering="merged_at")
    def merged_at_shown(self, row: LeadMerge) -> str:
        return moment(row.merged_at)

    @admin.display(description="By")
    def by_shown(self, row: LeadMerge) -> str:
        return person(row.merged_by)

    def page_context(self, request: HttpRequest, row: LeadMerge) -> dict[str, Any]:
        return {
            "state_badge": self.state_shown(row),
            "by": person(row.merged_by),
            "undone_by": person(row.undone_by),
            "changes": _changes(row),
        }

    @page_action("Undo", permission="merge", icon="undo", tone="danger")
    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                done = undo_merge(
                    merge_id=row.pk,
                    by=signed_in(request),
                    reason=form.cleaned_data["reason"],
                    as_of=timezone.now(),
                )
            except MergeRefused as error:
                refused(form, error)
            else:
                note_change(request, row, f"The merge is undone. {done.undo_note}")
                return HttpResponseRedirect(reverse("admin:scoring_leadmerge_change", args=(row.pk,)))
        elif request.method != "POST":
            try:
                refuse_undo(row)
            except MergeRefused as error:
                messages.warning(request, error.detail)
        return confirm_page(
            self,
            request,
            title=f"Undo: {row.merged.external_id} was merged into {row.survivor.external_id}",
            verb="Undo the merge",
            form=form,
            row=row,
            danger=True,
            template="scoring/admin/merge_undo.html",
            context={"row": row, "changes": _changes(row)},
            status=400 if form.errors else 200,
        )


def _changes(row: LeadMerge) -> list[tuple[str, str, str]]:
    """What the merge changed on the lead that stands: field, before, after."""
    before, after = row.before["survivor"], row.after
    pairs = [(name, before[name], after[name]) for name in ("owner", "stage", "created")]
    names = sorted(before["attributes"].keys() | after["attributes"].keys())
    pairs += [(name, before["attributes"].get(name), after["attributes"].get(name)) for name in names]
    return [
        (
            name.capitalize() if name in {"owner", "stage", "created"} else name,
            shown(old) or "–",
            shown(new) or "–",
        )
        for name, old, new in pairs
        if old != new
    ]
