"""What scheduled jobs did, slot by slot: a list to read."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from leadscoring.common.admin.base import DayRangeFilter, ReadOnlyPage, choice_filter, text_filter
from leadscoring.common.admin.words import NOTHING, badge, duration, moment
from leadscoring.common.jobs import task_of
from leadscoring.common.models import JobRun, JobState
from leadscoring.schedule import TABLE

LONGEST_SHOWN = 140
TONES = {
    JobState.QUEUED.value: "quiet",
    JobState.RUNNING.value: "info",
    JobState.DONE.value: "good",
    JobState.FAILED.value: "bad",
    JobState.SKIPPED.value: "warn",
}
NAMES = {entry.task: entry.name for entry in TABLE}


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyPage[JobRun]):
    """Newest slot first."""

    list_display = ("slot_shown", "job_shown", "state_shown", "took_shown", "attempts", "words_shown")
    list_filter = (
        choice_filter("state", "state", tuple(JobState.choices)),
        text_filter("job starts with", "job"),
        ("slot", DayRangeFilter),
    )
    search_fields = ("job", "error")
    search_help_text = "Job, or words of an error"
    ordering: ClassVar[Any] = ["-slot", "job"]
    sortable_by = ("slot_shown",)
    fields: ClassVar[Any] = ()
    change_form_template = "leadscoring/job_run.html"
    empty_words = "No scheduled job with slots has run yet."

    @admin.display(description="Slot", ordering="slot")
    def slot_shown(self, row: JobRun) -> str:
        return moment(row.slot)

    @admin.display(description="Job")
    def job_shown(self, row: JobRun) -> str:
        return NAMES.get(task_of(row.job), row.job)

    @admin.display(description="State", ordering="state")
    def state_shown(self, row: JobRun) -> SafeString:
        return badge(row.get_state_display().lower(), TONES[row.state])

    @admin.display(description="Took")
    def took_shown(self, row: JobRun) -> str:
        return took(row.started_at, row.finished_at)

    @admin.display(description="What happened")
    def words_shown(self, row: JobRun) -> str:
        """The error of what failed or waits, else the note."""
        return Truncator((row.error or row.message).partition("\n")[0]).chars(LONGEST_SHOWN) or NOTHING

    def page_context(self, request: HttpRequest, row: JobRun) -> dict[str, Any]:
        return {
            "job_shown": self.job_shown(row),
            "state_shown": self.state_shown(row),
            "took": took(row.started_at, row.finished_at),
        }


def took(started: datetime | None, ended: datetime | None) -> str:
    """How long it took, or a dash.

    >>> took(None, None)
    '–'
    """
    return duration(ended - started) if started and ended else NOTHING
