"""Readiness: what a model would need, what there is, when it will be enough, and what serves meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import ReadOnlyPage
from leadscoring.common.admin.words import count, moment
from leadscoring.common.charts import (
    Bar,
    ForecastPoint,
    WeekParts,
    count_columns,
    forecast_plot,
    share_bar,
)
from leadscoring.common.queue import enqueue
from scoring.admin.version_report import estimator_words
from scoring.ml.assessment import RUNGS, Assessment
from scoring.ml.pace_words import pace_words, when_words
from scoring.ml.planning import TEST_SHARE, Worth
from scoring.ml.selection import NAMES
from scoring.models import ReadinessSnapshot
from scoring.selectors.versions import open_release
from scoring.services.readiness import Readiness, current_readiness


@admin.register(ReadinessSnapshot)
class ReadinessAdmin(ReadOnlyPage[ReadinessSnapshot]):
    """One page in place of the list; whoever sees training runs sees it."""

    def has_view_permission(self, request: HttpRequest, obj: ReadinessSnapshot | None = None) -> bool:
        return request.user.has_perm("scoring.view_trainingrun")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("scoring.view_trainingrun")

    def has_count_permission(self, request: HttpRequest) -> bool:
        """Who may have the leads counted out of turn."""
        return request.user.has_perm("scoring.change_trainingrun")

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "count/", self.admin_site.admin_view(self.count_view), name="scoring_readinesssnapshot_count"
        )
        return [own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        as_of = timezone.now()
        found = current_readiness(as_of=as_of)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Readiness",
            "may_count": self.has_count_permission(request),
            "found": found,
            **({} if found is None else page_context(found)),
        }
        return TemplateResponse(request, "scoring/admin/readiness.html", context)

    def count_view(self, request: HttpRequest) -> HttpResponse:
        """Have a worker count now."""
        if not self.has_count_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        enqueue("scoring.tasks.count_readiness")
        messages.success(request, "A worker counts the leads. Load this page again in a moment.")
        return HttpResponseRedirect(reverse("admin:scoring_readinesssnapshot_changelist"))


def page_context(found: Readiness) -> dict[str, Any]:
    """Everything the page draws, from the answer and its counts."""
    answer, counts, as_of = found.assessment, found.counts, found.taken_at
    release = open_release()
    return {
        "answer": answer,
        "counts": counts,
        "taken": moment(found.taken_at),
        "headline": headline(answer, as_of),
        "meters": _meters(answer),
        "whens": _whens(answer, as_of),
        "pace": pace_words(answer.ahead.pace),
        "forecast_chart": _forecast_chart(answer),
        "arrivals_chart": _arrivals_chart(counts, as_of),
        "rungs": _rungs(answer),
        "serves": release,
        "serves_words": estimator_words(release.champion) if release else "",
        "worths": _worths(answer),
        "test_share": f"{TEST_SHARE:.0%}".replace("%", " %"),
        "first": _day(counts["ripe"]["first"]),
        "last": _day(counts["ripe"]["last"]),
        "waiting": _waiting(counts, as_of),
        "segments": [
            {
                "label": label,
                "more": more,
                "rows": [(one, share_bar(one.leads / max(answer.leads, 1))) for one in values],
            }
            for label, values, more in answer.segments
            if values
        ],
    }


def headline(answer: Assessment, as_of: datetime) -> str:
    """The answer in a sentence."""
    if answer.enough:
        return "There is enough for every kind of model."
    words = when_words(answer.ahead.both, as_of=as_of)
    return f"Not yet enough for every kind of model. When it will be: {words}."


def _meters(answer: Assessment) -> list[dict[str, Any]]:
    rows: list[tuple[str, float, float, str]] = [
        ("Ripe leads", answer.leads, answer.need_leads, ""),
        (answer.rarer_name.capitalize(), answer.rarer, answer.need_rarer, "the rarer outcome counts"),
        (
            "Days watched",
            int(answer.span_days),
            answer.need_days,
            "so that it is known how long conversions take",
        ),
    ]
    return [
        {
            "name": name,
            "have": f"{have:,.0f}",
            "need": f"{need:,.0f}",
            "bar": share_bar(min(have / max(need, 1), 1.0), tone="ls-tone-A" if have >= need else ""),
            "note": note,
        }
        for name, have, need, note in rows
    ]


def _whens(answer: Assessment, as_of: datetime) -> list[tuple[str, str]]:
    if answer.span_in is None:
        span = "not known: no lead has a date of creation"
    elif answer.span_in <= 0:
        span = "enough now"
    else:
        span = f"in {count(round(answer.span_in) or 1, 'day')} ({as_of + timedelta(days=answer.span_in):%-d %b %Y})"
    return [
        (f"{answer.need_leads:,} ripe leads", when_words(answer.ahead.leads, as_of=as_of)),
        (f"{answer.need_rarer:,} {answer.rarer_name}", when_words(answer.ahead.rarer, as_of=as_of)),
        (f"{answer.need_days:,} days watched", span),
    ]


def _forecast_chart(answer: Assessment) -> SafeString | str:
    """The count that is still missing: the rarer outcome, or where that is enough the leads."""
    if not answer.ahead.rarer.reached:
        rows, now, need, noun = answer.ahead.ahead, answer.rarer, answer.need_rarer, answer.rarer_name
    elif not answer.ahead.leads.reached:
        rows, now, need, noun = answer.ahead.leads_ahead, answer.leads, answer.need_leads, "leads"
    else:
        return ""
    return forecast_plot(
        [ForecastPoint(*row) for row in rows],
        target=need,
        title=f"Ripe {noun} in the time to come",
        noun=noun,
        caption=f"n = {now:,} now; dashed: the {need:,} that are needed; shaded: 95 of 100 possible courses.",
    )


def _arrivals_chart(counts: dict[str, Any], as_of: datetime) -> SafeString:
    flows = counts["flows"]
    if not flows:
        return count_columns([], title="", noun="")
    weekly = [sum(column) for column in zip(*(flow["weekly"] for flow in flows), strict=True)]
    hits = [sum(column) for column in zip(*(flow["weekly_conversions"] for flow in flows), strict=True)]
    start = as_of - timedelta(weeks=len(weekly))
    weeks = [
        WeekParts(
            start + timedelta(weeks=index),
            (
                Bar("not converted so far", max(n - k, 0), "ls-tone-D"),
                Bar("converted so far", min(k, n), "ls-tone-A"),
            ),
        )
        for index, (n, k) in enumerate(zip(weekly, hits, strict=True))
    ]
    return count_columns(weeks, title="Leads created, week by week", noun="leads")


def _rungs(answer: Assessment) -> list[tuple[str, str]]:
    """Each rung and why it is not tried; empty for those that are."""
    highest = max((RUNGS.index(kind) for kind in answer.ladder), default=-1)
    return [
        (
            NAMES[kind].capitalize(),
            ""
            if kind in answer.ladder
            else ("not needed with so many leads" if place < highest else "not yet"),
        )
        for place, kind in enumerate(RUNGS)
    ]


def _worths(answer: Assessment) -> list[tuple[str, str]]:
    rows = [(f"With the {answer.leads:,} ripe leads of today", _worth(answer.worth_now))]
    if answer.worth_then is not None:
        rows.append(("Once there is enough", _worth(answer.worth_then)))
    return rows


def _worth(worth: Worth | None) -> str:
    if worth is None:
        return "nothing: fewer than two test leads of an outcome"
    return (
        f"{worth.auc:.3f} would be known as {worth.low:.3f} to {worth.high:.3f}, {worth.width:.3f} wide "
        f"(n = {worth.test_leads:,} test leads, {worth.test_conversions:,} converted)"
    )


def _waiting(counts: dict[str, Any], as_of: datetime) -> list[tuple[str, str]]:
    """When the leads that are not ripe will be, in days and dates."""
    names = {"next": "The next", "half": "Half of them", "all": "All of them"}
    return [
        (names[key], f"{as_of + timedelta(days=days):%-d %b %Y}")
        for key, days in counts["ripens"].items()
        if days is not None
    ]


def _day(text: str | None) -> str:
    return f"{datetime.fromisoformat(text):%-d %b %Y}" if text else ""
