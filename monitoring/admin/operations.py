"""Operations: how the service runs, drawn over the last hour, day or week, and every look at it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from leadscoring.common.admin.base import ChoiceFilter, DayRangeFilter, ReadOnlyPage
from leadscoring.common.admin.words import duration, moment
from monitoring.admin.operations_page import ROUTE, kind_words, ms, page_context, quantile_words
from monitoring.models import OperationsCheck
from monitoring.selectors.operations import SPANS


class AboveFilter(ChoiceFilter):
    """Looks that saw more than a number."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        known = {key for key, _ in self.options}
        return queryset.filter(**{f"{self.field}__gt": float(value)}) if value in known else queryset


class LagFilter(AboveFilter):
    """How long work had waited."""

    title = "oldest due work"
    parameter_name = field = "queue_lag_s"
    options = (("60", "over a minute"), ("300", "over five minutes"))


class SlowFilter(AboveFilter):
    """How slow answers were."""

    title = "p95 of score-lead"
    parameter_name = field = "p95_ms"
    options = (("200", "over 200 ms"), ("1000", "over 1 s"))


@admin.register(OperationsCheck)
class OperationsCheckAdmin(ReadOnlyPage[OperationsCheck]):
    """Every look, newest first, and the page with the charts."""

    list_display = ("slot_shown", "calls_shown", "p95_shown", "errors_shown", "lag_shown")
    list_filter = (SlowFilter, LagFilter, ("slot", DayRangeFilter))
    ordering = ("-slot",)
    search_fields: ClassVar[Any] = ()
    fields: ClassVar[Any] = ()
    empty_words = "A worker looks every minute. It has not looked yet: beat or the worker may be down."
    change_form_template = "monitoring/admin/operations_check.html"
    list_before_template = "monitoring/admin/operations_head.html"

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "overview/",
            self.admin_site.admin_view(self.overview),
            name="monitoring_operationscheck_overview",
        )
        return [own, *super().get_urls()]

    def overview(self, request: HttpRequest) -> HttpResponse:
        """Charts over the last hour, day or week of one route."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        span = SPANS.get(request.GET.get("span", ""), SPANS["hour"])
        found = page_context(span, route=request.GET.get("route", ROUTE), as_of=timezone.now())
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": "Operations", **found}
        return TemplateResponse(request, "monitoring/admin/operations.html", context)

    @admin.display(description="Looked at", ordering="slot")
    def slot_shown(self, check: OperationsCheck) -> str:
        return moment(check.slot)

    @admin.display(description="Calls in 5 min", ordering="calls")
    def calls_shown(self, check: OperationsCheck) -> str:
        return f"{check.calls:,}"

    @admin.display(description="p95 of score-lead", ordering="p95_ms")
    def p95_shown(self, check: OperationsCheck) -> str:
        return ms(check.p95_ms)

    @admin.display(description="Failed calls")
    def errors_shown(self, check: OperationsCheck) -> str:
        return f"{sum(check.results.get('errors', {}).values()):,}"

    @admin.display(description="Oldest due work", ordering="queue_lag_s")
    def lag_shown(self, check: OperationsCheck) -> str:
        return duration(timedelta(seconds=check.queue_lag_s))

    def page_context(self, request: HttpRequest, row: OperationsCheck) -> dict[str, Any]:
        results = row.results
        return {
            "looked": moment(row.slot),
            "per_second": f"{results.get('per_second', 0.0):.2f}",
            "routes": [
                {
                    "route": name,
                    "kinds": ", ".join(
                        f"{n:,} × {kind_words(kind)}" for kind, n in sorted(one["kinds"].items())
                    ),
                    "times": [quantile_words(one.get("ok"), q) for q in ("p50", "p95", "p99")],
                    "n": (one.get("ok") or {}).get("n", 0),
                }
                for name, one in sorted(results.get("routes", {}).items())
            ],
            "models": [
                {
                    "name": f"v{one['version']} {one['role']}",
                    "n": one["n"],
                    "cut": one["cut"],
                    "times": [quantile_words(one, q) for q in ("p50", "p95", "p99")],
                }
                for one in results.get("models", [])
            ],
            "queues": [
                {**one, "oldest": duration(timedelta(seconds=one["oldest_due_s"]))}
                for one in results.get("queues", [])
            ],
            "failed_probes": results.get("failed_probes", []),
            "lag": duration(timedelta(seconds=row.queue_lag_s)),
        }
