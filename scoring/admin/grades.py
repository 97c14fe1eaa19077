"""Grade limits: the history is read; new limits are set through a page that shows what they change."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import ReadOnlyPage, page_action
from leadscoring.common.admin.confirm import ReasonForm, confirm_page, note_change, refused
from leadscoring.common.admin.words import badge, moment, person
from leadscoring.common.charts import Bar, shares
from scoring.contracts import GradeLimits, ScoringError
from scoring.models import GradeBand, Lead
from scoring.selectors.versions import grade_limits
from scoring.services.releases import preview_limits, set_grade_limits


class LimitsForm(ReasonForm):
    """Three limits and why."""

    field_order = ("a", "b", "c", "reason")
    a = forms.IntegerField(label="Least score of grade A", min_value=4, max_value=99)
    b = forms.IntegerField(label="Least score of grade B", min_value=3, max_value=98)
    c = forms.IntegerField(
        label="Least score of grade C",
        min_value=2,
        max_value=97,
        help_text="Every score below it is grade D.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        a, b, c = (cleaned.get(key) for key in "abc")
        if a is not None and b is not None and c is not None and not a > b > c:
            raise forms.ValidationError(f"A {a}, B {b}, C {c}: expected A above B above C.")
        return cleaned

    def limits(self) -> GradeLimits:
        """The limits of a valid form."""
        return GradeLimits(a=self.cleaned_data["a"], b=self.cleaned_data["b"], c=self.cleaned_data["c"])


@admin.register(GradeBand)
class GradeBandAdmin(ReadOnlyPage[GradeBand]):
    """Newest first."""

    list_display = ("limits_shown", "state_shown", "set_shown", "by_shown", "reason")
    list_select_related = ("set_by",)
    ordering: ClassVar[Any] = ["-set_at", "-id"]
    fields = ("a", "b", "c", "state_shown", "set_shown", "by_shown", "reason")
    readonly_fields = ("state_shown", "set_shown", "by_shown")
    actions_list = ("set_limits",)

    def has_set_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.add_gradeband")

    @admin.display(description="Limits", ordering="a")
    def limits_shown(self, row: GradeBand) -> str:
        return str(row)

    @admin.display(description="State", ordering="is_current")
    def state_shown(self, row: GradeBand) -> SafeString:
        return badge("in force", "good") if row.is_current else badge("earlier", "quiet")

    @admin.display(description="Set", ordering="set_at")
    def set_shown(self, row: GradeBand) -> str:
        return moment(row.set_at)

    @admin.display(description="By")
    def by_shown(self, row: GradeBand) -> str:
        return person(row.set_by)

    @page_action("Set new limits", permission="set", icon="tune", tone="primary")
    def set_limits(self, request: HttpRequest) -> HttpResponse:
        now = grade_limits()
        form = LimitsForm(request.POST or None, initial={"a": now.a, "b": now.b, "c": now.c})
        wanted = now
        if request.method == "POST" and form.is_valid():
            wanted = form.limits()
            # Setting is the second press: the first shows what the limits would change.
            if "_set" in request.POST:
                try:
                    made = set_grade_limits(
                        a=wanted.a,
                        b=wanted.b,
                        c=wanted.c,
                        by=_user(request),
                        reason=form.cleaned_data["reason"],
                        as_of=timezone.now(),
                    )
                except ScoringError as error:
                    refused(form, error)
                else:
                    note_change(request, made, f"Grade limits are now {made}.")
                    return HttpResponseRedirect(reverse("admin:scoring_gradeband_changelist"))
        scores = _scores()
        before, after = preview_limits(now, scores), preview_limits(wanted, scores)
        return confirm_page(
            self,
            request,
            title="Set new grade limits",
            verb="Set these limits",
            form=form,
            template="scoring/admin/grade_limits.html",
            context={
                "before": _bars(before),
                "after": _bars(after),
                "rows": [
                    (grade, before[grade], after[grade], after[grade] - before[grade]) for grade in "ABCD"
                ],
                "n": sum(scores.values()),
                "now": now,
                "wanted": wanted,
                "differs": wanted != now,
            },
            status=400 if form.errors else 200,
        )


def _scores() -> dict[int, int]:
    """Scored leads by score: at most 99 rows, however many leads there are."""
    rows = Lead.objects.filter(score__isnull=False).order_by().values_list("score").annotate(n=Count("pk"))
    return {int(score): int(n) for score, n in rows if score is not None}


def _bars(counts: dict[str, int]) -> SafeString:
    return shares([Bar(g, counts[g], f"ls-tone-{g}") for g in "ABCD"], noun="scored leads")


def _user(request: HttpRequest) -> Any:
    return request.user
