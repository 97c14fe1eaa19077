"""Rules of alerts: their limits, and what they would have done on the past."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import ReadOnlyPage, choice_filter, page_action
from leadscoring.common.admin.confirm import confirm_page, note_change, refused, signed_in
from leadscoring.common.admin.words import badge, moment, person, state_badge
from leadscoring.common.charts import day_columns
from monitoring.admin.alert_words import value_words
from monitoring.contracts import AlertLevel, MonitoringRefused, RuleKind
from monitoring.models import AlertRule
from monitoring.services.rules import Trial, change_rule, try_rule

DAYS = 90
MOST_SHOWN = 30
TONES = {AlertLevel.INFO: "ls-tone-B", AlertLevel.WARNING: "ls-tone-C", AlertLevel.CRITICAL: "ls-tone-bad"}


class RuleForm(forms.Form):
    """The limits, in the unit of the rule."""

    enabled = forms.BooleanField(
        label="On", required=False, help_text="Off: nothing of this kind raises an alert."
    )
    warning = forms.FloatField(label="Warning from", required=False, help_text="Empty: it never warns.")
    critical = forms.FloatField(
        label="Critical from", required=False, help_text="Empty: it is never critical."
    )
    quiet_checks = forms.IntegerField(
        label="Quiet checks before it clears",
        min_value=1,
        max_value=100,
        help_text="How many checks in a row must find nothing before an alert clears by itself.",
    )
    note = forms.CharField(
        label="Why",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Why the limits are what they are; shown to everyone who may read the rule.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        warning, critical = cleaned.get("warning"), cleaned.get("critical")
        if warning is not None and critical is not None and critical < warning:
            self.add_error("critical", f"{critical:g} lies below the warning; expected {warning:g} or more.")
        for name in ("warning", "critical"):
            value = cleaned.get(name)
            if value is not None and not 0 < value < 1e12:
                self.add_error(name, f"{value:g}; expected more than 0.")
        return cleaned


@admin.register(AlertRule)
class AlertRuleAdmin(ReadOnlyPage[AlertRule]):
    """One row for each kind of reading."""

    list_display = ("name_shown", "on_shown", "warning_shown", "critical_shown", "own_shown", "judged_shown")
    list_select_related = ("changed_by",)
    list_filter = (choice_filter("state", "enabled", (("1", "on"), ("0", "off"))),)
    search_fields = ("kind", "note")
    ordering: ClassVar[Any] = ["kind"]
    fields: ClassVar[Any] = ()
    change_form_template = "monitoring/admin/rule.html"
    actions_detail = ("edit",)

    def has_edit_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("monitoring.change_alertrule")

    @admin.display(description="Rule", ordering="kind")
    def name_shown(self, row: AlertRule) -> str:
        return row.default.name

    @admin.display(description="State", ordering="enabled")
    def on_shown(self, row: AlertRule) -> SafeString:
        return badge("on", "good") if row.enabled else badge("off", "quiet")

    @admin.display(description="Warning from", ordering="warning")
    def warning_shown(self, row: AlertRule) -> str:
        return "never" if row.warning is None else value_words(row.kind, row.warning)

    @admin.display(description="Critical from", ordering="critical")
    def critical_shown(self, row: AlertRule) -> str:
        return "never" if row.critical is None else value_words(row.kind, row.critical)

    @admin.display(description="Set by")
    def own_shown(self, row: AlertRule) -> str:
        return person(row.changed_by) if row.changed_at else "the program"

    @admin.display(description="Last check", ordering="judged_at")
    def judged_shown(self, row: AlertRule) -> str:
        return moment(row.judged_at) if row.judged_at else "none yet"

    def page_context(self, request: HttpRequest, row: AlertRule) -> dict[str, Any]:
        return {
            "default": row.default,
            "warning": self.warning_shown(row),
            "critical": self.critical_shown(row),
            "state_shown": self.on_shown(row),
            "set_by": self.own_shown(row),
            "judged": self.judged_shown(row),
            "trial": _shown(_tried(row, row.warning, row.critical, row.quiet_checks), row),
        }

    @page_action("Edit", permission="edit", icon="tune", tone="primary")
    def edit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        initial = {name: getattr(row, name) for name in RuleForm.base_fields}
        form = RuleForm(request.POST if request.method == "POST" else None, initial=initial)
        wanted = None
        if request.method == "POST" and form.is_valid():
            wanted = form.cleaned_data
            # What is saved is what was tried: limits changed after the preview are tried first.
            if request.POST.get("_save") == _shown_as(wanted):
                try:
                    change_rule(rule_id=row.pk, by=signed_in(request), as_of=timezone.now(), **wanted)
                except MonitoringRefused as error:
                    refused(form, error)
                else:
                    note_change(request, row, f"“{row}” is set; the next check judges by it.")
                    return HttpResponseRedirect(reverse("admin:monitoring_alertrule_change", args=(row.pk,)))
        context: dict[str, Any] = {
            "default": row.default,
            "now": _shown(_tried(row, row.warning, row.critical, row.quiet_checks), row),
            "then": None,
        }
        if wanted is not None:
            context["then"] = _shown(
                _tried(row, wanted["warning"], wanted["critical"], wanted["quiet_checks"]), row
            )
            context["off"] = not wanted["enabled"]
            context["shown"] = _shown_as(wanted)
            context["changed"] = "_save" in request.POST and not form.errors
        return confirm_page(
            self,
            request,
            title=f"Edit the rule “{row}”",
            verb="Save",
            form=form,
            row=row,
            template="monitoring/admin/rule_edit.html",
            context=context,
            status=400 if form.errors else 200,
        )


def _shown_as(wanted: dict[str, Any]) -> str:
    return "|".join(str(wanted[name]) for name in ("enabled", "warning", "critical", "quiet_checks"))


def _tried(row: AlertRule, warning: float | None, critical: float | None, quiet_checks: int) -> Trial:
    return try_rule(
        RuleKind(row.kind), warning, critical, as_of=timezone.now(), days=DAYS, quiet_checks=quiet_checks
    )


def _shown(trial: Trial, row: AlertRule) -> dict[str, Any]:
    days: dict[date, dict[AlertLevel, int]] = defaultdict(lambda: dict.fromkeys(AlertLevel, 0))
    for one in trial.fired:
        days[one.at.date()][one.level] += 1
    total = trial.count()
    chart = day_columns(
        {
            day: [(f"at level {level.value}", n, TONES[level]) for level, n in counts.items()]
            for day, counts in days.items()
        },
        first=trial.since.date(),
        last=trial.until.date(),
        title=f"When “{row}” would have fired",
        y_title="Times",
        caption=f"n = {total:,} times in {DAYS} days, from {trial.readings:,} readings of {trial.looks:,} checks. "
        "Blue: info, amber: warning, red: critical.",
    )
    subjects = trial.subjects()
    return {
        "trial": trial,
        "days": DAYS,
        "total": total,
        "levels": [
            (state_badge(level.value), trial.count(level))
            for level in reversed(AlertLevel)
            if trial.count(level)
        ],
        "subjects": subjects[:MOST_SHOWN],
        "more": max(len(subjects) - MOST_SHOWN, 0),
        "chart": chart,
        "times": [
            (moment(one.at), state_badge(one.level.value), one.subject, value_words(row.kind, one.value))
            for one in trial.fired[-MOST_SHOWN:][::-1]
        ],
    }
