"""A rep's override: set and ended on pages of the lead, and the list of all of them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import DayRangeFilter, ListPage, ReadOnlyPage, choice_filter, text_filter
from leadscoring.common.admin.confirm import ReasonForm, confirm_page, note_change, refused, signed_in
from leadscoring.common.admin.words import NOTHING, badge, grade_badge, link, moment
from scoring.contracts import Grade, OverrideInput, OverrideRefused
from scoring.models import Lead, ScoreOverride
from scoring.selectors.leads import current_override
from scoring.services.overrides import LONGEST, USUAL, end_override, machine_words, set_override

if TYPE_CHECKING:
    Base = ListPage[Lead]
else:
    Base = object

GRADES = tuple((g.value, g.value) for g in Grade)


class OverrideForm(ReasonForm):
    """What the rep says, and until when."""

    grade = forms.ChoiceField(
        label="Grade",
        choices=[("", "by the score below"), *GRADES],
        required=False,
        help_text="A: call first. B: call soon. C: call later. D: call last.",
    )
    score = forms.IntegerField(
        label="Score",
        required=False,
        min_value=1,
        max_value=99,
        help_text="From 1 to 99, only if you want to be exact.",
    )
    until = forms.DateField(
        label="Holds until",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=f"The end of that day, UTC. Empty: {USUAL.days} days from now. At most {LONGEST.days} days.",
    )

    field_order = ("grade", "score", "until", "reason")

    def read(self) -> OverrideInput:
        """The answer of a valid form."""
        data = self.cleaned_data
        until = data["until"]
        return OverrideInput(
            grade=Grade(data["grade"]) if data["grade"] else None,
            score=data["score"],
            reason=data["reason"],
            expires_at=datetime.combine(until, time.max, UTC) if until else None,
        )


class OverridePages(Base):
    """Addresses below a lead's page."""

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"scoring_lead_{name.replace('-', '_')}",
            )
            for name, view in (("override", self.override_view), ("end-override", self.end_override_view))
        ]
        return [*own, *super().get_urls()]

    def _lead(self, request: HttpRequest, object_id: str) -> Lead:
        lead: Lead = self.row_or_404(request, object_id)
        if not request.user.has_perm("scoring.override_lead"):
            raise PermissionDenied
        return lead

    def override_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Set a grade or score by hand."""
        lead = self._lead(request, object_id)
        if lead.merged_into is not None:
            return HttpResponseRedirect(reverse("admin:scoring_lead_override", args=(lead.merged_into_id,)))
        now = timezone.now()
        form = OverrideForm(
            request.POST if request.method == "POST" else None,
            initial={"until": (now + USUAL).date() - timedelta(days=1)},
        )
        if request.method == "POST" and form.is_valid():
            try:
                made = set_override(
                    lead_id=lead.pk,
                    sent=form.read(),
                    by=str(request.user),
                    person=signed_in(request),
                    as_of=now,
                )
            except OverrideRefused as error:
                refused(form, error)
            else:
                until = moment(made.expires_at)
                note_change(
                    request, lead, f"{lead.external_id} is now {made.words}, set by hand until {until}."
                )
                return HttpResponseRedirect(reverse("admin:scoring_lead_change", args=(lead.pk,)))
        current = current_override(lead.pk, as_of=now)
        return confirm_page(
            self,
            request,
            title=f"Set another grade for {lead.external_id}",
            verb="Set it",
            form=form,
            row=lead,
            template="scoring/admin/override.html",
            context={
                "machine": machine_words(lead),
                "grade_shown": grade_badge(lead.grade),
                "current": current,
                "lead": lead,
            },
            status=400 if form.errors else 200,
        )

    def end_override_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the machine's score hold again."""
        lead = self._lead(request, object_id)
        address = reverse("admin:scoring_lead_change", args=(lead.merged_into_id or lead.pk,))
        form = ReasonForm(request.POST if request.method == "POST" else None)
        now = timezone.now()
        if request.method == "POST" and form.is_valid():
            try:
                ended = end_override(
                    lead_id=lead.pk,
                    reason=form.cleaned_data["reason"],
                    by=str(request.user),
                    person=signed_in(request),
                    as_of=now,
                )
            except OverrideRefused as error:
                refused(form, error)
            else:
                if ended is None:
                    messages.info(request, "No override held any more; nothing changed.")
                else:
                    note_change(request, lead, f"The machine's score holds again for {lead.external_id}.")
                return HttpResponseRedirect(address)
        current = current_override(lead.merged_into_id or lead.pk, as_of=now)
        return confirm_page(
            self,
            request,
            title=f"End the override of {lead.external_id}",
            verb="End it",
            form=form,
            row=lead,
            template="scoring/admin/override.html",
            context={
                "machine": machine_words(lead),
                "grade_shown": grade_badge(lead.grade),
                "current": current,
                "ending": True,
                "lead": lead,
            },
            status=400 if form.errors else 200,
        )


class HoldsFilter(SimpleListFilter):
    """Overrides that hold, and earlier ones."""

    title = "state"
    parameter_name = "holds"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "holds"), ("no", "ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ScoreOverride]) -> QuerySet[ScoreOverride]:
        holding = {"ended_at__isnull": True, "expires_at__gt": timezone.now()}
        if self.value() == "yes":
            return queryset.filter(**holding)
        return queryset.exclude(**holding) if self.value() == "no" else queryset


@admin.register(ScoreOverride)
class ScoreOverrideAdmin(ReadOnlyPage[ScoreOverride]):
    """Newest first: who said what against the machine, and why."""

    empty_words = "A grade is set by hand on the lead's page. Nobody has set one yet."
    list_display = (
        "lead_shown",
        "grade_shown",
        "score",
        "machine_shown",
        "state_shown",
        "set_by",
        "set_shown",
        "expires_shown",
        "reason",
    )
    list_select_related = ("lead",)
    list_filter = (
        HoldsFilter,
        choice_filter("grade", "grade", GRADES),
        text_filter("set by", "set_by"),
        ("set_at", DayRangeFilter),
    )
    list_filter_submit = True
    ordering: ClassVar[Any] = ["-set_at", "-id"]
    search_fields = ("lead__external_id",)
    search_help_text = "Start of the lead's external id"
    fields = (
        "lead_shown",
        "grade",
        "score",
        "machine_shown",
        "reason",
        "set_by",
        "set_at",
        "expires_at",
        "state_shown",
        "ended_at",
        "ended_how",
        "ended_by",
        "end_reason",
    )
    readonly_fields = ("lead_shown", "machine_shown", "state_shown")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.replace("\x00", "").strip()
        return (queryset.filter(lead__external_id__startswith=term) if term else queryset), False

    @admin.display(description="Lead")
    def lead_shown(self, row: ScoreOverride) -> SafeString:
        return link("scoring_lead", row.lead_id, row.lead.external_id)

    @admin.display(description="Set to", ordering="grade")
    def grade_shown(self, row: ScoreOverride) -> SafeString:
        return grade_badge(row.grade)

    @admin.display(description="The machine said")
    def machine_shown(self, row: ScoreOverride) -> str:
        return NOTHING if row.machine_score is None else f"{row.machine_score} ({row.machine_grade})"

    @admin.display(description="State")
    def state_shown(self, row: ScoreOverride) -> SafeString:
        if row.ended_at is None and row.expires_at > timezone.now():
            return badge("holds", "good")
        return badge(row.ended_how.replace("_", " ") or "expired", "quiet")

    @admin.display(description="Set", ordering="set_at")
    def set_shown(self, row: ScoreOverride) -> str:
        return moment(row.set_at)

    @admin.display(description="Until", ordering="expires_at")
    def expires_shown(self, row: ScoreOverride) -> str:
        return moment(row.expires_at)
