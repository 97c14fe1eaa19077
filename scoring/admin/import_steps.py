"""A file uploaded, looked at, explained, audited and started: each step a page with an address of its own."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from leadscoring.common.admin.base import page_action
from leadscoring.common.admin.confirm import ConfirmForm, confirm_page, note_change, refused, signed_in
from leadscoring.common.admin.work import CancelPage, bar
from leadscoring.common.uploads import TOO_LARGE
from scoring.admin.import_forms import StartForm, UploadForm, columns_form, reading_form
from scoring.contracts import ImportRefused
from scoring.models import FeatureSet, ImportRun, ImportStep
from scoring.services.imports import (
    ImportOptions,
    Preview,
    cancel_import,
    discard_upload,
    prepare_again,
    preview_upload,
    request_audit,
    request_import,
    set_reading,
    store_upload,
    too_large,
)

STEPS = (
    ("file", "File"),
    ("columns", "Columns"),
    ("audit", "Audit"),
    ("start", "Import"),
)


class UploadSteps(CancelPage[ImportRun]):
    """The pages before an import runs."""

    def has_upload_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.add_importrun")

    def get_urls(self) -> list[URLPattern]:
        views = {"file": self.file_view, "columns": self.columns_view, "audit": self.audit_view}
        views |= {"start": self.start_view}
        own = [
            path(
                f"<path:object_id>/{step}/",
                self.admin_site.admin_view(view),
                name=f"scoring_importrun_{step}",
            )
            for step, view in views.items()
        ]
        return [*own, *super().get_urls()]

    @page_action("Import a file", permission="upload", icon="upload_file", tone="primary")
    def upload(self, request: HttpRequest) -> HttpResponse:
        form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
        if request.method == "POST":
            if request.META.get(TOO_LARGE):
                form = UploadForm()
                form.is_valid()
                form.errors["file"] = form.error_class([too_large().detail])
            elif form.is_valid():
                sent = form.cleaned_data["file"]
                try:
                    run = store_upload(sent.name or "upload", sent.chunks(), by=signed_in(request))
                except ImportRefused as error:
                    refused(form, error)
                else:
                    note_change(request, run, f"{run.file_name} is uploaded; nothing is imported yet.")
                    return HttpResponseRedirect(_address("file", run))
        return confirm_page(
            self,
            request,
            title="Import a file",
            verb="Upload and look at it",
            form=form,
            template="scoring/admin/import_upload.html",
            context={"steps": _steps("file", None), "limit_mib": settings.IMPORT_MAX_BYTES / 2**20},
            status=400 if form.errors else 200,
        )

    def file_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """How the file is read."""
        run = self._draft(request, object_id)
        if isinstance(run, HttpResponse):
            return run
        told = ImportOptions.from_json({"converted": "", **run.options})
        preview, trouble = None, ""
        try:
            preview = preview_upload(run, told)
        except ImportRefused as error:
            trouble = error.detail
        form = reading_form(preview, told, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                set_reading(run, form.options())
            except ImportRefused as error:
                refused(form, error)
            else:
                messages.success(request, "The file is read as you said.")
                return HttpResponseRedirect(_address("file", run))
        return self._page(
            request,
            run,
            "file",
            "scoring/admin/import_file.html",
            {"form": form, "preview": preview, "trouble": trouble, "next": _address("columns", run)},
            status=400 if form.errors else 200,
        )

    def columns_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the columns mean."""
        run = self._draft(request, object_id)
        if isinstance(run, HttpResponse):
            return run
        told = ImportOptions.from_json({"converted": "", **run.options})
        try:
            preview = preview_upload(run, told)
        except ImportRefused as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect(_address("file", run))
        outcome = _outcome(request, preview, told)
        form = None
        if outcome:
            data = request.POST if request.method == "POST" else None
            form = columns_form(run, preview, told, outcome, data)
        if request.method == "POST" and form is not None and form.is_valid():
            try:
                request_audit(run, form.options(told))
            except ImportRefused as error:
                refused(form, error)
            else:
                return HttpResponseRedirect(_address("audit", run))
        guess = preview.guesses.get("converted")
        return self._page(
            request,
            run,
            "columns",
            "scoring/admin/import_columns.html",
            {
                "form": form,
                "preview": preview,
                "outcome": outcome,
                "outcome_why": guess.why if guess is not None and guess.column == outcome else "",
                "unset": request.method == "POST" and not outcome,
                "trouble": run.error if run.step == ImportStep.MAPPED else "",
                "previous": _address("file", run),
                "other_sheets": [name for name in preview.sheets if name != preview.form.get("sheet")],
            },
            status=400 if request.method == "POST" else 200,
        )

    def audit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the import would do; while a worker still finds out, how far it is."""
        run = self._own(request, object_id)
        if run.is_open and run.step != ImportStep.IMPORT:
            context: dict[str, Any] = {
                "progress_url": reverse("admin:scoring_importrun_progress", args=(run.pk,))
            }
            context |= {"bar": bar(run)}
            return self._page(request, run, "audit", "scoring/admin/import_auditing.html", context)
        if not run.is_draft:
            return HttpResponseRedirect(_address("change", run))
        if run.step != ImportStep.AUDITED:
            return HttpResponseRedirect(_address("columns", run))
        context = audit_context(run)
        context |= {"previous": _address("columns", run), "next": _address("start", run)}
        return self._page(request, run, "audit", "scoring/admin/import_audit.html", context)

    def start_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The last question: why."""
        run = self._own(request, object_id)
        if not run.is_draft:
            return HttpResponseRedirect(_address("change", run))
        if run.step != ImportStep.AUDITED:
            return HttpResponseRedirect(_address("columns", run))
        form = StartForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                request_import(run, reason=form.cleaned_data["reason"], by=signed_in(request))
            except ImportRefused as error:
                refused(form, error)
            else:
                note_change(request, run, f"{run} is queued; this page follows it.")
                return HttpResponseRedirect(_address("change", run))
        return confirm_page(
            self,
            request,
            title=f"Import {run.file_name}",
            verb="Start the import",
            form=form,
            row=run,
            back=_address("audit", run),
            template="scoring/admin/import_start.html",
            context={
                **audit_context(run),
                "steps": _steps("start", run),
                "run": run,
                "previous": _address("columns", run),
            },
            status=400 if form.errors else 200,
        )

    def ask_to_stop(self, row: ImportRun) -> bool:
        return cancel_import(row.pk)

    def words_of_cancel(self, row: ImportRun) -> str:
        if row.step == ImportStep.IMPORT:
            return (
                f"{row} stops after the rows it is writing now. Leads written by then stay; importing the same file "
                "again doubles nothing."
            )
        return "The audit stops. The upload is kept, and you can audit it again."

    @page_action("Discard", permission="upload", icon="delete", tone="danger")
    def discard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        if request.method == "POST":
            if discard_upload(row):
                note_change(request, row, f"{row.file_name} is discarded; nothing was imported.")
            else:
                messages.info(request, f"{row} is past its preparation; nothing changed.")
            return HttpResponseRedirect(reverse("admin:scoring_importrun_changelist"))
        return confirm_page(
            self,
            request,
            title=f"Discard {row.file_name}",
            verb="Discard this upload",
            form=ConfirmForm(),
            row=row,
            danger=True,
            template="scoring/admin/import_discard.html",
        )

    @page_action("Prepare again", permission="upload", icon="replay")
    def again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        form = ConfirmForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                run = prepare_again(row, by=signed_in(request))
            except ImportRefused as error:
                refused(form, error)
            else:
                note_change(request, run, f"{run.file_name} is prepared again; nothing is imported yet.")
                return HttpResponseRedirect(_address("file", run))
        return confirm_page(
            self,
            request,
            title=f"Prepare {row.file_name} again",
            verb="Prepare it again",
            form=form,
            row=row,
            template="scoring/admin/import_again.html",
            status=400 if form.errors else 200,
        )

    def offers(self, row: ImportRun, action: str) -> bool:
        match action:
            case "discard":
                return row.is_draft
            case "again":
                return row.state in {"failed", "cancelled"} and bool(row.stored_file)
            case "download_errors":
                return row.rows_refused > 0 and row.row_errors.exists()
        return super().offers(row, action)

    def _own(self, request: HttpRequest, object_id: str) -> ImportRun:
        run = self.row_or_404(request, object_id)
        if not self.has_upload_permission(request):
            raise PermissionDenied
        return run

    def _draft(self, request: HttpRequest, object_id: str) -> ImportRun | HttpResponse:
        """The run, or where to go when it is past its preparation."""
        run = self._own(request, object_id)
        if run.is_draft:
            return run
        step = "audit" if run.is_open and run.step != ImportStep.IMPORT else "change"
        return HttpResponseRedirect(_address(step, run))

    def _page(
        self,
        request: HttpRequest,
        run: ImportRun,
        step: str,
        template: str,
        context: dict[str, Any],
        *,
        status: int = 200,
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            template,
            {
                **admin.site.each_context(request),
                "opts": self.opts,
                "original": run,
                "title": f"Import {run.file_name}",
                "steps": _steps(step, run),
                **context,
            },
            status=status,
        )


def next_step(run: ImportRun) -> str:
    """Where the preparation of a draft goes on."""
    step = {ImportStep.UPLOADED: "file", ImportStep.MAPPED: "columns"}.get(ImportStep(run.step), "audit")
    return _address(step, run)


def audit_context(run: ImportRun) -> dict[str, Any]:
    """The audit, and the feature set it speaks of."""
    settles = run.audit.get("feature_set", {})
    if isinstance(settles, str):  # an upload that was audited by an earlier release
        settles = {"words": settles}
    number = settles.get("number")
    meant = FeatureSet.objects.filter(number=number).first() if number is not None else None
    return {"audit": run.audit, "settles": settles, "audit_set": meant}


def _outcome(request: HttpRequest, preview: Preview, told: ImportOptions) -> str:
    """The outcome column: asked for in the address, told before, or guessed."""
    guess = preview.guesses.get("converted")
    asked = request.GET.get("outcome") or told.converted or (guess.column if guess is not None else "")
    return asked if asked in preview.columns else ""


def _steps(now: str, run: ImportRun | None) -> list[dict[str, Any]]:
    """The steps with their addresses, as far as they can be gone to."""
    reached = {ImportStep.UPLOADED: 2, ImportStep.MAPPED: 2, ImportStep.AUDITED: 4}
    upto = reached.get(ImportStep(run.step), 0) if run is not None and run.is_draft else 0
    return [
        {
            "words": words,
            "now": step == now,
            "number": number,
            "href": _address(step, run) if run is not None and number <= upto and step != now else "",
        }
        for number, (step, words) in enumerate(STEPS, start=1)
    ]


def _address(step: str, run: ImportRun) -> str:
    return reverse(f"admin:scoring_importrun_{step}", args=(run.pk,))
