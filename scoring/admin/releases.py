"""Releases: which version served when, by whose decision and why. Never written by hand."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import ReadOnlyPage
from leadscoring.common.admin.words import badge, duration, link, moment, person
from scoring.models import Release


@admin.register(Release)
class ReleaseAdmin(ReadOnlyPage[Release]):
    """The open release first."""

    list_display = (
        "number_shown",
        "version_shown",
        "state_shown",
        "opened_shown",
        "closed_shown",
        "by_shown",
        "reason",
    )
    list_select_related = ("champion", "challenger", "opened_by")
    ordering: ClassVar[Any] = ["-opened_at", "-id"]
    empty_words = "A version is put into service from its own page. None has served yet."
    fields = (
        "version_shown",
        "state_shown",
        "mode",
        "opened_shown",
        "closed_shown",
        "served_shown",
        "scale_shown",
        "by_shown",
        "reason",
    )
    readonly_fields = (
        "version_shown",
        "state_shown",
        "opened_shown",
        "closed_shown",
        "served_shown",
        "scale_shown",
        "by_shown",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("champion", "challenger", "opened_by")

    @admin.display(description="Release", ordering="id")
    def number_shown(self, row: Release) -> str:
        return f"Release {row.pk}"

    @admin.display(description="Champion", ordering="champion__number")
    def version_shown(self, row: Release) -> SafeString:
        return link("scoring_modelversion", row.champion_id, str(row.champion))

    @admin.display(description="State", ordering="is_open")
    def state_shown(self, row: Release) -> SafeString:
        return badge("serves now", "good") if row.is_open else badge("closed", "quiet")

    @admin.display(description="Since", ordering="opened_at")
    def opened_shown(self, row: Release) -> str:
        return moment(row.opened_at)

    @admin.display(description="Until", ordering="closed_at")
    def closed_shown(self, row: Release) -> str:
        return moment(row.closed_at)

    @admin.display(description="Served for")
    def served_shown(self, row: Release) -> str:
        return duration(row.closed_at - row.opened_at) if row.closed_at else "serves now"

    @admin.display(description="Scores are ranks among")
    def scale_shown(self, row: Release) -> str:
        why = str(row.score_population.get("why", ""))
        return f"{row.ranked_among()}. {why}".strip()

    @admin.display(description="Decided by")
    def by_shown(self, row: Release) -> str:
        return person(row.opened_by)
