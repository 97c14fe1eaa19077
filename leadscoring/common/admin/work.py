"""Pages of long work: a progress bar that keeps itself fresh, times, and what went wrong."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, TypeVar

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from leadscoring.common.admin.base import ReadOnlyPage, page_action
from leadscoring.common.admin.confirm import ConfirmForm, confirm_page, note_change
from leadscoring.common.admin.words import NOTHING, duration, moment, person, state_badge
from leadscoring.common.claims import Work, WorkState

Run = TypeVar("Run", bound=Work)
LONGEST_MESSAGE = 140
BAR_TONES = {WorkState.DONE.value: "ls-done", WorkState.FAILED.value: "ls-failed"}


class WorkPage(ReadOnlyPage[Run]):
    """Rows that are work: read here, written by whoever does them."""

    list_select_related: ClassVar[tuple[str, ...]] = ("requested_by",)

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_progress"
        own = path("<path:object_id>/progress/", self.admin_site.admin_view(self.progress_view), name=name)
        return [own, *super().get_urls()]

    def progress_view(self, request: HttpRequest, object_id: str) -> JsonResponse:
        """What the page's script asks for."""
        return progress_answer(self.row_or_404(request, object_id))

    def page_context(self, request: HttpRequest, row: Run) -> dict[str, Any]:
        took = row.finished_at - row.started_at if row.started_at and row.finished_at else None
        return {
            "state_shown": state_badge(row.state),
            "bar": bar(row),
            "progress_url": reverse(
                f"admin:{self.opts.app_label}_{self.opts.model_name}_progress", args=(row.pk,)
            ),
            "took": duration(took) if took is not None else NOTHING,
            "requested_by": person(getattr(row, "requested_by", None)),
        }

    @admin.display(description="State", ordering="state")
    def state_shown(self, row: Run) -> SafeString:
        """The state; of what is under way or did not come to its end also how far it is."""
        shown, percent = state_badge(row.state), round(row.progress * 100)
        if not percent or row.state == WorkState.DONE.value:
            return shown
        return format_html(
            '{} <span class="ls-sub"><span class="ls-progress ls-small {}"><span style="width:{}%"></span></span>'
            "{} %</span>",
            shown,
            BAR_TONES.get(row.state, ""),
            percent,
            percent,
        )

    @admin.display(description="Message")
    def message_shown(self, row: Run) -> str:
        """How far it is; for what failed, why."""
        words = row.error if row.state == WorkState.FAILED.value and row.error else row.message
        return Truncator(words.strip().partition("\n")[0]).chars(LONGEST_MESSAGE)

    @admin.display(description="Asked for", ordering="created_at")
    def created_shown(self, row: Run) -> SafeString:
        return format_html(
            '{}<span class="ls-sub">by {}</span>',
            moment(row.created_at),
            person(getattr(row, "requested_by", None)),
        )


class CancelPage(WorkPage[Run]):
    """Work that a person may stop, for those with the right to change its rows."""

    # What stopping does and what stays, as a sentence after the row's name.
    cancel_words: ClassVar[str]

    @abstractmethod
    def ask_to_stop(self, row: Run) -> bool:
        """Ask the work to stop; false when it was over already."""

    def words_of_cancel(self, row: Run) -> str:
        """What stopping this row does."""
        return f"{row} {self.cancel_words}"

    def has_stop_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def offers(self, row: Run, action: str) -> bool:
        return action != "cancel" or (row.is_open and not row.cancel_requested)

    @page_action("Cancel", permission="stop", icon="stop_circle", tone="danger")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        if request.method == "POST":
            if self.ask_to_stop(row):
                note_change(request, row, f"{row} was asked to stop.")
            else:
                messages.info(request, f"{row} was over already; nothing changed.")
            return HttpResponseRedirect(
                reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(row.pk,))
            )
        return confirm_page(
            self,
            request,
            title=f"Cancel {row}",
            verb=f"Stop this {self.opts.verbose_name}",
            form=ConfirmForm(),
            row=row,
            danger=True,
            template="common/cancel.html",
            context={"words": self.words_of_cancel(row)},
        )


def bar(row: Work) -> dict[str, Any]:
    """What `common/_bar.html` draws."""
    return {
        "percent": round(row.progress * 100),
        "tone": BAR_TONES.get(row.state, ""),
        "state": state_words(row),
        "message": row.message,
        "error": row.error,
    }


def progress_answer(row: Work) -> JsonResponse:
    """How far work is, as `progress.js` reads it."""
    return JsonResponse(
        {
            "progress": row.progress,
            "message": row.message,
            "state_words": state_words(row),
            "ended": not row.is_open,
        },
        headers={"Cache-Control": "no-store"},
    )


def state_words(row: Work) -> str:
    """The state in a sentence."""
    if row.is_open and row.cancel_requested:
        return "Stopping: a person asked for it."
    return {
        WorkState.QUEUED.value: "Waiting for a worker.",
        WorkState.RUNNING.value: "Running.",
        WorkState.DONE.value: "Done.",
        WorkState.FAILED.value: "Failed.",
        WorkState.CANCELLED.value: "Cancelled.",
        "draft": "Being prepared.",
    }.get(row.state, row.state)
