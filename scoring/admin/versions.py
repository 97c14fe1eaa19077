"""Model versions: the evidence on one page, and the confirm page that puts one into service."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import ReadOnlyPage, choice_filter, page_action
from leadscoring.common.admin.confirm import ReasonForm, confirm_page, note_change, refused, signed_in
from leadscoring.common.admin.words import badge, count, estimate_words, moment, person, state_badge
from scoring.admin.version_report import compared, estimator_words, evidence
from scoring.admin.version_scale import scale_context
from scoring.contracts import ReleaseConflict, ScoringError, VersionOrigin, VersionState
from scoring.models import ModelVersion, Release
from scoring.selectors.versions import open_release
from scoring.services.releases import activate_version


class ActivateForm(ReasonForm):
    """A reason, and which release the person saw when deciding."""

    expected = forms.IntegerField(required=False, widget=forms.HiddenInput)


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyPage[ModelVersion]):
    """Newest first."""

    list_display = (
        "version_shown",
        "serves_shown",
        "state_shown",
        "estimator_shown",
        "origin_shown",
        "auc_shown",
        "learned_shown",
        "created_shown",
    )
    list_filter = (
        choice_filter("state", "state", tuple((s.value, s.value) for s in VersionState)),
        choice_filter("origin", "origin", tuple((o.value, o.value) for o in VersionOrigin)),
    )
    list_select_related = ("feature_set",)
    ordering: ClassVar[Any] = ["-number"]
    empty_words = "Each training that ends well adds a version here. There is none yet."
    fields: ClassVar[Any] = ()
    change_form_template = "scoring/admin/version.html"
    actions_detail = ("activate",)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        # Read once for the whole list, and kept on the request: the admin itself is shared between requests.
        champion = Release.objects.filter(is_open=True).values_list("champion_id", flat=True).first()
        vars(request)["champion_id"] = champion
        return super().changelist_view(request, extra_context)

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        if ((request.resolver_match and request.resolver_match.url_name) or "").endswith("_changelist"):
            # The list needs none of the large columns.
            rows = rows.defer("report", "importance", "reference_profile")
        return rows

    def get_list_display(self, request: HttpRequest) -> Any:
        champion_id = getattr(request, "champion_id", None)

        @admin.display(description="Serves")
        def serves_shown(row: ModelVersion) -> SafeString | str:
            return badge("serves now", "good") if row.pk == champion_id else ""

        return [serves_shown if name == "serves_shown" else name for name in self.list_display]

    def serves_shown(self, row: ModelVersion) -> str:
        """Replaced for each request by `get_list_display`, which knows the open release."""
        return ""

    def has_activate_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.activate_release")

    @admin.display(description="Version", ordering="number")
    def version_shown(self, row: ModelVersion) -> str:
        return f"Version {row.number}"

    @admin.display(description="File", ordering="state")
    def state_shown(self, row: ModelVersion) -> SafeString:
        return state_badge(row.state)

    @admin.display(description="Model", ordering="estimator")
    def estimator_shown(self, row: ModelVersion) -> str:
        return estimator_words(row)

    @admin.display(description="Origin", ordering="origin")
    def origin_shown(self, row: ModelVersion) -> str:
        if row.origin == VersionOrigin.ADOPTED.value and row.source:
            return f"{row.source.get('name', '')} version {row.source.get('version', '')}"
        return row.origin

    @admin.display(description="Test ROC-AUC (95 % interval, n)")
    def auc_shown(self, row: ModelVersion) -> str:
        return estimate_words(row.metrics.get("roc_auc"))

    @admin.display(description="Learned from", ordering="training_rows")
    def learned_shown(self, row: ModelVersion) -> str:
        if row.origin == VersionOrigin.ADOPTED.value:
            return "elsewhere"
        return f"{count(row.training_rows, 'lead')}, {row.training_conversions:,} converted"

    @admin.display(description="Made", ordering="created_at")
    def created_shown(self, row: ModelVersion) -> str:
        return moment(row.created_at)

    def page_context(self, request: HttpRequest, row: ModelVersion) -> dict[str, Any]:
        release = open_release()
        return {
            **evidence(row),
            "serves": release is not None and release.champion_id == row.pk,
            "release": release,
            "adopted_by": person(row.adoption_run.requested_by) if row.adoption_run else "",
            "may_activate": self.has_activate_permission(request),
        }

    @page_action("Activate", permission="activate", icon="rocket_launch", tone="primary")
    def activate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        release = open_release()
        now = release.pk if release else None
        form = ActivateForm(request.POST or None, initial={"expected": now})
        if request.method == "POST" and form.is_valid():
            try:
                activate_version(
                    row.pk,
                    expected_open_release_id=form.cleaned_data["expected"],
                    by=signed_in(request),
                    reason=form.cleaned_data["reason"],
                    as_of=timezone.now(),
                )
            except ReleaseConflict as error:
                # The page now shows what serves; pressing again decides on that.
                form = ActivateForm({**request.POST.dict(), "expected": "" if now is None else now})
                form.is_valid()
                refused(form, error)
            except ScoringError as error:
                refused(form, error)
            else:
                note_change(request, row, f"{row} serves now. Web workers follow within two seconds.")
                return HttpResponseRedirect(reverse("admin:scoring_modelversion_change", args=(row.pk,)))
        champion = release.champion if release else None
        return confirm_page(
            self,
            request,
            title=f"Activate {row}",
            verb=f"Put version {row.number} into service",
            form=form,
            row=row,
            template="scoring/admin/version_activate.html",
            context={
                "version": row,
                "release": release,
                "champion": champion,
                "serves": champion is not None and champion.pk == row.pk,
                "table": compared(row, champion),
                **scale_context(row, as_of=timezone.now()),
                **evidence(row),
            },
            status=409 if form.errors else 200,
        )
