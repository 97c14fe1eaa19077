"""Grade limits: their history, and the page that shows what new ones would change before it sets them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import ReadOnlyPage, page_action
from leadscoring.common.admin.confirm import confirm_page, note_change, refused
from leadscoring.common.admin.words import badge, link, moment, person
from leadscoring.common.admin.work import WorkPage, bar, progress_answer, state_words
from leadscoring.common.charts import Bar, WeekParts, share_columns
from scoring.admin.grade_forms import LimitsForm, initial
from scoring.admin.grade_preview import preview_context
from scoring.contracts import GradeLimits, ScoringError
from scoring.models import GradeBand, GradeTally, Regrade
from scoring.selectors.grade_tally import count_asked_for
from scoring.selectors.grades import limits_history
from scoring.selectors.versions import grade_limits, open_release
from scoring.services.tallies import current_weeks, request_tally


@admin.register(GradeBand)
class GradeBandAdmin(ReadOnlyPage[GradeBand]):
    """Newest first."""

    list_display = ("limits_shown", "mode_shown", "state_shown", "set_shown", "by_shown", "reason")
    list_select_related = ("set_by",)
    ordering: ClassVar[Any] = ["-set_at", "-id"]
    fields = ("a", "b", "c", "mode_shown", "state_shown", "set_shown", "by_shown", "reason")
    readonly_fields = ("mode_shown", "state_shown", "set_shown", "by_shown")
    empty_words = "Nobody set limits yet: A from 75, B from 50 and C from 25 are in force."
    actions_list = ("set_limits",)
    actions_detail = ("set_again",)
    list_before_template = "scoring/admin/grade_history.html"
    change_form_template = "scoring/admin/grade_band.html"

    class Media:
        js = ("scoring/progress.js",)

    def has_set_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.add_gradeband")

    @admin.display(description="Limits", ordering="a")
    def limits_shown(self, row: GradeBand) -> str:
        return str(row)

    @admin.display(description="Set as", ordering="mode")
    def mode_shown(self, row: GradeBand) -> str:
        return f"target shares: {row.shares_shown()}" if row.shares else "fixed limits"

    @admin.display(description="State", ordering="is_current")
    def state_shown(self, row: GradeBand) -> SafeString:
        return badge("in force", "good") if row.is_current else badge("earlier", "quiet")

    @admin.display(description="Set", ordering="set_at")
    def set_shown(self, row: GradeBand) -> str:
        return moment(row.set_at)

    @admin.display(description="By")
    def by_shown(self, row: GradeBand) -> str:
        return person(row.set_by)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {**(extra_context or {}), **history_context(timezone.now())}
        return super().changelist_view(request, context)

    def page_context(self, request: HttpRequest, row: GradeBand) -> dict[str, Any]:
        before = (
            GradeBand.objects.filter(set_at__lte=row.set_at)
            .exclude(pk=row.pk)
            .order_by("-set_at", "-id")
            .first()
        )
        regrade = Regrade.objects.filter(grade_band=row).first()
        return {
            "difference": difference(row, before),
            "regrade": regrade,
            "regrade_words": f"{state_words(regrade)} {regrade.message}" if regrade else "",
            "mode_words": self.mode_shown(row),
            "by_words": self.by_shown(row),
            "may_set": self.has_set_permission(request),
        }

    @page_action("Set these again", permission="set", icon="undo")
    def set_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        return HttpResponseRedirect(f"{reverse('admin:scoring_gradeband_set_limits')}?from={row.pk}")

    @page_action("Set new limits", permission="set", icon="tune", tone="primary")
    def set_limits(self, request: HttpRequest) -> HttpResponse:
        now = grade_limits()
        band = GradeBand.objects.filter(is_current=True).first()
        form = LimitsForm(request.POST or None, initial=dict(initial(_asked_for(request) or band)))
        as_of = timezone.now()
        regrade = Regrade.objects.first()
        valid = request.method == "POST" and form.is_valid()
        wanted = form.limits() if valid else now
        changes = valid and (wanted != now or form.by_shares != bool(band and band.shares))
        evidence = preview_context(now, wanted, as_of=as_of, regrade=regrade)
        setting, unseen = "_set" in request.POST, False
        count = None if evidence["counted"] else count_asked_for()
        if valid and evidence["counted"] is None:
            if count is None or not count.is_open:
                count = request_tally()
            if setting:
                form.add_error(None, "The leads are not counted yet; expected a look at what changes first.")
        elif valid and setting:
            # Setting is the second press. Its button carries what the first press showed: numbers changed in
            # between are shown first as well.
            if request.POST["_set"] != _shown(wanted):
                unseen = True
            elif _set(form, request, as_of):
                return HttpResponseRedirect(reverse("admin:scoring_gradeband_changelist"))
        return confirm_page(
            self,
            request,
            title="Set new grade limits",
            verb="Set these limits",
            form=form,
            template="scoring/admin/grade_limits.html",
            context={
                **evidence,
                **count_context(count),
                "band": band,
                "regrade": regrade,
                "regrade_bar": bar(regrade) if regrade is not None else None,
                "release": open_release(),
                "now": now,
                "wanted": wanted,
                "differs": wanted != now,
                "changes": changes,
                "unseen": unseen,
                "shown": _shown(wanted),
            },
            status=400 if form.errors else 200,
        )

    def count_progress(self, request: HttpRequest) -> HttpResponse:
        """How far the count is that was asked for last; for the pages' script."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = count_asked_for()
        if row is None:
            raise Http404("Nobody has asked for a count of the grades yet.")
        return progress_answer(row)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.count_progress)
        return [path("count-progress/", view, name="scoring_gradeband_count_progress"), *super().get_urls()]


@admin.register(Regrade)
class RegradeAdmin(WorkPage[Regrade]):
    """Passes that give leads their grade anew, newest first; whoever sees the limits sees them."""

    empty_words = "New limits give every scored lead its new grade; each round is listed here."
    list_display = (
        "id",
        "state_shown",
        "message_shown",
        "limits_shown",
        "created_shown",
    )
    list_select_related: ClassVar[tuple[str, ...]] = ("requested_by", "grade_band")
    ordering: ClassVar[Any] = ["-id"]
    fields: ClassVar[Any] = ()
    change_form_template = "scoring/admin/regrade.html"

    def has_view_permission(self, request: HttpRequest, obj: Regrade | None = None) -> bool:
        return request.user.has_perm("scoring.view_gradeband")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("scoring.view_gradeband")

    @admin.display(description="Limits")
    def limits_shown(self, row: Regrade) -> SafeString:
        return link("scoring_gradeband", row.grade_band_id, str(row.grade_band))


def count_context(count: GradeTally | None) -> dict[str, Any]:
    """How far a count is that the page waits for; None: nobody has asked for one."""
    return {"count": count, "count_bar": bar(count) if count is not None else None}


def history_context(as_of: datetime) -> dict[str, Any]:
    """Who changed what, when and why, and the shares of the grades week by week."""
    counted = current_weeks(as_of=as_of)
    weeks = [
        WeekParts(week, tuple(Bar(grade, counts[grade], f"ls-tone-{grade}") for grade in "ABCD"))
        for week, counts in (counted.weeks if counted is not None else ())
    ]
    history, regrade = limits_history(), Regrade.objects.first()
    return {
        "band": next((band for band, _ in history if band.is_current), None),
        "limits": grade_limits(),
        "counted": counted,
        **count_context(None if counted else count_asked_for()),
        "taken": moment(counted.taken_at) if counted is not None else "",
        "shares_chart": share_columns(weeks, title="Grades given, week by week", noun="scorings"),
        "changes": [(band, difference(band, before), person(band.set_by)) for band, before in history],
        "regrade": regrade,
        "regrade_bar": bar(regrade) if regrade is not None else None,
    }


def difference(band: GradeBand, before: GradeBand | None) -> list[str]:
    """What these limits changed, one line for each grade that moved."""
    old = before.limits() if before is not None else None
    if old is None:
        return [f"First limits set: {band}. Before them 75, 50 and 25 held"]
    lines = [
        f"{name} from {getattr(old, name.lower())} to {getattr(band, name.lower())}"
        for name in "ABC"
        if getattr(old, name.lower()) != getattr(band, name.lower())
    ]
    if before is not None and before.mode != band.mode:
        lines.append("now target shares" if band.shares else "now fixed limits")
    return lines or ["Nothing but the reason"]


def _asked_for(request: HttpRequest) -> GradeBand | None:
    """Earlier limits that somebody wants back, from the address."""
    key = request.GET.get("from", "")
    return (
        GradeBand.objects.filter(pk=int(key)).first()
        if key.isascii() and key.isdecimal() and len(key) < 12
        else None
    )


def _shown(limits: GradeLimits) -> str:
    """Limits as the button to set them carries them."""
    return f"{limits.a}-{limits.b}-{limits.c}"


def _set(form: LimitsForm, request: HttpRequest, as_of: datetime) -> bool:
    """Set what a valid form says; on refusal the form says why."""
    try:
        made = form.set(by=request.user, as_of=as_of)
    except ScoringError as error:
        refused(form, error)
        return False
    note_change(
        request, made, f"Grade limits are now {made}. A worker gives every scored lead its grade anew."
    )
    return True
