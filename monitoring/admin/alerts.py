"""Alerts: what is wrong now, what was, and what people do about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import (
    ChoiceFilter,
    DayRangeFilter,
    ReadOnlyPage,
    choice_filter,
    page_action,
)
from leadscoring.common.admin.confirm import (
    ConfirmForm,
    ReasonForm,
    confirm_page,
    note_change,
    refused,
    signed_in,
)
from leadscoring.common.admin.words import NOTHING, moment, state_badge
from leadscoring.common.charts import TrendPoint, limit_trend
from monitoring.admin.alert_words import ago, ended, p_words, state_shown, value_words
from monitoring.contracts import AlertLevel, AlertState, MonitoringRefused
from monitoring.models import Alert, AlertRule, Delivery, StoredReading
from monitoring.models.alerts import KINDS
from monitoring.services import handling

#: So long before the onset the plot begins, and so many readings it holds at most.
BEFORE, MOST_POINTS = timedelta(days=7), 400
SNOOZES = (
    ("1", "1 hour"),
    ("4", "4 hours"),
    ("24", "1 day"),
    ("72", "3 days"),
    ("168", "1 week"),
    ("other", "until…"),
)
MOST_SHOWN = 100


class StateFilter(ChoiceFilter):
    """Open or closed; a list opened without a word shows both, open ones first."""

    title = "state"
    parameter_name = "state"
    options = (
        ("open", "open"),
        ("snoozed", "snoozed"),
        ("unseen", "open, seen by nobody"),
        ("closed", "closed"),
    )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        is_open = Q(state=AlertState.OPEN.value)
        conditions = {
            "open": is_open,
            "snoozed": is_open & Q(snoozed_until__gt=now),
            "unseen": is_open & Q(acknowledged_at__isnull=True),
            "closed": ~is_open,
        }
        condition = conditions.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


class OwnerFilter(ChoiceFilter):
    """Mine, or nobody's."""

    title = "owner"
    parameter_name = "owner"
    options = (("me", "me"), ("nobody", "nobody"), ("somebody", "somebody else"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        me = request.user.pk
        conditions = {
            "me": Q(owner=me),
            "nobody": Q(owner__isnull=True),
            "somebody": Q(owner__isnull=False) & ~Q(owner=me),
        }
        condition = conditions.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


class SnoozeForm(ReasonForm):
    """For how long, and why."""

    field_order = ("length", "until", "reason")
    length = forms.ChoiceField(label="Quiet for", choices=SNOOZES, initial="24")
    until = forms.DateTimeField(
        label="Until (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        help_text="Only with “until…”; at most 30 days from now.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("length") == "other" and not cleaned.get("until") and "until" not in self.errors:
            self.add_error("until", "There is no end; expected a day and time.")
        return cleaned

    def end(self, now: datetime) -> datetime:
        """When the snooze ends."""
        if self.cleaned_data["length"] == "other":
            until: datetime = self.cleaned_data["until"]
            return until.replace(tzinfo=UTC)
        return now + timedelta(hours=int(self.cleaned_data["length"]))


@admin.register(Alert)
class AlertAdmin(ReadOnlyPage[Alert]):
    """Open ones first, the most serious on top."""

    list_display = (
        "level_shown",
        "title_shown",
        "state_column",
        "kind_shown",
        "onset_shown",
        "seen_shown",
        "owner_shown",
    )
    list_display_links = ("level_shown", "title_shown")
    list_select_related = ("owner", "closed_by")
    list_filter = (
        StateFilter,
        choice_filter("level", "level", tuple((level.value, level.value) for level in AlertLevel)),
        choice_filter("rule", "kind", tuple(KINDS)),
        OwnerFilter,
        ("onset", DayRangeFilter),
    )
    search_fields = ("title", "subject", "cause")
    search_help_text = "Words of the title, the feature or the source"
    empty_words = "Nothing is wrong, and nothing was: checks open alerts here by themselves."
    fields: ClassVar[Any] = ()
    change_form_template = "monitoring/admin/alert.html"
    actions_detail = ("acknowledge", "take", "snooze", "close")

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        # "open" is the last of the states by name; the level counts while it is open, then the newest come first.
        weight = Case(When(state=AlertState.OPEN.value, then=F("level_rank")), default=Value(0))
        return (F("state").desc(), weight.desc(), "-onset", "-id")

    def has_handle_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("monitoring.handle_alert")

    def offers(self, row: Alert, action: str) -> bool:
        return row.is_open and (action != "acknowledge" or row.acknowledged_at is None)

    @admin.display(description="Level", ordering="level_rank")
    def level_shown(self, row: Alert) -> SafeString:
        return state_badge(row.level)

    @admin.display(description="What is wrong")
    def title_shown(self, row: Alert) -> str:
        more = len(row.parts) - 1
        return f"{row.title or row.subject}{f' (and {more} more of one cause)' if more > 0 else ''}"

    @admin.display(description="State")
    def state_column(self, row: Alert) -> SafeString:
        return state_shown(row, timezone.now())

    @admin.display(description="Rule", ordering="kind")
    def kind_shown(self, row: Alert) -> str:
        return row.get_kind_display()

    @admin.display(description="Since", ordering="onset")
    def onset_shown(self, row: Alert) -> str:
        return moment(row.onset)

    @admin.display(description="Last seen", ordering="last_seen")
    def seen_shown(self, row: Alert) -> str:
        return moment(row.last_seen)

    @admin.display(description="Owner", ordering="owner__username")
    def owner_shown(self, row: Alert) -> str:
        return str(row.owner) if row.owner else NOTHING

    def page_context(self, request: HttpRequest, row: Alert) -> dict[str, Any]:
        now = timezone.now()
        deliveries = Delivery.objects.filter(alert=row).select_related("channel").order_by("-pk")[:MOST_SHOWN]
        return {
            "level_shown": state_badge(row.level),
            "highest_shown": state_badge(row.highest_level),
            "state_shown": state_shown(row, now),
            "rule": row.get_kind_display(),
            "lasted": ago(row.onset, row.closed_at or now),
            "value": value_words(row.kind, row.value),
            "limit": value_words(row.kind, row.limit),
            "p": p_words(row.p),
            "trend": _trend(row),
            "snoozed": row.snoozed_until is not None and row.snoozed_until > now,
            "ended": ended(row),
            "held": row.state == AlertState.HELD.value,
            "members": [
                {
                    **part,
                    "badge": state_badge(part["level"]),
                    "words": value_words(part["kind"], part["value"]),
                }
                for part in row.members
            ],
            "events": row.events.select_related("by").order_by("-at", "-id")[:MOST_SHOWN],
            "deliveries": deliveries,
        }

    @page_action("Acknowledge", permission="handle", icon="visibility", tone="primary")
    def acknowledge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._act(
            request,
            object_id,
            verb="I have seen it",
            words="Everybody sees that somebody looks into it, and PagerDuty stops paging. The alert stays open.",
            form=ConfirmForm(request.POST or None),
            do=lambda row, form, by, now: handling.acknowledge(alert_id=row.pk, by=by, as_of=now),
            done="acknowledged.",
        )

    @page_action("Take", permission="handle", icon="person_add")
    def take(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._act(
            request,
            object_id,
            verb="Make me its owner",
            words="You become its owner, in place of whoever is now. Nobody is told by a message.",
            form=ConfirmForm(request.POST or None),
            do=lambda row, form, by, now: handling.take(alert_id=row.pk, owner=by, by=by, as_of=now),
            done="is yours.",
        )

    @page_action("Snooze", permission="handle", icon="snooze")
    def snooze(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._act(
            request,
            object_id,
            verb="Keep it quiet",
            words="No message is sent about it until then, unless it gets worse. If it is still there at the end, "
            "the channels are told again.",
            form=SnoozeForm(request.POST or None),
            do=lambda row, form, by, now: handling.snooze(
                alert_id=row.pk, until=form.end(now), reason=form.cleaned_data["reason"], by=by, as_of=now
            ),
            done="is quiet.",
        )

    @page_action("Close alert", permission="handle", icon="task_alt")
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._act(
            request,
            object_id,
            verb="Close this alert",
            words="Closed by hand it stays closed while its condition lasts. A new alert opens when the condition "
            "gets worse than it is now, or when it was over and comes back. Usually this is not needed: an alert "
            "clears by itself when its condition is over.",
            form=ReasonForm(request.POST or None),
            do=lambda row, form, by, now: handling.close(
                alert_id=row.pk, reason=form.cleaned_data["reason"], by=by, as_of=now
            ),
            done="is closed.",
        )

    def _act(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        verb: str,
        words: str,
        form: Any,
        do: Callable[[Alert, Any, User, datetime], object],
        done: str,
    ) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        # A form without fields is bound by the POST alone.
        if request.method == "POST" and (not form.fields or form.is_valid()):
            form.is_valid()
            try:
                do(row, form, signed_in(request), timezone.now())
            except MonitoringRefused as error:
                form = form if form.is_bound else type(form)(request.POST)
                form.is_valid()
                refused(form, error)
            else:
                note_change(request, row, f"Alert {row.pk} {done}")
                return HttpResponseRedirect(reverse("admin:monitoring_alert_change", args=(row.pk,)))
        return confirm_page(
            self,
            request,
            title=f"{verb}: alert {row.pk}",
            verb=verb,
            form=form,
            row=row,
            template="monitoring/admin/alert_act.html",
            context={"words": words, "level_shown": state_badge(row.level)},
            status=400 if form.errors else 200,
        )


def _trend(alert: Alert) -> SafeString:
    """What was measured from a week before the onset on, beside the limits of the rule."""
    rule = AlertRule.objects.filter(kind=alert.kind).first()
    kept = StoredReading.objects.filter(
        kind=alert.kind, subject=alert.subject, at__gte=alert.onset - BEFORE, value__isnull=False
    ).order_by("-at")
    points = [TrendPoint(*one) for one in kept.values_list("at", "value", "n")[:MOST_POINTS]]
    unit = rule.default.unit if rule is not None else ""
    return limit_trend(
        points[::-1],
        warning=rule.warning if rule is not None else None,
        critical=rule.critical if rule is not None else None,
        title=f"{alert.get_kind_display()}, measured",
        unit=unit[:1].upper() + unit[1:],
        noun="rows",
        each="Each point is one check; quiet ones of every few minutes are not kept",
    )
