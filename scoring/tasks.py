"""Tasks: ids in, one service call. Running one twice changes nothing."""

from __future__ import annotations

import contextlib

from celery import shared_task
from django.utils import timezone

from scoring.contracts import AdoptionRefused
from scoring.services import (
    adoption,
    duplicates,
    grades,
    imports,
    maintenance,
    readiness,
    rescoring,
    search,
    tallies,
    training,
    versions,
)


@shared_task(time_limit=3600, soft_time_limit=3540)
def run_training(run_id: int) -> None:
    """Run one training row, if nobody else has it."""
    training.run_and_log(run_id)


@shared_task(time_limit=3600, soft_time_limit=3540)
def run_identity_scan(scan_id: int) -> None:
    """Search for duplicates for one row, if nobody else has it."""
    duplicates.run_scan(scan_id, as_of=timezone.now())


@shared_task(time_limit=60, soft_time_limit=50, expires=4 * 3600)
def search_for_duplicates() -> None:
    """Ask for the nightly search; one under way is enough."""
    duplicates.request_scan(full=False, requested_by=None, as_of=timezone.now())


@shared_task(time_limit=1800, soft_time_limit=1740)
def run_adoption(run_id: int) -> None:
    """Run one adoption row, if nobody else has it."""
    adoption.adopt_and_log(run_id)


@shared_task(time_limit=120, soft_time_limit=110, expires=300)
def survey_foreign() -> None:
    """Look at what other tools registered in MLflow; when it is away the list stays as it was."""
    with contextlib.suppress(AdoptionRefused):
        adoption.survey_foreign(as_of=timezone.now())


@shared_task(time_limit=3600, soft_time_limit=3540)
def run_rescore(run_id: int) -> None:
    """Go on with one rescoring, if nobody else has it."""
    rescoring.run_rescore(run_id)


@shared_task(time_limit=60, soft_time_limit=50, expires=20)
def fill_search() -> None:
    """Bring the words to search leads by into step, for some seconds."""
    search.fill_search()


@shared_task(time_limit=600, soft_time_limit=580, expires=3600)
def complete_search() -> None:
    """Give leads that have no words to search by a row for them."""
    search.add_missing()


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
    """Count what the page of readiness shows, and have what the pages of the grade limits show counted."""
    readiness.take_snapshot(as_of=timezone.now())
    tallies.request_tally()


@shared_task(time_limit=600, soft_time_limit=580)
def count_grades(tally_id: int) -> None:
    """Run one count of what the pages of the grade limits show, if nobody else has it."""
    tallies.run_tally(tally_id, as_of=timezone.now())


@shared_task(time_limit=120, soft_time_limit=110, expires=20)
def sweep() -> None:
    """Pick up whatever a lost message, a killed worker or a flushed broker left behind."""
    maintenance.sweep(as_of=timezone.now())
