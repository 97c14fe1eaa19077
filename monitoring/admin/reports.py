"""Reports: read as they are sent, sent on a person's word, and who got them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import ReadOnlyPage, choice_filter, page_action
from leadscoring.common.admin.confirm import ConfirmForm, ReasonForm, confirm_page, note_change, signed_in
from leadscoring.common.admin.words import badge, count, moment, person, state_badge
from leadscoring.common.claims import WorkState
from monitoring.models import Report, ReportDelivery, ReportState, week_words
from monitoring.services.reports import Week, missing_recipients, prepare, release, resend

MAILS_SHOWN = 200


@admin.register(Report)
class ReportAdmin(ReadOnlyPage[Report]):
    """Newest week first."""

    list_display = ("week_shown", "subject", "state_shown", "sent_shown", "as_of_shown")
    list_display_links = ("week_shown", "subject")
    list_filter = (choice_filter("state", "state", tuple(ReportState.choices)),)
    search_fields = ("subject", "deliveries__email", "deliveries__name")
    search_help_text = "Words of the subject, or a recipient"
    ordering: ClassVar[Any] = ["-week", "kind"]
    fields: ClassVar[Any] = ()
    change_form_template = "monitoring/admin/report.html"
    actions_list = ("prepare_now",)
    actions_detail = ("send_now",)
    empty_words = "The first report is sent on Monday at 06:30 UTC; the button at the top prepares one now."

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<path:object_id>/resend/<int:delivery_id>/",
            self.admin_site.admin_view(self.resend_view),
            name="monitoring_report_resend",
        )
        return [own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        rows = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "monitoring_report_changelist":
            rows = rows.defer("html", "text", "images", "facts").annotate(
                mails=Count("deliveries", distinct=True),
                mails_sent=Count("deliveries", filter=Q(deliveries__state=WorkState.DONE), distinct=True),
                mails_failed=Count("deliveries", filter=Q(deliveries__state=WorkState.FAILED), distinct=True),
            )
        return rows

    def has_send_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("monitoring.send_report")

    @admin.display(description="Week", ordering="week")
    def week_shown(self, row: Report) -> str:
        words = week_words(row.week)
        return f"{words[:1].upper()}{words[1:]}"

    @admin.display(description="State", ordering="state")
    def state_shown(self, row: Report) -> SafeString:
        return badge(row.get_state_display().lower(), "good" if row.state == ReportState.RELEASED else "warn")

    @admin.display(description="Sent to")
    def sent_shown(self, row: Any) -> str:
        if not row.mails:
            return "nobody"
        failed = f", {row.mails_failed} failed" if row.mails_failed else ""
        return f"{row.mails_sent} of {row.mails}{failed}"

    @admin.display(description="Counted", ordering="as_of")
    def as_of_shown(self, row: Report) -> str:
        return moment(row.as_of)

    def page_context(self, request: HttpRequest, row: Report) -> dict[str, Any]:
        return {
            "week_shown": week_words(row.week),
            "state_shown": self.state_shown(row),
            "shown": with_images(row),
            "mails": self._mails(request, row),
            "may_send": self.has_send_permission(request),
        }

    def _mails(self, request: HttpRequest, row: Report) -> list[dict[str, Any]]:
        if not request.user.has_perm("monitoring.view_reportdelivery"):
            return []
        rows = row.deliveries.select_related("requested_by").order_by("name", "id")[:MAILS_SHOWN]
        return [
            {
                "row": one,
                "state": state_badge(one.state),
                "ended": moment(one.finished_at),
                "next": moment(one.next_attempt_at),
                "by": person(one.requested_by),
                "over": not one.is_open,
            }
            for one in rows
        ]

    @page_action("Prepare last week's report", permission="send", icon="edit_note")
    def prepare_now(self, request: HttpRequest) -> HttpResponse:
        """Count and write the last full week, and show it; nothing is sent."""
        week = Week.before(timezone.now())
        there = Report.objects.filter(week=week.monday).defer("html", "images").first()
        if request.method == "POST":
            report = prepare(week, as_of=timezone.now())
            if there is not None and there.state == ReportState.RELEASED:
                messages.info(request, f"{report} was released already; it is shown as it was sent.")
            else:
                note_change(request, report, f"{report} is prepared. Nobody has got it yet.")
            return self._to(report)
        return confirm_page(
            self,
            request,
            title="Prepare last week's report",
            verb="Prepare the report",
            form=ConfirmForm(),
            template="monitoring/admin/report_prepare.html",
            context={"week": week_words(week.monday), "there": there},
        )

    @page_action("Send now", permission="send", icon="send", tone="primary")
    def send_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send to every active stakeholder who has not got it."""
        row = self.row_or_404(request, object_id)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        recipients = missing_recipients(row)
        if not recipients:
            messages.info(request, "There is no active stakeholder who has not got this report.")
            return self._to(row)
        if request.method == "POST" and form.is_valid():
            by = signed_in(request)
            reason = form.cleaned_data["reason"]
            sent = release(row, as_of=timezone.now(), by=by, reason=reason)
            note_change(request, row, f"{row} goes to {count(len(sent), 'person', 'people')}: {reason}")
            return self._to(row)
        return confirm_page(
            self,
            request,
            title=f"Send the report of {week_words(row.week)}",
            verb=f"Send to {count(len(recipients), 'person', 'people')}",
            form=form,
            row=row,
            template="monitoring/admin/report_send.html",
            context={"recipients": recipients[:MAILS_SHOWN], "more": max(len(recipients) - MAILS_SHOWN, 0)},
        )

    def resend_view(self, request: HttpRequest, object_id: str, delivery_id: int) -> HttpResponse:
        """Send once more to one person."""
        if not self.has_send_permission(request):
            raise PermissionDenied
        row = self.row_or_404(request, object_id)
        delivery = (
            ReportDelivery.objects.filter(report=row, pk=delivery_id).select_related("stakeholder").first()
        )
        if delivery is None:
            raise Http404(f"{row} has no mail with the key {delivery_id}.")
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]
            by = signed_in(request)
            if resend(delivery, by=by, reason=reason):
                note_change(request, row, f"{row} is sent to {delivery.name} once more: {reason}")
            else:
                messages.info(request, f"A mail to {delivery.name} is still under way; nothing changed.")
            return self._to(row)
        return confirm_page(
            self,
            request,
            title=f"Send the report of {week_words(row.week)} once more",
            verb=f"Send to {delivery.name}",
            form=form,
            row=row,
            template="monitoring/admin/report_resend.html",
            context={"delivery": delivery, "now": delivery.stakeholder},
        )

    def _to(self, row: Report) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:monitoring_report_change", args=(row.pk,)))


def with_images(row: Report) -> str:
    """The mail's HTML with its images inside, for a frame that fetches nothing."""
    html = row.html
    for image in row.images:
        html = html.replace(f'src="cid:{image["cid"]}"', f'src="data:image/png;base64,{image["png"]}"')
    return html
