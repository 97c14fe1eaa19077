"""Tasks: ids in, one service call. Running one twice changes nothing."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from scoring.services import grades, imports, maintenance, readiness, training, versions


@shared_task(time_limit=3600, soft_time_limit=3540)
def run_training(run_id: int) -> None:
    """Run one training row, if nobody else has it."""
    training.run_and_log(run_id)


@shared_task(time_limit=3600, soft_time_limit=3540)
def run_import(run_id: int) -> None:
    """Audit or import one uploaded file, if nobody else has it."""
    imports.work_on(run_id, as_of=timezone.now())


@shared_task(time_limit=300, soft_time_limit=280, expires=3600)
def remove_uploads() -> None:
    """Remove uploaded files that nobody needs any more."""
    imports.remove_uploads(as_of=timezone.now())


@shared_task(time_limit=300, soft_time_limit=280)
def after_release(release_id: int) -> None:
    """Score leads that waited for a model, and tell MLflow who is champion; the id is for the log."""
    maintenance.score_all_waiting(as_of=timezone.now())
    versions.mark_champion()


@shared_task(time_limit=3600, soft_time_limit=3540)
def run_regrade(regrade_id: int) -> None:
    """Give every scored lead the grade its score has under new limits, if nobody else does."""
    grades.run_regrade(regrade_id)


@shared_task(time_limit=600, soft_time_limit=580, expires=3000)
def count_readiness() -> None:
    """Count what the readiness page shows."""
    readiness.take_snapshot(as_of=timezone.now())


@shared_task(time_limit=120, soft_time_limit=110, expires=20)
def sweep() -> None:
    """Pick up whatever a lost message, a killed worker or a flushed broker left behind."""
    maintenance.sweep(as_of=timezone.now())
