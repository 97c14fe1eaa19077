"""What a sweep finds: work whose message was lost, whose worker died, or that waits for something to come back."""

from __future__ import annotations

from datetime import datetime

import structlog

from leadscoring.common import claims
from leadscoring.common.queue import enqueue
from scoring.contracts import NoModelReleased
from scoring.models import (
    AdoptionRun,
    GradeTally,
    IdentityScan,
    ImportRun,
    Regrade,
    RescoreRun,
    TrainingRun,
)
from scoring.services.grades import mend_grades
from scoring.services.imports.starts import close_abandoned
from scoring.services.imports.work import waiting_imports
from scoring.services.overrides import end_expired
from scoring.services.readiness import first_snapshot
from scoring.services.scoring import score_waiting
from scoring.services.search import out_of_step
from scoring.services.tallies import first_tally
from scoring.services.versions import mark_champion, publish_waiting

logger = structlog.get_logger(__name__)
MOST_BATCHES = 200


def sweep(*, as_of: datetime) -> None:
    """Close what cannot go on, wake workers for what can, score waiting leads, publish waiting versions,
    and see to grades and counts."""
    for model in (TrainingRun, AdoptionRun, ImportRun, Regrade, GradeTally, RescoreRun, IdentityScan):
        claims.fail_exhausted(model)
    close_abandoned()
    for run_id in claims.stale(TrainingRun):
        enqueue("scoring.tasks.run_training", run_id)
    for run_id in claims.stale(AdoptionRun):
        enqueue("scoring.tasks.run_adoption", run_id)
    for regrade_id in claims.stale(Regrade):
        enqueue("scoring.tasks.run_regrade", regrade_id)
    for scan_id in claims.stale(IdentityScan):
        enqueue("scoring.tasks.run_identity_scan", scan_id)
    end_expired(as_of=as_of)
    for run_id in claims.stale(RescoreRun):
        enqueue("scoring.tasks.run_rescore", run_id)
    if out_of_step().exists():
        enqueue("scoring.tasks.fill_search")
    mend_grades(as_of=as_of)
    first_snapshot(as_of=as_of)
    first_tally()
    for tally_id in claims.stale(GradeTally):
        enqueue("scoring.tasks.count_grades", tally_id)
    for run_id in waiting_imports():
        enqueue("scoring.tasks.run_import", run_id)
    score_all_waiting(as_of=as_of)
    publish_waiting()
    mark_champion()


def score_all_waiting(*, as_of: datetime) -> int:
    """Score every lead that waits, batch by batch, each batch its own transaction; returns how many."""
    done = 0
    for _ in range(MOST_BATCHES):
        try:
            scored = score_waiting(as_of=as_of)
        except NoModelReleased:
            return done
        if not scored:
            return done
        done += scored
        logger.info("scoring.waiting_scored", leads=scored)
    return done
