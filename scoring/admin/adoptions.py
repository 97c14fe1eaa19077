"""Adoptions: watched, stopped, and what came of them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import choice_filter
from leadscoring.common.admin.words import NOTHING, link
from leadscoring.common.admin.work import CancelPage
from scoring.admin.imports import STATES
from scoring.models import AdoptionRun, ForeignVersion, ModelVersion
from scoring.selectors.versions import serves_now


@admin.register(AdoptionRun)
class AdoptionRunAdmin(CancelPage[AdoptionRun]):
    """Newest first."""

    empty_words = "A model of another tool is adopted from its own page. None was yet."
    list_display = (
        "run_shown",
        "state_shown",
        "message_shown",
        "version_shown",
        "created_shown",
        "reason",
    )
    list_select_related: ClassVar[tuple[str, ...]] = ("requested_by", "version")
    list_filter = (choice_filter("state", "state", STATES),)
    search_fields = ("source_name",)
    search_help_text = "Name of the model"
    ordering: ClassVar[Any] = ["-id"]
    fields: ClassVar[Any] = ()
    change_form_template = "scoring/admin/adoption_run.html"
    actions_detail = ("cancel",)
    cancel_words = "stops at its next step and makes no version. What serves now stays as it is."

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        if ((request.resolver_match and request.resolver_match.url_name) or "").endswith("_changelist"):
            rows = rows.defer("version__report", "version__importance", "version__reference_profile")
        return rows

    @admin.display(description="Model", ordering="source_name")
    def run_shown(self, row: AdoptionRun) -> str:
        return f"{row.source_name} version {row.source_version}"

    @admin.display(description="Became")
    def version_shown(self, row: AdoptionRun) -> str | SafeString:
        version = _version(row)
        return link("scoring_modelversion", version.pk, f"v{version.number}") if version else NOTHING

    def page_context(self, request: HttpRequest, row: AdoptionRun) -> dict[str, Any]:
        version = _version(row)
        seen = ForeignVersion.objects.filter(name=row.source_name, version=row.source_version).first()
        return {
            **super().page_context(request, row),
            "version": version,
            "serves": version is not None and serves_now(version),
            "seen": seen,
            "reasons": row.report.get("reasons") or [],
            "judged_on": row.report.get("judged_on"),
            "conversions": row.report.get("conversions"),
            "sees_versions": request.user.has_perm("scoring.view_modelversion"),
        }

    def ask_to_stop(self, row: AdoptionRun) -> bool:
        from scoring.services.adoption import cancel_adoption

        return cancel_adoption(row.pk)


def _version(run: AdoptionRun) -> ModelVersion | None:
    # The other side of a one-to-one raises where there is no row.
    return getattr(run, "version", None)
