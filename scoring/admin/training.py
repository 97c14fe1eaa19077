"""Training runs: asked for with a reason, watched, stopped; what came of them."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import choice_filter, page_action
from leadscoring.common.admin.confirm import ReasonForm, confirm_page, note_change, refused, signed_in
from leadscoring.common.admin.words import NOTHING, link
from leadscoring.common.admin.work import CancelPage
from scoring.admin.imports import STATES
from scoring.contracts import FeatureSetState, TrainingRefused
from scoring.models import FeatureSet, ModelVersion, TrainingPolicy, TrainingRun
from scoring.selectors.versions import serves_now


class TrainForm(ReasonForm):
    """How long to search, and why."""

    field_order = ("trials", "timeout_s", "seed", "reason")
    trials = forms.IntegerField(
        min_value=0,
        max_value=1000,
        initial=25,
        help_text="Settings to try for each kind of model; 0 tries the defaults only.",
    )
    timeout_s = forms.IntegerField(
        label="Time limit for the search (s)", min_value=1, max_value=3000, initial=90
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=2_147_483_647,
        initial=0,
        help_text="The same seed on the same data gives the same model.",
    )


@admin.register(TrainingRun)
class TrainingRunAdmin(CancelPage[TrainingRun]):
    """Newest first."""

    list_display = (
        "id",
        "state_shown",
        "message_shown",
        "version_shown",
        "created_shown",
        "reason",
    )
    list_select_related: ClassVar[tuple[str, ...]] = ("requested_by", "version")
    list_filter = (choice_filter("state", "state", STATES),)
    empty_words = "A model is trained with the button at the top. No training was asked for yet."
    ordering: ClassVar[Any] = ["-id"]
    fields: ClassVar[Any] = ()
    change_form_template = "scoring/admin/training_run.html"
    actions_list = ("train",)
    actions_detail = ("cancel",)
    cancel_words = "stops at its next step and makes no version. What serves now stays as it is."

    def has_start_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.start_training")

    @admin.display(description="Version")
    def version_shown(self, row: TrainingRun) -> str | SafeString:
        version = _version(row)
        return link("scoring_modelversion", version.pk, f"v{version.number}") if version else NOTHING

    def page_context(self, request: HttpRequest, row: TrainingRun) -> dict[str, Any]:
        report, version = row.report, _version(row)
        return {
            **super().page_context(request, row),
            "version": version,
            "serves": version is not None and serves_now(version),
            "left_out": sorted(dict(report.get("left_out") or {}).items()),
            "windows": sorted(dict(report.get("windows") or {}).items()),
            "notes": report.get("notes") or [],
            "trained_on": report.get("rows"),
            "conversions": report.get("conversions"),
            "sees_versions": request.user.has_perm("scoring.view_modelversion"),
        }

    @page_action("Train a model", permission="start", icon="model_training", tone="primary")
    def train(self, request: HttpRequest) -> HttpResponse:
        from scoring.services.training import request_training

        form = TrainForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                run = request_training(
                    trials=form.cleaned_data["trials"],
                    timeout_s=form.cleaned_data["timeout_s"],
                    seed=form.cleaned_data["seed"],
                    reason=form.cleaned_data["reason"],
                    requested_by=signed_in(request),
                )
            except TrainingRefused as error:
                refused(form, error)
            else:
                note_change(request, run, f"{run} is queued; this page follows it.")
                return HttpResponseRedirect(reverse("admin:scoring_trainingrun_change", args=(run.pk,)))
        active = (
            FeatureSet.objects.filter(state=FeatureSetState.ACTIVE.value).prefetch_related("features").first()
        )
        return confirm_page(
            self,
            request,
            title="Train a model",
            verb="Start training",
            form=form,
            template="scoring/admin/train.html",
            context={
                "active": active,
                "held_out": [f for f in active.features.all() if f.excluded] if active else [],
                "policy": TrainingPolicy.objects.first() or TrainingPolicy(),
            },
            status=400 if form.errors else 200,
        )

    def ask_to_stop(self, row: TrainingRun) -> bool:
        from scoring.services.training import cancel_training

        return cancel_training(row.pk)


def _version(run: TrainingRun) -> ModelVersion | None:
    # The other side of a one-to-one raises where there is no row.
    return getattr(run, "version", None)
