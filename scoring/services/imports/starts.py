"""Who may start an import into a source: one at a time, and whoever comes after a killed process goes on with its
work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from leadscoring.common import alive, claims
from leadscoring.common.claims import WorkState
from scoring.contracts import ImportRefused
from scoring.models import ImportRun, ImportStep
from scoring.services.imports.plan import Plan


def lock_name(source: str) -> str:
    """The lock that whoever imports into this source holds."""
    return f"import into {source}"


@contextmanager
def alone(source: str) -> Iterator[None]:
    """Hold the source against other processes on this machine.

    Raises:
        ImportRefused: one of them imports into it now.
    """
    with alive.holding(lock_name(source)) as free:
        if not free:
            run = open_import(source)
            told = _told(run) if run is not None else "has begun to read its file"
            raise ImportRefused(
                f"Another import into “{source}” {told}. Wait for it, or stop it in the admin under Imports."
            )
        yield


def open_import(source: str) -> ImportRun | None:
    """The import into this source that is queued or running, if there is one."""
    return ImportRun.objects.filter(
        source_system=source, step=ImportStep.IMPORT, state__in=claims.OPEN
    ).first()


def is_gone(run: ImportRun) -> bool:
    """Whether nobody works on an open run any more: its lease ran out, or it was held on this machine by a process
    that let go of the source's lock. Ask while holding that lock."""
    if run.stored_file:
        return False
    if run.held_by == alive.here():
        return True
    return ImportRun.objects.filter(pk=run.pk, lease_until__lt=Now()).exists()


def open_or_take_up(path: Path, digest: str, plan: Plan, requested_by: User | None) -> ImportRun:
    """A queued row for this import: the one of a killed process that began the same, or a new one.

    Raises:
        ImportRefused: another import into the source is under way.
    """
    options = plan.options.to_json()
    try:
        with transaction.atomic():
            begun = _begun(plan.source, digest, options)
            if begun is not None:
                return begun
            return ImportRun.objects.create(
                file_name=path.name[:255],
                file_digest=digest,
                file_size=path.stat().st_size,
                source_system=plan.source,
                options=options,
                identity_columns=list(plan.identity),
                format_note=plan.table.format_note,
                requested_by=requested_by,
                held_by=alive.here(),
            )
    except IntegrityError as error:
        raise refusal(plan.source) from error


def refusal(source: str) -> ImportRefused:
    """Why an import into this source may not start now, in words."""
    run = open_import(source)
    if run is None:
        return ImportRefused(f"Another import into “{source}” began at this moment; run it again.")
    return ImportRefused(
        f"Import {run.pk} into “{source}” ({run.file_name}) {_told(run)}. "
        "Wait for it, or stop it in the admin under Imports."
    )


def _told(run: ImportRun) -> str:
    if run.state == WorkState.QUEUED:
        return "waits for a worker"
    return f"is running, {round(run.progress * 100)} % done"


def _begun(source: str, digest: str, options: dict[str, object]) -> ImportRun | None:
    """The newest import into the source, queued again, when it was this one and its process is gone. An open one of
    a process that is gone but that began something else is closed."""
    newest = ImportRun.objects.filter(source_system=source, step=ImportStep.IMPORT).order_by("-id").first()
    if newest is None:
        return None
    abandoned = newest.is_open and is_gone(newest)
    if newest.is_open and not abandoned:
        raise refusal(source)
    if not abandoned and not newest.interrupted:
        return None
    same = (newest.file_digest, newest.options) == (digest, options) and not newest.stored_file
    # Conditional on the fence: a process that was only slow keeps its row, or loses it whole.
    mine = ImportRun.objects.filter(Q(pk=newest.pk, fence=newest.fence, state=newest.state))
    if same:
        taken = mine.update(
            state=WorkState.QUEUED,
            attempts=0,
            interrupted=False,
            cancel_requested=False,
            lease_until=None,
            finished_at=None,
            error="",
            held_by=alive.here(),
        )
        if taken != 1:
            raise refusal(source)
        newest.refresh_from_db()
        return newest
    if newest.is_open:
        mine.update(
            state=WorkState.FAILED,
            lease_until=None,
            finished_at=Now(),
            error=f"Its process was killed after {newest.rows_read:,} rows, and another import followed it.",
        )
    return None


def close_abandoned() -> int:
    """Close command runs whose process fell silent; returns how many. The same command goes on with them."""
    fell_silent = Q(state=WorkState.RUNNING, lease_until__lt=Now())
    never_began = Q(state=WorkState.QUEUED, created_at__lt=Now() - timedelta(minutes=5))
    silent = ImportRun.objects.filter(
        fell_silent | never_began, stored_file="", step=ImportStep.IMPORT, cancel_requested=False
    )
    return silent.update(
        state=WorkState.FAILED,
        interrupted=True,
        lease_until=None,
        finished_at=Now(),
        error="Its process fell silent. Run the same command again: it goes on behind the last written row.",
    )
