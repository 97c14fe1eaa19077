"""Imports: what was read, what was refused and why, and the file of every refused row."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.html import format_html
from django.utils.http import content_disposition_header
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import choice_filter, count_column, page_action
from leadscoring.common.charts import Bar, shares
from scoring.admin.import_steps import UploadSteps, next_step
from scoring.models import ImportRun
from scoring.services.imports import error_file_name, error_lines

ERRORS_SHOWN = 100
STATES = tuple((state, state) for state in ("queued", "running", "done", "failed", "cancelled"))


@admin.register(ImportRun)
class ImportRunAdmin(UploadSteps):
    """Newest first."""

    list_display = (
        "id",
        "file_shown",
        "state_shown",
        count_column("rows_read", "Rows"),
        count_column("rows_created", "New"),
        count_column("rows_updated", "Changed"),
        count_column("rows_refused", "Refused"),
        "created_shown",
    )
    list_display_links = ("id", "file_shown")
    list_filter = (choice_filter("state", "state", (("draft", "being prepared"), *STATES)),)
    search_fields = ("file_name", "source_system")
    empty_words = "Files of leads that were read are listed here. None was read yet."
    ordering: ClassVar[Any] = ["-id"]
    fields: ClassVar[Any] = ()
    change_form_template = "scoring/admin/import_run.html"
    actions_list = ("upload",)
    actions_detail = ("cancel", "discard", "again", "download_errors")

    @admin.display(description="File and source system", ordering="file_name")
    def file_shown(self, row: ImportRun) -> SafeString:
        return format_html('{}<span class="ls-sub">{}</span>', row.file_name, row.source_system)

    def has_errors_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.view_importrowerror")

    def page_context(self, request: HttpRequest, row: ImportRun) -> dict[str, Any]:
        return {
            **super().page_context(request, row),
            "rows_bar": _rows_bar(row),
            "rows_in": row.rows_read - row.rows_refused,
            "rows_lost": row.rows_read - row.rows_refused - row.rows_converted - row.rows_open,
            "refused_rows": row.row_errors.all()[:ERRORS_SHOWN],
            "refused_more": max(row.rows_refused - ERRORS_SHOWN, 0),
            "feature_set": row.feature_set,
            "options": _options(row),
            "sees_sets": request.user.has_perm("scoring.view_featureset"),
            "sees_errors": self.has_errors_permission(request),
            "next": next_step(row) if row.is_draft and self.has_upload_permission(request) else "",
        }

    @page_action("Download refused rows", permission="errors", icon="download")
    def download_errors(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        response: Any = StreamingHttpResponse(error_lines(row), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = content_disposition_header(True, error_file_name(row))
        answer: HttpResponse = response
        return answer


TOLD = {
    "id": "Column with the id",
    "converted": "Column with the outcome",
    "converted_values": "Means converted",
    "created_at": "Column with the creation",
    "converted_at": "Column with the conversion",
    "revenue": "Column with the revenue",
    "currency": "Currency",
    "owner": "Column with the owner",
    "stage": "Column with the stage",
    "exclude": "Left out of training",
    "delimiter": "Between cells, as told",
    "encoding": "Encoding, as told",
    "sheet": "Sheet, as told",
    "header_row": "Row with the names, as told",
}


def _options(row: ImportRun) -> list[tuple[str, str]]:
    """What was told about the file, in words."""
    found = []
    for key, words in TOLD.items():
        value = row.options.get(key)
        if value not in ("", None, []):
            shown = {"\t": "tab", " ": "blank"}.get(str(value), str(value))
            found.append((words, ", ".join(map(str, value)) if isinstance(value, list) else shown))
    return found


def _rows_bar(row: ImportRun) -> SafeString:
    return shares(
        [
            Bar("new", row.rows_created, "ls-tone-A"),
            Bar("changed", row.rows_updated, "ls-tone-B"),
            Bar("unchanged", row.rows_unchanged, "ls-tone-D"),
            Bar("refused", row.rows_refused, "ls-tone-bad"),
        ],
        noun="rows",
    )
