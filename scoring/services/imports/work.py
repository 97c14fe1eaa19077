"""What a worker does with an uploaded file: audit it, or import it; taken up where a killed worker left it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog

from leadscoring.common import claims
from leadscoring.common.errors import ProblemError
from scoring.contracts import ImportRefused, ScoringError
from scoring.models import DRAFT, ImportRun, ImportStep
from scoring.services.features import would_settle
from scoring.services.imports.chunks import LEASE_SECONDS
from scoring.services.imports.options import ImportOptions, ImportSummary
from scoring.services.imports.plan import Plan, plan_import
from scoring.services.imports.run import ImportStopped, carry_out, dry_run
from scoring.services.imports.uploads import forget_file, stored_path

logger = structlog.get_logger(__name__)
ERRORS_IN_AUDIT = 50


def waiting_imports() -> list[int]:
    """Uploads that wait for a worker, or whose worker fell silent."""
    uploads = set(
        ImportRun.objects.filter(state__in=claims.OPEN).exclude(stored_file="").values_list("pk", flat=True)
    )
    return [pk for pk in claims.stale(ImportRun) if pk in uploads]


def work_on(run_id: int, *, as_of: datetime) -> None:
    """Claim an upload and do its next step; nothing happens when another worker has it."""
    run = ImportRun.objects.filter(pk=run_id).exclude(stored_file="").first()
    if run is None:
        return
    held = claims.claim(ImportRun, run_id, lease_seconds=LEASE_SECONDS)
    if held is None:
        return
    lease = claims.Lease(ImportRun, held, lease_seconds=LEASE_SECONDS)
    try:
        run.refresh_from_db()
        if run.step == ImportStep.IMPORT:
            _import(run, lease, as_of)
        else:
            _audit(run, lease, as_of)
    except claims.LostClaim:
        logger.warning("import.lost_claim", run=run_id)
    except (ImportRefused, ImportStopped) as refused:
        logger.info("import.refused", run=run_id, reason=refused.detail)


def _import(run: ImportRun, lease: claims.Lease, as_of: datetime) -> None:
    def told(message: str, share: float) -> None:
        # Chunks note their own progress with the counts; this is for the reading and the audit before them.
        if not message.startswith("Writing"):
            lease.progress(message, min(share, 0.99))
            lease.stop_if_cancelled()

    try:
        plan = _planned(run, told)
    except claims.Cancelled:
        claims.cancel(ImportRun, lease.claim, message="Stopped on request before any row was written.")
        return
    except claims.LostClaim:
        raise
    except Exception as error:
        claims.fail(ImportRun, lease.claim, _words(error))
        raise
    told("Writing leads", 0.36)
    carry_out(run, plan, lease.claim, requested_by=run.requested_by, as_of=as_of, progress=lambda m, s: None)
    forget_file(run.pk)


def _audit(run: ImportRun, lease: claims.Lease, as_of: datetime) -> None:
    """A dry run over the whole file; the row waits for a person again, whatever comes of it."""

    def told(message: str, share: float) -> None:
        lease.progress(message.replace("Writing leads", "Comparing with known leads"), min(share, 0.99))
        lease.stop_if_cancelled()

    try:
        plan = _planned(run, told)
        summary = dry_run(plan, as_of=as_of, progress=told)
    except claims.LostClaim:
        raise
    except (claims.Cancelled, ImportStopped) as error:
        words = error.detail if isinstance(error, ImportStopped) else "The audit was stopped on request."
        claims.hand_back(ImportRun, lease.claim, state=DRAFT, error=words, cancel_requested=False, message="")
    except Exception as error:
        claims.hand_back(ImportRun, lease.claim, state=DRAFT, error=_words(error), message="")
        raise
    else:
        claims.hand_back(
            ImportRun,
            lease.claim,
            state=DRAFT,
            step=ImportStep.AUDITED,
            error="",
            message="",
            format_note=plan.table.format_note,
            audit=audit_document(plan, summary),
        )


def audit_document(plan: Plan, summary: ImportSummary) -> dict[str, Any]:
    """What the page of the audit shows."""
    return {
        **summary.counts(),
        "errors": [
            [error.row, error.column, error.value, error.expected]
            for error in summary.errors[:ERRORS_IN_AUDIT]
        ],
        "held_out": summary.held_out,
        "notes": summary.notes,
        "warnings": summary.warnings,
        "elsewhere": plan.elsewhere.to_json(),
        "learns_from": [
            f"{spec.name} ({spec.kind.value.replace('_', '/')})" for spec in plan.audited.schema.trainable
        ],
        "feature_set": would_settle(plan.audited).to_json(),
        "audited_rows": plan.audited.rows,
    }


def _planned(run: ImportRun, told: Any) -> Plan:
    path = stored_path(run)
    if not path.is_file():
        raise ImportRefused(f"The uploaded file {run.file_name} is no longer there; upload it again.")
    options = ImportOptions.from_json(run.options)
    return plan_import(path, options, progress=told)


def _words(error: Exception) -> str:
    if isinstance(error, ScoringError | ProblemError):
        return error.detail
    return f"{type(error).__name__}: {error}"
