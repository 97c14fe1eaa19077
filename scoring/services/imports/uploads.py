"""Uploaded files: kept under VAR_DIR/uploads, prepared step by step, and removed when nobody needs them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from leadscoring.common import claims
from leadscoring.common.claims import WorkState
from leadscoring.common.queue import enqueue
from scoring.contracts import ImportRefused
from scoring.ml.reading import Table
from scoring.models import DRAFT, ImportRun, ImportStep
from scoring.services.imports.options import ImportOptions
from scoring.services.imports.plan import open_file, source_name
from scoring.services.imports.starts import refusal

KEEP_DAYS = 7


def folder() -> Path:
    """Where uploads lie."""
    return Path(settings.VAR_DIR) / "uploads"


def stored_path(run: ImportRun) -> Path:
    """The file of an upload. Only its last two parts are used: whatever the row holds, no other folder is read."""
    parts = Path(run.stored_file).parts[-2:]
    return folder().joinpath(*(part for part in parts if part not in ("..", "/")))


def store_upload(name: str, chunks: Iterable[bytes], *, by: User | None) -> ImportRun:
    """Keep a file and start preparing its import.

    Raises:
        ImportRefused: it is too large, or no table that can be read; nothing is kept.
    """
    place = folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = place / f".{secrets.token_hex(8)}"
    aside.mkdir(mode=0o700)
    try:
        file = aside / _safe_name(name)
        digest, size = _receive(file, chunks)
        table = open_file(file, ImportOptions(converted=""))
        kept = place / digest / file.name
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        file.replace(kept)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    told = _told_before(table)
    return ImportRun.objects.create(
        state=DRAFT,
        step=ImportStep.UPLOADED,
        file_name=kept.name[:255],
        file_digest=digest,
        file_size=size,
        stored_file=f"{digest}/{kept.name}",
        source_system=(told and told.source) or source_name(kept),
        options={} if told is None else told.to_json(),
        format_note=table.format_note,
        requested_by=by,
    )


def _told_before(table: Table) -> ImportOptions | None:
    """What was told about the file that these refused rows came from, where its columns are still there."""
    run = ImportRun.objects.filter(pk=table.form.get("refused_of", 0)).first()
    if run is None:
        return None
    told = replace(
        ImportOptions.from_json({"converted": "", **run.options}),
        source=run.source_system,
        delimiter=None,
        encoding=None,
        sheet=None,
        header_row=None,
    )
    try:
        told.check(table.columns)
    except ImportRefused:
        return None
    return told


def _receive(file: Path, chunks: Iterable[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        for chunk in chunks:
            size += len(chunk)
            if size > settings.IMPORT_MAX_BYTES:
                raise too_large()
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest(), size


def too_large() -> ImportRefused:
    """The answer to a file past the limit."""
    return ImportRefused(
        f"The file is larger than {settings.IMPORT_MAX_BYTES / 2**20:,.0f} MiB, the limit for uploads. Split it, "
        "compress a CSV with gzip, or ask whoever runs the server to import it there."
    )


def _safe_name(name: str) -> str:
    """The file's own name, without what a file system or a page could trip over."""
    last = re.split(r"[\\/]", name)[-1]
    plain = "".join(mark if mark.isprintable() and mark not in '<>:"|?*' else "-" for mark in last).strip(
        " ."
    )
    stem, dot, ending = plain.rpartition(".")
    short = f"{stem[:100]}{dot}{ending[:10]}" if stem else plain[:100]
    while len(short.encode("utf-8", "replace")) > 200:
        short = short[1:]
    try:
        short.encode()
    except UnicodeEncodeError:
        short = short.encode("ascii", "replace").decode().replace("?", "-")
    return short or "upload"


def set_reading(run: ImportRun, options: ImportOptions) -> None:
    """Keep how the file is to be read; what was told about its columns before is told anew.

    Raises:
        ImportRefused: it cannot be read so, or the import is past this step.
    """
    table = open_file(stored_path(run), options)
    reading = replace(
        ImportOptions(converted=""),
        delimiter=options.delimiter,
        encoding=options.encoding,
        sheet=options.sheet,
        header_row=options.header_row,
    )
    _change(run, step=ImportStep.UPLOADED, options=reading.to_json(), format_note=table.format_note, audit={})


def request_audit(run: ImportRun, options: ImportOptions) -> None:
    """Keep what the columns mean, and wake a worker for the audit.

    Raises:
        ImportRefused: a column is not in the file or has two meanings, or the import is past this step.
    """
    table = open_file(stored_path(run), options)
    options.check(table.columns)
    _change(
        run,
        step=ImportStep.MAPPED,
        state=WorkState.QUEUED,
        attempts=0,
        options=options.to_json(),
        source_system=options.source or run.source_system,
        audit={},
        error="",
        progress=0.0,
        message="",
        started_at=None,
    )
    enqueue("scoring.tasks.run_import", run.pk)


def request_import(run: ImportRun, *, reason: str, by: User | None) -> None:
    """Queue the audited import and wake a worker.

    Raises:
        ImportRefused: it is not audited, its reason is blank, its file is gone, or another import into the source is
            under way.
    """
    if not reason.strip():
        raise ImportRefused("A reason is needed: it is what others read later.")
    if not stored_path(run).is_file():
        raise ImportRefused(f"The uploaded file {run.file_name} is no longer there; upload it again.")
    try:
        with transaction.atomic():
            queued = ImportRun.objects.filter(pk=run.pk, state=DRAFT, step=ImportStep.AUDITED).update(
                step=ImportStep.IMPORT,
                state=WorkState.QUEUED,
                attempts=0,
                reason=reason.strip(),
                requested_by=by,
                progress=0.0,
                started_at=None,
            )
            if queued != 1:
                raise ImportRefused(
                    "This import is not ready to start: it was started, changed or discarded."
                )
            enqueue("scoring.tasks.run_import", run.pk)
    except IntegrityError as error:
        raise refusal(run.source_system) from error


def cancel_import(run_id: int) -> bool:
    """Ask an import to stop; an audit that waits goes back to the page before. False when it was over already."""
    back = ImportRun.objects.filter(pk=run_id, state=WorkState.QUEUED).exclude(step=ImportStep.IMPORT)
    if back.update(state=DRAFT, message=""):
        return True
    return claims.request_cancel(ImportRun, run_id)


def discard_upload(run: ImportRun) -> bool:
    """Give up an import that is being prepared, and its file. False when it is past that."""
    done = ImportRun.objects.filter(pk=run.pk, state=DRAFT).update(
        state=WorkState.CANCELLED, message="Discarded before anything was imported."
    )
    if done:
        forget_file(run.pk)
    return bool(done)


def prepare_again(run: ImportRun, *, by: User | None) -> ImportRun:
    """A new draft with the file and the answers of an upload that failed or was stopped.

    Raises:
        ImportRefused: its file is no longer there.
    """
    if not run.stored_file or not stored_path(run).is_file():
        raise ImportRefused(f"The uploaded file {run.file_name} is no longer there; upload it again.")
    return ImportRun.objects.create(
        state=DRAFT,
        step=ImportStep.UPLOADED,
        requested_by=by,
        **{
            name: getattr(run, name)
            for name in (
                *("file_name", "file_digest", "file_size", "stored_file"),
                *("source_system", "options", "format_note"),
            )
        },
    )


def forget_file(run_id: int) -> None:
    """Remove the file of an upload, unless another one that is not over yet has the same."""
    run = ImportRun.objects.get(pk=run_id)
    shared = ImportRun.objects.filter(stored_file=run.stored_file, state__in=(DRAFT, *claims.OPEN))
    if run.stored_file and not shared.exclude(pk=run_id).exists():
        with contextlib.suppress(FileNotFoundError):
            stored_path(run).unlink()
        with contextlib.suppress(OSError):
            stored_path(run).parent.rmdir()


def remove_uploads(*, as_of: datetime) -> int:
    """Remove files of imports that are over, or that nobody went on with for a week; returns how many files."""
    before = as_of - timedelta(days=KEEP_DAYS)
    ImportRun.objects.filter(state=DRAFT, created_at__lt=before).update(
        state=WorkState.CANCELLED,
        message=f"Nobody went on with it for {KEEP_DAYS} days; its file was removed.",
    )
    needed = set(
        ImportRun.objects.filter(state__in=(DRAFT, *claims.OPEN)).values_list("stored_file", flat=True)
    ) | set(
        ImportRun.objects.filter(
            state__in=(WorkState.FAILED, WorkState.CANCELLED), created_at__gte=before
        ).values_list("stored_file", flat=True)
    )
    removed = 0
    for file in folder().glob("*/*"):
        old = file.stat().st_mtime < before.timestamp()
        if f"{file.parent.name}/{file.name}" not in needed and old:
            file.unlink(missing_ok=True)
            removed += 1
        with contextlib.suppress(OSError):
            file.parent.rmdir()
    return removed


def _change(run: ImportRun, **fields: object) -> None:
    """Set columns of a run that still waits for a person."""
    if ImportRun.objects.filter(pk=run.pk, state=DRAFT).update(**fields) != 1:
        raise ImportRefused("This import is past this step: it was started or discarded meanwhile.")
    run.refresh_from_db()
