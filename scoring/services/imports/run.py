"""An import from the first byte to the last row."""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User

from leadscoring.common import claims
from scoring.contracts import ImportRefused, ScoringError
from scoring.ml.reading import RawRow, Table, TableError, open_table
from scoring.models import FeatureSet, ImportRowError, ImportRun, Lead
from scoring.services.features import settle_feature_set
from scoring.services.imports.audited import audit_sample
from scoring.services.imports.options import ImportOptions, ImportSummary, RowError
from scoring.services.imports.rows import FileLead, RowReader
from scoring.services.imports.survey import CHUNK, Survey, survey
from scoring.services.imports.target import read_target
from scoring.services.imports.write import write_chunk

Progress = Callable[[str, float], None]
LEASE_SECONDS = 120
ERRORS_IN_DATABASE = 1000
SURVEY_SHARE = 0.25
AUDIT_SHARE = 0.35


class ImportStopped(ScoringError):
    """The import ended half-way; what was written by then stays, and its row says how far it came."""

    code = "import-stopped"


def import_file(
    path: Path,
    options: ImportOptions,
    *,
    requested_by: User | None,
    as_of: datetime,
    progress: Progress,
) -> ImportSummary:
    """Read a file of leads with their outcomes. Good rows go in, others are named; twice changes nothing.

    The first import draws up a feature set, audits its columns and activates it with suspected leaks held out.

    Raises:
        ImportRefused: the file as a whole cannot be read, or its columns are not what the options say; nothing is
            written.
        ImportStopped: a person stopped it, or the file changed while it was read.
    """
    try:
        table = open_table(path, delimiter=options.delimiter, encoding=options.encoding, sheet=options.sheet)
        options.check(table.columns)
        found = survey(table, options, lambda message, share: progress(message, share * SURVEY_SHARE))
    except TableError as error:
        raise ImportRefused(str(error)) from error
    target = read_target(found.outcomes, options)
    progress("Auditing the columns", SURVEY_SHARE)
    source = options.source or _source_name(path)
    summary = ImportSummary(source=source, dry_run=options.dry_run, format_note=table.format_note)
    summary.notes.append(target.note)
    audited, mapped = audit_sample(found.sample, options, target)
    summary.notes.extend(audited.notes)
    summary.held_out = audited.held_out()
    if not audited.schema.features and not Lead.objects.filter(source_system=source).exists():
        raise ImportRefused(
            f"{path.name} has no column that describes a lead: {', '.join(table.columns)} are all mapped. "
            f"Expected one at least, or outcomes of leads that source {source!r} has sent before."
        )
    reader = RowReader(options, target, mapped, as_of)
    run = None if options.dry_run else _start(path, source, options, requested_by)
    summary.run_id = run.pk if run is not None else None
    lease = None
    if run is not None:
        held = claims.claim(ImportRun, run.pk, lease_seconds=LEASE_SECONDS)
        if held is None:
            raise ImportRefused(f"Import {run.pk} was taken by another process at this moment; run it again.")
        lease = claims.Lease(ImportRun, held, lease_seconds=LEASE_SECONDS)

    def told(message: str, share: float) -> None:
        progress(message, share)
        if lease is not None:
            lease.progress(message, min(share, 0.99))
            lease.stop_if_cancelled()

    try:
        _write(table, reader, summary, found, told, as_of=as_of)
        if run is not None:
            settled = settle_feature_set(audited, by=requested_by, as_of=as_of, name=path.name)
            summary.feature_set, summary.feature_set_state = settled.number, settled.words
            summary.error_file = _keep_errors(run, summary.errors)
    except BaseException as error:
        if lease is not None:
            _close_unfinished(lease, summary, error)
        if isinstance(error, claims.Cancelled | TableError | OSError | EOFError):
            raise ImportStopped(_stopped(summary, error)) from error
        raise
    if lease is not None:
        claims.finish(ImportRun, lease.claim, message=_words(summary), **_fields(summary))
    progress(_words(summary), 1.0)
    return summary


def _write(
    table: Table, reader: RowReader, summary: ImportSummary, found: Survey, told: Progress, *, as_of: datetime
) -> None:
    for chunk in table.chunks(CHUNK):
        good: list[FileLead] = []
        for item in chunk:
            summary.rows_read += 1
            if isinstance(item, RawRow):
                read = reader.read(item)
            else:
                read = RowError(item.row, item.column, item.value, item.expected)
            if isinstance(read, RowError):
                summary.refused += 1
                summary.errors.append(read)
            else:
                good.append(read)
        if good:
            written = write_chunk(
                good,
                source=summary.source,
                currency=reader.options.currency,
                run_id=summary.run_id,
                reported_by=f"file:{summary.source}",
                as_of=as_of,
                dry_run=summary.dry_run,
            )
            summary.created += written.created
            summary.updated += written.updated
            summary.unchanged += written.unchanged
            summary.outcomes_recorded += written.outcomes
            summary.open += sum(row.outcome is None for row in good)
            summary.converted += sum(row.outcome == "converted" for row in good)
        share = summary.rows_read / max(found.rows + found.problems, 1)
        told(f"Writing leads: {summary.rows_read:,} rows", AUDIT_SHARE + share * (1 - AUDIT_SHARE))


def _source_name(path: Path) -> str:
    """The file's name without its endings, as the source system of leads nobody named one for."""
    stem = path.name.split(".")[0]
    return re.sub(r"[^a-z0-9]+", "-", stem.casefold()).strip("-")[:64] or "file"


def _start(path: Path, source: str, options: ImportOptions, requested_by: User | None) -> ImportRun:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ImportRun.objects.create(
        file_name=path.name[:255],
        file_digest=digest,
        source_system=source,
        options=options.to_json(),
        requested_by=requested_by,
    )


def _fields(summary: ImportSummary) -> dict[str, Any]:
    return {
        "format_note": summary.format_note,
        "rows_read": summary.rows_read,
        "rows_created": summary.created,
        "rows_updated": summary.updated,
        "rows_unchanged": summary.unchanged,
        "rows_open": summary.open,
        "rows_refused": summary.refused,
        "outcomes_recorded": summary.outcomes_recorded,
        "feature_set": FeatureSet.objects.filter(number=summary.feature_set or 0).first(),
        "error_file": summary.error_file,
    }


def _words(summary: ImportSummary) -> str:
    return (
        f"{summary.rows_read:,} rows: {summary.created:,} new, {summary.updated:,} changed, "
        f"{summary.unchanged:,} unchanged, {summary.refused:,} refused."
    )


def _close_unfinished(lease: claims.Lease, summary: ImportSummary, error: BaseException) -> None:
    words = _stopped(summary, error)
    try:
        if isinstance(error, claims.Cancelled):
            claims.cancel(ImportRun, lease.claim, message=words, **_fields(summary))
        else:
            claims.fail(ImportRun, lease.claim, words, **_fields(summary))
    except claims.LostClaim:
        # Closed by the sweep meanwhile: the error that stopped the import is the one to tell.
        return


def _stopped(summary: ImportSummary, error: BaseException) -> str:
    kept = (
        "nothing was written" if summary.dry_run else "those are kept, and running it again repeats nothing"
    )
    words = f"Stopped after {summary.rows_read:,} rows; {kept}."
    return words if isinstance(error, claims.Cancelled) else f"{words} {type(error).__name__}: {error}"


def _keep_errors(run: ImportRun, errors: list[RowError]) -> str:
    """All errors into a CSV file that a spreadsheet opens safely, the first ones into rows; the file's name."""
    if not errors:
        return ""
    ImportRowError.objects.bulk_create(
        [
            ImportRowError(
                import_run=run,
                row_number=error.row,
                column=error.column[:255],
                value=error.value[:255],
                expected=error.expected,
            )
            for error in errors[:ERRORS_IN_DATABASE]
        ],
        batch_size=500,
    )
    return write_errors(Path(settings.VAR_DIR) / "imports" / f"import-{run.pk}-errors.csv", errors).name


def write_errors(target: Path, errors: list[RowError]) -> Path:
    """Write refused rows as CSV, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f"{target.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "column", "value", "expected"])
        for error in errors:
            writer.writerow(
                [error.row, harmless(error.column), harmless(error.value), harmless(error.expected)]
            )
    aside.replace(target)
    return target


def harmless(text: str) -> str:
    """A cell that a spreadsheet shows and never runs: texts that would start a formula get an apostrophe."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text
