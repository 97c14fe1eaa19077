"""Work as rows: who may do it, until when, and how far it is.

A worker claims a row by a conditional UPDATE and looks at the row count. Row locks are not used: SQLite
ignores
`SELECT … FOR UPDATE` without a word. Leases are set in database time, so clocks of several machines need not
agree. Each claim raises the row's `fence`; whoever comes back with an older number has lost the row to
another worker, and its writes are refused (:class:`LostClaim`). Finishing inside the transaction that writes
the results makes a task safe to run twice: the late one is undone whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, ClassVar, TypeVar

from django.db import models, transaction
from django.db.models import ExpressionWrapper, F, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Now

from leadscoring.common.errors import Conflict


class WorkState(models.TextChoices):
    """Queued → running → done, failed or cancelled; running → queued when it is to be tried again."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


OPEN = (WorkState.QUEUED, WorkState.RUNNING)


class LostClaim(Conflict):
    """The row went to another worker, was cancelled or is finished: stop, and write nothing."""

    kind = "lost-claim"
    title = "The work went to another worker"


class Cancelled(Exception):
    """A person asked for this work to stop."""


class Work(models.Model):
    """Columns of a row that is work. A child's Meta should inherit `Work.Meta` to keep its constraint and
    index."""

    # After this many claims that ended without a word (a killed worker), the work has failed.
    max_attempts: ClassVar[int] = 3

    state = models.CharField(
        max_length=16, choices=WorkState.choices, default=WorkState.QUEUED, editable=False
    )
    attempts = models.PositiveIntegerField(default=0, editable=False)
    fence = models.PositiveBigIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    next_attempt_at = models.DateTimeField(null=True, blank=True, editable=False)
    cancel_requested = models.BooleanField(default=False, editable=False)
    progress = models.FloatField(default=0.0, editable=False, help_text="Share done, 0 to 1.")
    message = models.TextField(blank=True, default="", editable=False)
    error = models.TextField(blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(progress__gte=0.0, progress__lte=1.0),
                name="%(app_label)s_%(class)s_progress",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["lease_until"], condition=Q(state__in=["queued", "running"]), name="%(class)s_open"
            ),
        ]

    @property
    def is_open(self) -> bool:
        """Whether it may still change."""
        return self.state in OPEN


WorkModel = TypeVar("WorkModel", bound=Work)


@dataclass(frozen=True, slots=True)
class Claim:
    """Proof that a row is held; `fence` is the number that later writes must match."""

    pk: Any
    fence: int
    attempts: int


def _time(now: datetime | None) -> Combinable:
    return Now() if now is None else Value(now, output_field=models.DateTimeField())


def _in(seconds: float, now: datetime | None) -> Combinable | datetime:
    if now is not None:
        return now + timedelta(seconds=seconds)
    later = Now() + Value(timedelta(seconds=seconds), output_field=models.DurationField())
    return ExpressionWrapper(later, output_field=models.DateTimeField())


def _due(now: datetime | None) -> Q:
    time = _time(now)
    waiting = Q(state=WorkState.QUEUED) & (Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=time))
    return waiting | Q(state=WorkState.RUNNING, lease_until__lt=time)


def _held(model: type[Work], claim: Claim) -> models.QuerySet[Any]:
    return _rows(model).filter(pk=claim.pk, fence=claim.fence, state=WorkState.RUNNING)


def _rows(model: type[Work]) -> models.QuerySet[Any]:
    manager: models.Manager[Any] = model._default_manager
    return manager.all()


def _lost(model: type[Work], claim: Claim) -> LostClaim:
    return LostClaim(
        f"{model._meta.verbose_name} {claim.pk}: claim number {claim.fence} no longer holds it; "
        "expected to be the newest claim of a running row."
    )


def claim(
    model: type[Work], pk: Any, *, lease_seconds: float, now: datetime | None = None, **fields: Any
) -> Claim | None:
    """Takes a queued row, or a running one whose lease has run out, and sets `fields` on it. None when it is not to
    be had.

    `now` replaces database time in tests and drills. A row that was claimed `max_attempts` times is left
    alone; :func:`fail_exhausted` closes it.
    """
    with transaction.atomic():
        taken = (
            _rows(model)
            .filter(_due(now), pk=pk, attempts__lt=model.max_attempts, cancel_requested=False)
            .update(
                state=WorkState.RUNNING,
                fence=F("fence") + 1,
                attempts=F("attempts") + 1,
                lease_until=_in(lease_seconds, now),
                started_at=Coalesce("started_at", _time(now), output_field=models.DateTimeField()),
                next_attempt_at=None,
                error="",
                **fields,
            )
        )
        if not taken:
            return None
        # The UPDATE holds the row until this transaction ends, so nobody can raise the fence in between.
        fence, attempts = _rows(model).values_list("fence", "attempts").get(pk=pk)
    return Claim(pk=pk, fence=fence, attempts=attempts)


def renew(
    model: type[Work],
    claim: Claim,
    *,
    lease_seconds: float,
    progress: float | None = None,
    message: str | None = None,
    now: datetime | None = None,
    **fields: Any,
) -> bool:
    """Extends the lease, notes how far the work is and sets `fields`. Returns whether a person asked for it to
    stop. Called last in the transaction that writes a part of the results, it makes a checkpoint of them.

    Raises :class:`LostClaim` when the row is no longer held.
    """
    changes: dict[str, Any] = {"lease_until": _in(lease_seconds, now), **fields}
    if progress is not None:
        changes["progress"] = min(max(float(progress), 0.0), 1.0)
    if message is not None:
        changes["message"] = message
    if not _held(model, claim).update(**changes):
        raise _lost(model, claim)
    return bool(_rows(model).values_list("cancel_requested", flat=True).get(pk=claim.pk))


def _close(model: type[Work], claim: Claim, now: datetime | None, **changes: Any) -> None:
    changes = {"lease_until": None, "finished_at": _time(now), **changes}
    if not _held(model, claim).update(**changes):
        raise _lost(model, claim)


def finish(
    model: type[Work], claim: Claim, *, message: str | None = None, now: datetime | None = None, **fields: Any
) -> None:
    """Marks the row done and sets `fields` on it. Call it in the transaction that writes the results: a
    :class:`LostClaim` then undoes them."""
    if message is not None:
        fields["message"] = message
    _close(model, claim, now, state=WorkState.DONE, progress=1.0, error="", **fields)


def fail(
    model: type[Work],
    claim: Claim,
    error: str,
    *,
    retry_in: float | None = None,
    now: datetime | None = None,
    **fields: Any,
) -> None:
    """Marks the row failed, or queues it again in `retry_in` seconds while attempts are left."""
    if retry_in is not None and claim.attempts < model.max_attempts:
        changes = {"state": WorkState.QUEUED, "finished_at": None, "next_attempt_at": _in(retry_in, now)}
    else:
        changes = {"state": WorkState.FAILED}
    _close(model, claim, now, error=error, **{**fields, **changes})


def cancel(model: type[Work], claim: Claim, *, message: str = "Stopped on request.", **fields: Any) -> None:
    """Marks a held row cancelled, after its worker has stopped."""
    _close(model, claim, None, state=WorkState.CANCELLED, message=message, **fields)


def hand_back(model: type[Work], claim: Claim, *, state: str, **fields: Any) -> None:
    """Gives a held row back in a state of its own model, such as one that waits for a person."""
    changes = {"lease_until": None, "state": state, "attempts": 0, "progress": 0.0, **fields}
    if not _held(model, claim).update(**changes):
        raise _lost(model, claim)


def request_cancel(model: type[Work], pk: Any, *, now: datetime | None = None) -> bool:
    """Asks for the work to stop. Queued work is cancelled at once; running work stops at its next
    :func:`renew`.

    Returns False when it was already over.
    """
    with transaction.atomic():
        queued = _rows(model).filter(pk=pk, state=WorkState.QUEUED)
        if queued.update(
            state=WorkState.CANCELLED,
            cancel_requested=True,
            finished_at=_time(now),
            message="Stopped before it began.",
        ):
            return True
        return bool(_rows(model).filter(pk=pk, state=WorkState.RUNNING).update(cancel_requested=True))


def stale(
    model: type[Work], *, now: datetime | None = None, limit: int = 100, where: Q | None = None
) -> list[Any]:
    """Keys of rows to be worked on now, oldest first: queued and due, or held by a worker that fell
    silent. `where` narrows the rows."""
    due = _due(now) if where is None else _due(now) & where
    found = _rows(model).filter(due, attempts__lt=model.max_attempts, cancel_requested=False)
    return list(found.order_by("created_at", "pk").values_list("pk", flat=True)[:limit])


def fail_exhausted(model: type[Work], *, now: datetime | None = None) -> int:
    """Closes rows whose worker fell silent and that may not be tried again. Returns how many."""
    silent = _rows(model).filter(state=WorkState.RUNNING, lease_until__lt=_time(now))
    stopped = silent.filter(cancel_requested=True).update(
        state=WorkState.CANCELLED,
        lease_until=None,
        finished_at=_time(now),
        message="Stopped on request; its worker had fallen silent.",
    )
    failed = silent.filter(attempts__gte=model.max_attempts).update(
        state=WorkState.FAILED,
        lease_until=None,
        finished_at=_time(now),
        error=f"The worker fell silent {model.max_attempts} times; it was not tried again.",
    )
    return int(stopped) + int(failed)


class Lease:
    """A held row during long work: `progress` renews it, `cancelled` tells whether to stop.

    Progress is written at most once every `every` seconds, so a tight loop may report each step.
    """

    def __init__(
        self,
        model: type[Work],
        claim: Claim,
        *,
        lease_seconds: float,
        every: float = 1.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.model = model
        self.claim = claim
        self.lease_seconds = lease_seconds
        self.every = every
        self.clock = clock
        self._last = float("-inf")
        self._cancelled = False

    def progress(self, message: str, share: float) -> None:
        """Notes a message and the share done (0..1). Raises :class:`LostClaim`."""
        at = self.clock()
        if at - self._last < self.every and share < 1.0:
            return
        self._last = at
        self._cancelled = renew(
            self.model, self.claim, lease_seconds=self.lease_seconds, progress=share, message=message
        )

    def cancelled(self) -> bool:
        """Whether a person asked for this work to stop, as of the last written progress."""
        return self._cancelled

    def stop_if_cancelled(self) -> None:
        """Raises :class:`Cancelled` when a person asked for this work to stop."""
        if self._cancelled:
            raise Cancelled
