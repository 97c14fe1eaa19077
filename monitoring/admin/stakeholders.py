"""Who gets the weekly report."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import ListPage, choice_filter
from leadscoring.common.admin.words import badge
from monitoring.models import Stakeholder


@admin.register(Stakeholder)
class StakeholderAdmin(ListPage[Stakeholder]):
    """By name."""

    list_display = ("name", "email", "active_shown")
    list_filter = (choice_filter("gets reports", "active", (("True", "yes"), ("False", "no"))),)
    search_fields = ("name", "email")
    search_help_text = "Name or e-mail address"
    ordering: ClassVar[Any] = ["name", "id"]
    fields: ClassVar[Any] = ("name", "email", "active")
    empty_words = "Nobody gets the weekly report yet. Add the people who are to read it."

    @admin.display(description="Gets reports", ordering="active")
    def active_shown(self, row: Stakeholder) -> SafeString:
        return badge("yes", "good") if row.active else badge("no", "quiet")
