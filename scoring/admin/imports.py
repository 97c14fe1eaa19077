"""Imports: what was read, what was refused and why, and the file of every refused row."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import choice_filter, page_action
from leadscoring.common.admin.work import WorkPage
from leadscoring.common.charts import Bar, shares
from scoring.models import ImportRun

ERRORS_SHOWN = 100
STATES = tuple((state, state) for state in ("queued", "running", "done", "failed", "cancelled"))


@admin.register(ImportRun)
class ImportRunAdmin(WorkPage[ImportRun]):
    """Newest first."""

    list_display = (
        "id",
        "file_name",
        "source_system",
        "state_shown",
        "progress_shown",
        "rows_read",
        "rows_created",
        "rows_updated",
        "rows_refused",
        "created_shown",
        "by_shown",
    )
    list_display_links = ("id", "file_name")
    list_filter = (choice_filter("state", "state", STATES),)
    search_fields = ("file_name", "source_system")
    empty_words = "Files of leads that were read are listed here. None was read yet."
    ordering: ClassVar[Any] = ["-id"]
    fields: ClassVar[Any] = ()
    change_form_template = "scoring/admin/import_run.html"
    actions_detail = ("download_errors",)

    def has_errors_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.view_importrowerror")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        has_file = ImportRun.objects.filter(pk=object_id).exclude(error_file="").exists()
        found: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # Unfold's method
        return found if has_file else []

    def page_context(self, request: HttpRequest, row: ImportRun) -> dict[str, Any]:
        return {
            **super().page_context(request, row),
            "rows_bar": _rows_bar(row),
            "refused_rows": row.row_errors.all()[:ERRORS_SHOWN],
            "refused_more": max(row.rows_refused - ERRORS_SHOWN, 0),
            "feature_set": row.feature_set,
            "options": [
                (key.replace("_", " "), value)
                for key, value in row.options.items()
                if value not in ("", None, [], {})
            ],
            "sees_sets": request.user.has_perm("scoring.view_featureset"),
        }

    @page_action("Download refused rows", permission="errors", icon="download")
    def download_errors(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        found = error_file(row)
        return HttpResponse(status=404) if found is None else _sent(found)


def error_file(row: ImportRun) -> Path | None:
    """The file of refused rows, only where it lies directly in the folder of imports."""
    folder = (Path(settings.VAR_DIR) / "imports").resolve()
    # Only the last part of the stored name: whatever the row holds, no other folder can be read.
    found = (folder / Path(row.error_file).name).resolve() if row.error_file else folder
    return found if found.parent == folder and found.is_file() else None


def _sent(found: Path) -> HttpResponse:
    try:
        file = found.open("rb")
    except OSError as error:
        raise Http404("The file of refused rows is no longer there.") from error
    response: Any = FileResponse(
        file, as_attachment=True, filename=found.name, content_type="text/csv; charset=utf-8"
    )
    answer: HttpResponse = response
    return answer


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
