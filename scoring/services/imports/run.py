"""An import from the first byte to the last row, by the command or by a worker."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from leadscoring.common import alive, claims
from scoring.contracts import ImportRefused, ScoringError
from scoring.ml.phrases import count
from scoring.ml.reading import TableError
from scoring.models import FeatureSet, ImportRun
from scoring.services.features import settle_feature_set
from scoring.services.imports.chunks import LEASE_SECONDS, refused_so_far, write_rows
from scoring.services.imports.errors import write_errors
from scoring.services.imports.options import ImportOptions, ImportSummary
from scoring.services.imports.plan import Plan, Progress, file_digest, plan_import, source_name
from scoring.services.imports.starts import alone, open_or_take_up


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
    before: Callable[[Plan], None] = lambda plan: None,
) -> ImportSummary:
    """Read a file of leads with their outcomes. Good rows go in, others are named; twice changes nothing.

    The first import draws up a feature set, audits its columns and activates it with suspected leaks held out.
    When the process that began the same import is gone, this one goes on behind its last written row. `before` is
    told of the plan before a row is written.

    Raises:
        ImportRefused: the file as a whole cannot be read, its columns are not what the options say, or another
            import into the same source is under way; nothing is written.
        ImportStopped: a person stopped it, the file changed while it was read, or another process took it over.
    """
    source = options.source or source_name(path)
    if options.dry_run:
        plan = plan_import(path, options, progress=progress)
        before(plan)
        return dry_run(plan, as_of=as_of, progress=progress)
    with alone(source):
        plan = plan_import(path, options, progress=progress)
        before(plan)
        run = open_or_take_up(path, file_digest(path), plan, requested_by)
        held = claims.claim(ImportRun, run.pk, lease_seconds=LEASE_SECONDS, held_by=alive.here())
        if held is None:
            raise ImportRefused(f"Import {run.pk} was taken by another process at this moment; run it again.")
        return carry_out(run, plan, held, requested_by=requested_by, as_of=as_of, progress=progress)


def dry_run(plan: Plan, *, as_of: datetime, progress: Progress) -> ImportSummary:
    """What an import would do; writes nothing."""
    summary = _summary(plan, dry=True)
    try:
        write_rows(plan, summary, None, progress, as_of=as_of)
    except (TableError, OSError, EOFError) as error:
        raise ImportStopped(_stopped(summary, error)) from error
    progress(summary.words(), 1.0)
    return summary


def carry_out(
    run: ImportRun,
    plan: Plan,
    held: claims.Claim,
    *,
    requested_by: User | None,
    as_of: datetime,
    progress: Progress,
) -> ImportSummary:
    """Write the rows behind the run's checkpoint, settle the feature set, close the run.

    Raises:
        ImportStopped: it ended half-way; the row says the same.
    """
    # Read under the claim: whoever held the row before may have come further since.
    run.refresh_from_db()
    summary = _summary(plan, dry=False)
    summary.run_id = run.pk
    summary.go_on_from(run)
    summary.errors = refused_so_far(run)
    if run.rows_read:
        summary.notes.append(f"Went on behind row {run.rows_read:,}, where import {run.pk} was interrupted.")
    try:
        claims.renew(ImportRun, held, lease_seconds=LEASE_SECONDS, **_findings(run, plan, summary))
        write_rows(plan, summary, held, progress, as_of=as_of)
        with transaction.atomic():
            settled = settle_feature_set(plan.audited, by=requested_by, as_of=as_of, name=run.file_name)
            summary.feature_set, summary.feature_set_state = settled.number, settled.words
            summary.feature_set_waits = settled.waits
            summary.error_file = _error_file(run)
            claims.finish(
                ImportRun,
                held,
                message=summary.words(),
                feature_set=FeatureSet.objects.filter(number=settled.number).first(),
                error_file=summary.error_file,
                format_note=summary.format_note,
                held_by="",
                **summary.counts(),
            )
    except claims.LostClaim as error:
        raise ImportStopped(
            f"Another process has taken import {run.pk} over; this one has written nothing since."
        ) from error
    except BaseException as error:
        _close_unfinished(run, held, summary, error)
        if isinstance(error, claims.Cancelled | TableError | OSError | EOFError):
            raise ImportStopped(_stopped(summary, error)) from error
        raise
    progress(summary.words(), 1.0)
    return summary


def _summary(plan: Plan, *, dry: bool) -> ImportSummary:
    return ImportSummary(
        source=plan.source,
        dry_run=dry,
        format_note=plan.table.format_note,
        notes=list(plan.notes),
        held_out=plan.audited.held_out(),
        warnings=list(plan.warnings),
        elsewhere=plan.elsewhere,
    )


def _findings(run: ImportRun, plan: Plan, summary: ImportSummary) -> dict[str, Any]:
    """What the row keeps of the file and its audit when both are gone."""
    run.layout = {"columns": list(plan.table.columns)}
    if "delimiter" in plan.table.form:
        run.layout["delimiter"] = plan.table.form["delimiter"]
    found = {"notes": summary.notes, "warnings": summary.warnings, "held_out": summary.held_out}
    return {"layout": run.layout, "audit": {**run.audit, **found}}


def _error_file(run: ImportRun) -> str:
    """A command's file of refused rows; those of an upload are downloaded from its page."""
    return "" if run.stored_file else write_errors(run)


def _close_unfinished(
    run: ImportRun, held: claims.Claim, summary: ImportSummary, error: BaseException
) -> None:
    words = _stopped(summary, error)
    fields: dict[str, Any] = {"format_note": summary.format_note, "held_by": "", **summary.counts()}
    # A full disk may be what stopped it; the rows themselves are in the database.
    with contextlib.suppress(OSError):
        fields["error_file"] = _error_file(run)
    try:
        if isinstance(error, claims.Cancelled):
            claims.cancel(ImportRun, held, message=words, **fields)
        else:
            claims.fail(ImportRun, held, words, **fields)
    except claims.LostClaim:
        # Closed by the sweep meanwhile: the error that stopped the import is the one to tell.
        return


def _stopped(summary: ImportSummary, error: BaseException) -> str:
    kept = (
        "nothing was written" if summary.dry_run else "those are kept, and running it again repeats nothing"
    )
    words = f"Stopped after {count(summary.rows_read, 'row')}; {kept}."
    return words if isinstance(error, claims.Cancelled) else f"{words} {type(error).__name__}: {error}"
