"""Checks of drift and data quality: what was compared, how sure it is, and what it does to the scores."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import (
    DayRangeFilter,
    ReadOnlyPage,
    choice_filter,
    count_column,
    page_action,
)
from leadscoring.common.admin.confirm import ConfirmForm, confirm_page
from leadscoring.common.admin.words import chance, moment
from leadscoring.common.queue import enqueue
from monitoring.admin.drift_tables import (
    LEVELS,
    drift_rows,
    feature_page,
    grade_words,
    level_badge,
    quality_rows,
    score_panel,
)
from monitoring.models import CheckKind, DriftCheck
from monitoring.selectors.drift import own_limits

SHOWN = 40


@admin.register(DriftCheck)
class DriftCheckAdmin(ReadOnlyPage[DriftCheck]):
    """Newest first."""

    list_display = (
        "until_shown",
        "kind_shown",
        "level_shown",
        "what_shown",
        "version_shown",
        "role",
        count_column("n", "Leads"),
        "took_shown",
    )
    list_select_related = ("version",)
    list_filter = (
        choice_filter("kind", "kind", tuple((k.value, k.label) for k in CheckKind)),
        choice_filter("level", "level", LEVELS),
        ("until", DayRangeFilter),
    )
    search_fields = ("found",)
    search_help_text = "A feature or a value that was found"
    empty_words = (
        "Once a model serves, leads are looked at every five minutes and compared with the reference daily."
    )
    fields: ClassVar[Any] = ()
    change_form_template = "monitoring/admin/drift_check.html"
    actions_list = ("check_now",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("version__reference_profile", "version__report")

    def get_urls(self) -> list[URLPattern]:
        feature = self.admin_site.admin_view(self.feature_view)
        return [
            path("<path:object_id>/feature/", feature, name="monitoring_driftcheck_feature"),
            *super().get_urls(),
        ]

    def has_run_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("monitoring.run_driftcheck")

    @page_action("Check now", permission="run", icon="troubleshoot")
    def check_now(self, request: HttpRequest) -> HttpResponse:
        """Ask for a check; a worker makes it within seconds."""
        if request.method == "POST":
            enqueue("monitoring.tasks.check_now")
            messages.success(request, "A worker counts what came and checks it now. Reload in a few seconds.")
            return HttpResponseRedirect(reverse("admin:monitoring_driftcheck_changelist"))
        return confirm_page(
            self,
            request,
            title="Check now",
            verb="Check now",
            form=ConfirmForm(),
            template="monitoring/admin/drift_check_now.html",
        )

    @admin.display(description="Until", ordering="until")
    def until_shown(self, check: DriftCheck) -> str:
        return moment(check.until)

    @admin.display(description="Check", ordering="kind")
    def kind_shown(self, check: DriftCheck) -> str:
        return check.get_kind_display()

    @admin.display(description="Worst level", ordering="level")
    def level_shown(self, check: DriftCheck) -> SafeString:
        return level_badge(check.level)

    @admin.display(description="What stands out")
    def what_shown(self, check: DriftCheck) -> str:
        if "problem" in check.summary:
            return str(check.summary["problem"])
        bad = [row for row in check.found if row["level"] in ("warning", "critical")]
        names = list(dict.fromkeys(row["label"] for row in bad))
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") or "nothing"

    @admin.display(description="Version", ordering="version__number")
    def version_shown(self, check: DriftCheck) -> str:
        return f"v{check.version.number}"

    @admin.display(description="Took", ordering="took_ms")
    def took_shown(self, check: DriftCheck) -> str:
        return f"{check.took_ms:,.0f} ms"

    def page_context(self, request: HttpRequest, row: DriftCheck) -> dict[str, Any]:
        context: dict[str, Any] = {
            "level": level_badge(row.level),
            "window": f"{moment(row.since)} to {moment(row.until)}",
            "is_drift": row.kind == CheckKind.DRIFT,
            "problem": row.summary.get("problem", ""),
        }
        if context["problem"]:
            return context
        if row.kind == CheckKind.QUALITY:
            bad, volumes = quality_rows(row)
            return {**context, "bad": bad, "volumes": volumes, "stretches": row.summary["stretches"]}
        limits = own_limits(row.version.feature_set_id)
        features, segments = drift_rows(row, limits)
        return {
            **context,
            "features": features,
            "segments": segments[:SHOWN],
            "more_segments": max(len(segments) - SHOWN, 0),
            "score": score_panel(row),
            "grades": grade_words(row),
            "mean_before": chance(row.summary["mean_before"]),
            "mean_now": None if row.summary["mean_now"] is None else chance(row.summary["mean_now"]),
        }

    def feature_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """One feature of one check: its windows, its past and the values it was looked at in."""
        check = self.row_or_404(request, object_id)
        name = request.GET.get("name", "")
        shown = feature_page(check, name) if check.kind == CheckKind.DRIFT else None
        if shown is None:
            raise Http404(f"This check did not look at a feature named {name[:80]!r}.")
        return TemplateResponse(
            request,
            "monitoring/admin/drift_feature.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "original": check,
                "title": shown["label"],
                "back": reverse("admin:monitoring_driftcheck_change", args=(check.pk,)),
                **shown,
            },
        )
