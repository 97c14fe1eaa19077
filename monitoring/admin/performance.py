"""Performance: the list of checks, the page of one, and two versions on the same leads."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.fields.json import KeyTransform
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import ReadOnlyPage, choice_filter, count_column
from leadscoring.common.admin.words import badge, estimate_words, moment
from leadscoring.common.queue import enqueue
from monitoring.admin.performance_page import page
from monitoring.models import Exposure, PerformanceCheck
from monitoring.services.performance import Compared, compare
from scoring.models import ModelVersion

HEAVY = ("report", "reference_profile", "importance")


class CompareForm(forms.Form):
    """Two versions."""

    a = forms.ModelChoiceField(
        ModelVersion.objects.defer(*HEAVY).order_by("-number"),
        label="Version",
    )
    b = forms.ModelChoiceField(
        ModelVersion.objects.defer(*HEAVY).order_by("-number"),
        label="With version",
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("a") is not None and found.get("a") == found.get("b"):
            raise forms.ValidationError("Both are the same version; choose two.")
        return found


@admin.register(PerformanceCheck)
class PerformanceCheckAdmin(ReadOnlyPage[PerformanceCheck]):
    """Newest first."""

    list_display = (
        "slot_shown",
        "version_shown",
        "role_shown",
        "auc_shown",
        "estimate_shown",
        count_column("ripe", "Ripe leads"),
        count_column("conversions", "Converted"),
        count_column("waiting", "Waiting"),
    )
    list_filter = (
        choice_filter("predictions", "role", tuple((one.value, one.label) for one in Exposure)),
        choice_filter("serves", "serves", (("1", "served then"), ("0", "did not serve"))),
    )
    search_fields = ("version__number",)
    search_help_text = "Number of a version"
    list_select_related = ("version",)
    sortable_by = ("slot_shown",)
    ordering: ClassVar[Any] = ["-slot", "-serves", "-version_id", "role"]
    fields: ClassVar[Any] = ()
    list_before_template = "monitoring/admin/performance_head.html"
    change_form_template = "monitoring/admin/performance_check.html"
    empty_words = (
        "Each day every version is judged on leads whose outcome is known; the first check is to come."
    )

    def has_run_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Who may have a check made out of turn."""
        return request.user.has_perm("monitoring.run_performancecheck")

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "monitoring_performancecheck"
        own = [
            path("compare/", view(self.compare_view), name=f"{name}_compare"),
            path("now/", view(self.now_view), name=f"{name}_now"),
        ]
        return [*own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PerformanceCheck]:
        rows = super().get_queryset(request)
        if ((request.resolver_match and request.resolver_match.url_name) or "").endswith("_changelist"):
            # The list needs two of the many numbers of a check.
            rows = rows.defer("results", *(f"version__{name}" for name in HEAVY)).annotate(
                auc=_within("metrics", "roc_auc"), estimated=_within("estimate", "roc_auc")
            )
        return rows

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"may_run": self.has_run_permission(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    def page_context(self, request: HttpRequest, row: PerformanceCheck) -> dict[str, Any]:
        return {**page(row), "moment": moment(row.slot), "may_run": self.has_run_permission(request)}

    def now_view(self, request: HttpRequest) -> HttpResponse:
        """Have a worker check now."""
        if not self.has_run_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        enqueue("monitoring.tasks.check_performance_now")
        messages.success(request, "A worker checks every version. Load this page again in a moment.")
        return HttpResponseRedirect(reverse("admin:monitoring_performancecheck_changelist"))

    def compare_view(self, request: HttpRequest) -> HttpResponse:
        """Two versions on the same leads; reads only."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = CompareForm(request.GET or None)
        found = None
        if form.is_bound and form.is_valid():
            a, b = form.cleaned_data["a"], form.cleaned_data["b"]
            found = compared_words(a, b, compare(a, b, as_of=timezone.now()))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Two versions on the same leads",
            "form": form,
            "found": found,
        }
        return TemplateResponse(request, "monitoring/admin/performance_compare.html", context)

    @admin.display(description="As of", ordering="slot")
    def slot_shown(self, row: PerformanceCheck) -> str:
        return moment(row.slot)

    @admin.display(description="Version")
    def version_shown(self, row: PerformanceCheck) -> str:
        return f"v{row.version.number}"

    @admin.display(description="Predictions")
    def role_shown(self, row: PerformanceCheck) -> SafeString | str:
        return badge("serves", "good") if row.serves else row.get_role_display()

    @admin.display(description="ROC-AUC on ripe leads")
    def auc_shown(self, row: PerformanceCheck) -> str:
        found = getattr(row, "auc", None)
        return estimate_words(found) if found else f"not enough data (n = {row.ripe:,})"

    @admin.display(description="Estimated for those that wait")
    def estimate_shown(self, row: PerformanceCheck) -> str:
        found = getattr(row, "estimated", None)
        return estimate_words(found) if found else f"not enough data (n = {row.waiting:,})"


def _within(group: str, name: str) -> KeyTransform:
    return KeyTransform(name, KeyTransform(group, "results"))


def compared_words(a: ModelVersion, b: ModelVersion, found: Compared) -> dict[str, Any]:
    """The comparison as a page reads it."""
    leads, auc = found.leads, found.auc
    if auc is None:
        verdict, tone = f"Not enough data to compare the ranking: {found.problem}.", "warn"
    elif auc.difference.low > 0:
        verdict, tone = f"Version {a.number} ranks these leads better than version {b.number}.", "good"
    elif auc.difference.high < 0:
        verdict, tone = f"Version {b.number} ranks these leads better than version {a.number}.", "good"
    else:
        verdict, tone = "These leads do not tell which of the two ranks better.", "warn"
    return {
        "a": a,
        "b": b,
        "leads": leads,
        "n": len(leads.y),
        "conversions": int(leads.y.sum()),
        "verdict": verdict,
        "tone": tone,
        "auc": auc,
        "difference": estimate_words(auc.difference.to_json(), digits=4) if auc else "",
        "log_loss": estimate_words(found.log_loss.to_json(), digits=4) if found.log_loss else "",
    }
