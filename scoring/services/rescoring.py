"""Scoring many stored leads again, as work that survives being killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from leadscoring.common import claims
from leadscoring.common.queue import enqueue
from scoring import loader
from scoring.contracts import Cause, NoModelReleased, ScoringError
from scoring.models import Lead, Release, RescoreRun
from scoring.selectors.lead_list import Reader, check, listed, narrow
from scoring.services.scoring import rescore

logger = structlog.get_logger(__name__)
Clock = Callable[[], datetime]
LEASE_SECONDS = 90
BATCH = 500
MOST_CHOSEN = 1000
# A worker's task may run for an hour; a longer run goes on as the next task.
SLICE_SECONDS = 1500.0
RETRY_SECONDS = 30.0


class RescoreRefused(ScoringError):
    """Leads cannot be scored again as asked; the sentence says why."""

    code = "rescore-refused"


def request_rescore(
    *,
    filters: Mapping[str, str],
    owner_names: Sequence[str],
    lead_ids: Sequence[UUID],
    reason: str,
    requested_by: User | None,
    as_of: datetime,
    wake: bool = True,
) -> RescoreRun:
    """Ask for leads to be scored again: those named, or, with none named, all that the filters find.

    Raises:
        RescoreRefused: no model serves, a rescoring is under way, a filter means nothing, or no lead is meant.
    """
    if not reason.strip():
        raise RescoreRefused("A reason is needed: it is what others read later.")
    if len(lead_ids) > MOST_CHOSEN:
        raise RescoreRefused(f"{len(lead_ids):,} leads chosen one by one; expected at most {MOST_CHOSEN:,}.")
    reader = Reader(tuple(owner_names), as_of)
    _, problems = check(filters, reader)
    if problems and not lead_ids:
        # Leaving a filter out would score more leads than the person saw.
        raise RescoreRefused(f"The list's address has parts that mean nothing: {'; '.join(problems)}.")
    serving_or_refused()
    open_run = RescoreRun.objects.filter(state__in=claims.OPEN).first()
    if open_run is not None:
        raise RescoreRefused(f"{open_run} is {open_run.state}; wait for it or cancel it.")
    run = RescoreRun(
        filters=dict(filters),
        owner_names=list(owner_names),
        lead_ids=[str(pk) for pk in lead_ids],
        reason=reason.strip(),
        requested_by=requested_by,
        created_at=as_of,
    )
    run.leads_expected = leads_of(run).order_by().count()
    if not run.leads_expected:
        raise RescoreRefused("No lead is meant: the list is empty, or the chosen leads are gone.")
    run.save()
    if wake:
        enqueue("scoring.tasks.run_rescore", run.pk)
    return run


def serving_or_refused() -> str:
    """The name of the version that would score.

    Raises:
        RescoreRefused: nothing serves.
    """
    try:
        champion = loader.serving().champion
    except NoModelReleased as error:
        why = "Activate a version first."
        if Release.objects.filter(is_open=True).exists():
            why = "A release is open, but its model cannot be used here; the health page says why."
        raise RescoreRefused(f"No model serves, so there is nothing to score with. {why}") from error
    return f"version {champion.number}"


def leads_of(run: RescoreRun) -> QuerySet[Lead]:
    """The leads a run is about, as they stand now: never one that came after it was asked for."""
    if run.lead_ids:
        return listed().filter(pk__in=run.lead_ids)
    reader = Reader(tuple(run.owner_names), run.created_at)
    rows = narrow(listed(), run.filters, reader).rows
    return rows.filter(first_seen__lte=run.created_at)


def cancel_rescore(run_id: int) -> bool:
    """Ask a run to stop; false when it was over already. What it scored by then stays."""
    return claims.request_cancel(RescoreRun, run_id)


def run_rescore(run_id: int, *, clock: Clock = timezone.now, slice_seconds: float = SLICE_SECONDS) -> None:
    """Claim and go on with one rescoring; nothing when another worker has it, or it is over."""
    held = claims.claim(RescoreRun, run_id, lease_seconds=LEASE_SECONDS)
    if held is None:
        return
    lease = claims.Lease(RescoreRun, held, lease_seconds=LEASE_SECONDS)
    try:
        over = _score(run_id, lease, clock, monotonic() + slice_seconds)
        if not over:
            claims.fail(RescoreRun, held, "", retry_in=0.0, attempts=0)
            enqueue("scoring.tasks.run_rescore", run_id)
    except claims.LostClaim:
        # Another worker took over; what this one had not committed is undone.
        logger.warning("rescore.lost_claim", run=run_id)
    except claims.Cancelled:
        done = RescoreRun.objects.values_list("leads_done", flat=True).get(pk=run_id)
        claims.cancel(RescoreRun, held, message=f"Stopped on request. {done:,} leads were scored; they stay.")
    except NoModelReleased:
        claims.fail(RescoreRun, held, "No model serves any more; the leads scored by then keep their score.")
    except Exception as error:
        claims.fail(RescoreRun, held, f"{type(error).__name__}: {error}", retry_in=RETRY_SECONDS)
        raise


def _score(run_id: int, lease: claims.Lease, clock: Clock, end: float) -> bool:
    """Score until all is done (true) or the time is up (false)."""
    run = RescoreRun.objects.get(pk=run_id)
    rows = leads_of(run).order_by("pk").values_list("pk", "grade")
    while True:
        lease.stop_if_cancelled()
        batch = dict((rows.filter(pk__gt=run.last_lead) if run.last_lead else rows)[:BATCH])
        if not batch:
            words = f"{run.leads_done:,} leads scored again."
            claims.finish(RescoreRun, lease.claim, message=words)
            return True
        with transaction.atomic():
            done = rescore(list(batch), cause=Cause.RESCORE, as_of=clock())
            _checkpoint(run, lease.claim, batch, done)
        share = min(run.leads_done / max(run.leads_expected, 1), 0.99)
        lease.progress(f"{run.leads_done:,} of {run.leads_expected:,} leads scored", share)
        if monotonic() >= end:
            return False


def _checkpoint(run: RescoreRun, held: claims.Claim, batch: Mapping[UUID, str], done: int) -> None:
    """Move the checkpoint in the transaction that wrote the predictions: both are kept or neither."""
    after = dict(Lead.objects.filter(pk__in=list(batch)).values_list("pk", "grade"))
    changes = Counter(run.grade_changes)
    changes.update(f"{batch[pk] or 'none'} to {grade}" for pk, grade in after.items())
    moved: dict[str, Any] = {
        "last_lead": max(batch),
        "leads_done": run.leads_done + done,
        "grade_changes": dict(changes),
        # Work that gets on is not given up, however often its worker is killed.
        "attempts": 1,
    }
    kept = RescoreRun.objects.filter(pk=run.pk, fence=held.fence, state=claims.WorkState.RUNNING)
    if not kept.update(**moved):
        raise claims.LostClaim(f"{run}: claim number {held.fence} no longer holds it.")
    for name, value in moved.items():
        setattr(run, name, value)
