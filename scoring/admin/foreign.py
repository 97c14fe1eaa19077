"""Models of other tools in MLflow: does each fit the feature set, and the confirm page that adopts one."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import ReadOnlyPage, choice_filter, page_action
from leadscoring.common.admin.confirm import (
    ConfirmForm,
    ReasonForm,
    confirm_page,
    note_change,
    refused,
    signed_in,
)
from leadscoring.common.admin.words import badge, moment
from scoring.contracts import AdoptionRefused, FeatureSetState
from scoring.ml.adoption.mlmodel import FLAVOUR_WORDS
from scoring.models import FeatureSet, ForeignVersion
from scoring.selectors.adoption import adopted_versions, fit_of, open_adoption


class AdoptForm(ReasonForm):
    """How to adopt, and why."""

    field_order = ("recalibrate", "reason")
    recalibrate = forms.BooleanField(
        required=False,
        label="Recalibrate its chances on our ripe leads",
        help_text="Leaves the order of leads as it is and makes the chances match what became of them.",
    )


@admin.register(ForeignVersion)
class ForeignVersionAdmin(ReadOnlyPage[ForeignVersion]):
    """Newest first."""

    empty_words = "Models that other tools registered in MLflow appear here once MLflow is looked at."
    list_display = ("model_shown", "form_shown", "fits_shown", "why_shown", "registered_shown", "seen_shown")
    list_filter = (choice_filter("form", "flavour", tuple((str(k), v) for k, v in FLAVOUR_WORDS.items())),)
    search_fields = ("name", "run_id")
    search_help_text = "Name or MLflow run"
    ordering: ClassVar[Any] = ["-registered_at", "name", "-id"]
    fields: ClassVar[Any] = ()
    change_form_template = "scoring/admin/foreign.html"
    actions_list = ("look",)
    actions_detail = ("adopt",)

    def has_adopt_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.adopt_model")

    def get_list_display(self, request: HttpRequest) -> Any:
        # The feature set is read once for the whole list, not once a row.
        active = _active()
        schema = active.schema() if active else None

        @admin.display(description="Fits the feature set")
        def fits_shown(row: ForeignVersion) -> SafeString:
            ok = fit_of(row, schema).ok
            return badge("fits" if ok else "does not fit", "good" if ok else "warn")

        @admin.display(description="Because")
        def why_shown(row: ForeignVersion) -> str:
            reasons = fit_of(row, schema).reasons
            if not reasons:
                return ""
            first = reasons[0] if len(reasons[0]) <= 80 else f"{reasons[0][:79]}…"
            return f"{first} And {len(reasons) - 1} more." if len(reasons) > 1 else first

        own = {"fits_shown": fits_shown, "why_shown": why_shown}
        return [own.get(str(name), name) for name in self.list_display]

    def fits_shown(self, row: ForeignVersion) -> str:
        """Replaced for each request by `get_list_display`, which knows the feature set."""
        return ""

    def why_shown(self, row: ForeignVersion) -> str:
        """Replaced as above."""
        return ""

    @admin.display(description="Model", ordering="name")
    def model_shown(self, row: ForeignVersion) -> str:
        return str(row)

    @admin.display(description="Form", ordering="flavour")
    def form_shown(self, row: ForeignVersion) -> str:
        return row.flavour_words

    @admin.display(description="Registered", ordering="registered_at")
    def registered_shown(self, row: ForeignVersion) -> str:
        return moment(row.registered_at)

    @admin.display(description="Looked at", ordering="seen_at")
    def seen_shown(self, row: ForeignVersion) -> str:
        return moment(row.seen_at)

    def page_context(self, request: HttpRequest, row: ForeignVersion) -> dict[str, Any]:
        return {
            **_compared(row),
            "may_adopt": self.has_adopt_permission(request),
            "open_run": open_adoption(row),
            "versions": adopted_versions(row),
        }

    @page_action("Look at MLflow now", permission="adopt", icon="refresh", tone="primary")
    def look(self, request: HttpRequest) -> HttpResponse:
        from scoring.services.adoption import survey_foreign

        address = reverse("admin:scoring_foreignversion_changelist")
        if request.method == "POST":
            try:
                found = survey_foreign(as_of=timezone.now())
            except AdoptionRefused as error:
                messages.error(request, error.detail)
            else:
                messages.success(request, f"MLflow holds {found:,} versions of other tools.")
            return HttpResponseRedirect(address)
        return confirm_page(
            self,
            request,
            title="Look at MLflow now",
            verb="Look now",
            form=ConfirmForm(),
            template="scoring/admin/foreign_look.html",
        )

    @page_action("Adopt", permission="adopt", icon="download", tone="primary")
    def adopt(self, request: HttpRequest, object_id: str) -> HttpResponse:
        from scoring.services.adoption import request_adoption

        row = self.row_or_404(request, object_id)
        form = AdoptForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                run = request_adoption(
                    name=row.name,
                    version=row.version,
                    recalibrate=form.cleaned_data["recalibrate"],
                    reason=form.cleaned_data["reason"],
                    requested_by=signed_in(request),
                )
            except AdoptionRefused as error:
                refused(form, error)
            else:
                note_change(request, run, f"{run} is queued; this page follows it.")
                return HttpResponseRedirect(reverse("admin:scoring_adoptionrun_change", args=(run.pk,)))
        return confirm_page(
            self,
            request,
            title=f"Adopt {row}",
            verb="Check, judge and register it",
            form=form,
            row=row,
            template="scoring/admin/foreign_adopt.html",
            context={"row": row, "open_run": open_adoption(row), **_compared(row)},
            status=400 if form.errors else 200,
        )


def _active() -> FeatureSet | None:
    return FeatureSet.objects.filter(state=FeatureSetState.ACTIVE.value).prefetch_related("features").first()


def _compared(row: ForeignVersion) -> dict[str, Any]:
    """The signature beside the feature set, column by column."""
    active = _active()
    schema = active.schema() if active else None
    found = fit_of(row, schema)
    columns = [
        {
            "name": item.name,
            "type": item.type,
            "spec": schema.by_name.get(item.name) if schema else None,
        }
        for item in row.signature.inputs
    ]
    return {
        "active": active,
        "fits": found.ok,
        "reasons": found.reasons,
        "remarks": found.notes,
        "columns": columns,
    }
