"""Running a training row: collect, learn, keep the model, register the version, tell MLflow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from leadscoring.common import alive, claims
from leadscoring.common.claims import WorkState
from leadscoring.common.queue import enqueue
from scoring.contracts import FeatureSetState, TrainingRefused
from scoring.models import FeatureSet, ModelVersion, TrainingPolicy, TrainingRun
from scoring.services.training.data import collect
from scoring.services.versions import publish_version, register_version

logger = structlog.get_logger(__name__)
Progress = Callable[[str, float], None]
LEASE_SECONDS = 90
COLLECTED_SHARE = 0.08
TRAINED_SHARE = 0.94
LARGEST_SEED = 2**31 - 1
SWEEP_SECONDS = 20
COMMANDS = "train_model"
"""The lock that every train_model holds: a run of a command that nobody holds it for is one whose process is gone."""


def active_feature_set() -> FeatureSet:
    """The feature set in use.

    Raises:
        TrainingRefused: none is active.
    """
    found = FeatureSet.objects.filter(state=FeatureSetState.ACTIVE).first()
    if found is None:
        raise TrainingRefused(
            "No feature set is active. Import a file first (in the admin under Imports, or by import_leads), or "
            "activate a draft."
        )
    return found


def request_training(
    *,
    feature_set_id: int | None = None,
    trials: int = 25,
    timeout_s: int = 90,
    seed: int = 0,
    reason: str = "",
    requested_by: User | None = None,
    wake: bool = True,
) -> TrainingRun:
    """Ask for a training run and wake a worker (`wake=False`: the caller runs it itself, and holds
    the lock `COMMANDS`).

    A run whose command was killed is closed and this one takes its place.

    Raises:
        TrainingRefused: no feature set is active, a run is under way already, or a limit makes no sense.
    """
    if not 1 <= trials <= 1000 or not 1 <= timeout_s <= 3000:
        raise TrainingRefused(
            f"{trials} trials in {timeout_s} s: expected 1 to 1,000 trials and 1 to 3,000 seconds."
        )
    if not 0 <= seed <= LARGEST_SEED:
        raise TrainingRefused(f"Seed {seed}: expected 0 to {LARGEST_SEED:,}.")
    if feature_set_id is None:
        feature_set = active_feature_set()
    else:
        found = FeatureSet.objects.filter(pk=feature_set_id).first()
        if found is None:
            raise TrainingRefused(f"There is no feature set with the key {feature_set_id}.")
        feature_set = found
    with transaction.atomic():
        _only_one()
        for open_run in TrainingRun.objects.filter(state__in=claims.OPEN):
            if not _let_go(open_run, mine=not wake):
                raise TrainingRefused(_busy(open_run))
        run = TrainingRun.objects.create(
            feature_set=feature_set,
            trials=trials,
            timeout_s=timeout_s,
            seed=seed,
            reason=reason.strip(),
            requested_by=requested_by,
            held_by="" if wake else alive.here(),
        )
    if wake:
        enqueue("scoring.tasks.run_training", run.pk)
    return run


def _only_one() -> None:
    """Requests queue up here until the transaction ends: of two at once the second sees the first one's run."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('scoring.training'))")


def _let_go(run: TrainingRun, *, mine: bool) -> bool:
    """Whether an open run was a command's that is gone; it is closed then. Its claim is void from here on, so that
    a process that was only thought dead registers nothing. `mine`: this process holds the lock itself."""
    if run.held_by != alive.here() or (not mine and alive.is_held(COMMANDS)):
        return False
    closed = TrainingRun.objects.filter(pk=run.pk, fence=run.fence, state=run.state).update(
        state=WorkState.CANCELLED,
        fence=F("fence") + 1,
        lease_until=None,
        finished_at=Now(),
        message="Its command was killed; the next start took its place.",
    )
    return closed == 1


def _busy(run: TrainingRun) -> str:
    """Why another run may not start now, in words."""
    if run.state == WorkState.QUEUED:
        return f"Training run {run.pk} is queued; wait for it or cancel it."
    who = "by a command" if run.held_by else "by a worker"
    return (
        f"Training run {run.pk} is running {who}, {round(run.progress * 100)} % done; wait for it or cancel it. "
        f"If its process was killed, a worker goes on with it within {LEASE_SECONDS + SWEEP_SECONDS} seconds."
    )


def train_here(
    *,
    feature_set_id: int | None = None,
    trials: int = 25,
    timeout_s: int = 90,
    seed: int = 0,
    reason: str = "",
    as_of: datetime | None = None,
    progress: Progress,
) -> tuple[TrainingRun, ModelVersion | None]:
    """Ask for a run and do it in this process; no version when it was cancelled, or a worker took it over.

    Raises:
        TrainingRefused: as `request_training` and `run_training`.
    """
    with alive.holding(COMMANDS) as free:
        if not free:
            raise TrainingRefused("Another train_model is running on this machine; wait for it or stop it.")
        run = request_training(
            feature_set_id=feature_set_id,
            trials=trials,
            timeout_s=timeout_s,
            seed=seed,
            reason=reason,
            wake=False,
        )
        return run, run_training(run.pk, as_of=as_of, progress=progress, held_by=alive.here())


def cancel_training(run_id: int) -> bool:
    """Ask a run to stop; false when it was over already."""
    return claims.request_cancel(TrainingRun, run_id)


def run_training(
    run_id: int, *, as_of: datetime | None = None, progress: Progress | None = None, held_by: str = ""
) -> ModelVersion | None:
    """Claim and run one training row; None when another worker has it, or it was cancelled.

    `held_by` names the machine and folder of a command; a worker that takes the row over clears it.

    Raises:
        TrainingRefused: there is nothing to learn from; the row says the same.
    """
    held = claims.claim(TrainingRun, run_id, lease_seconds=LEASE_SECONDS, held_by=held_by)
    if held is None:
        return None
    try:
        version = _train_or_close(run_id, held, as_of or timezone.now(), progress or _quiet)
    except claims.LostClaim:
        # Another worker took over after this one fell silent; its result counts, nothing of this one is kept.
        logger.warning("training.lost_claim", run=run_id)
        return None
    if version is not None:
        publish_version(version)
    return version


def _train_or_close(
    run_id: int, held: claims.Claim, as_of: datetime, progress: Progress
) -> ModelVersion | None:
    """The version, or the row closed with the reason why there is none."""
    from scoring.ml.training import TrainingCancelled, TrainingError

    lease = claims.Lease(TrainingRun, held, lease_seconds=LEASE_SECONDS)
    try:
        return _train(run_id, lease, as_of, progress)
    except (claims.Cancelled, TrainingCancelled):
        claims.cancel(TrainingRun, held)
        return None
    except KeyboardInterrupt:
        # Closed at once: a silent row would be started again by a worker that nobody asked.
        claims.cancel(TrainingRun, held, message="Stopped by hand.")
        raise
    except claims.LostClaim:
        raise
    except (TrainingRefused, TrainingError) as error:
        claims.fail(TrainingRun, held, str(error))
        raise TrainingRefused(str(error)) from error
    except Exception as error:
        claims.fail(TrainingRun, held, f"{type(error).__name__}: {error}")
        raise


def _quiet(message: str, share: float) -> None:
    """Progress that nobody watches but the row."""


def _train(run_id: int, lease: claims.Lease, as_of: datetime, progress: Progress) -> ModelVersion:
    from scoring.ml.training import TrainingConfig, train

    run = TrainingRun.objects.select_related("feature_set").get(pk=run_id)

    def told(message: str, share: float) -> None:
        progress(message, share)
        # Only the finished row says 100 %.
        lease.progress(message, min(share, 0.99))

    def cancelled() -> bool:
        return lease.cancelled()

    told("Collecting ripe leads", 0.01)
    collected = collect(run.feature_set, as_of=as_of)
    policy = TrainingPolicy.objects.first() or TrainingPolicy()
    config = TrainingConfig(
        trials=run.trials,
        timeout_s=float(run.timeout_s),
        seed=run.seed,
        minimum_leads=policy.minimum_leads,
        minimum_conversions=policy.minimum_conversions,
    )
    result = train(
        run.feature_set.schema(),
        collected.data,
        config,
        progress=lambda message, share: told(
            message, COLLECTED_SHARE + share * (TRAINED_SHARE - COLLECTED_SHARE)
        ),
        cancelled=cancelled,
    )
    told("Keeping the model", TRAINED_SHARE)
    version = register_version(run, collected, result, held=lease.claim, as_of=as_of)
    progress(f"Version {version.number} is ready", 1.0)
    return version


def run_and_log(run_id: int) -> None:
    """Run one row for a worker: a refusal is the row's to tell and nothing to retry."""
    try:
        run_training(run_id)
    except TrainingRefused as refused:
        logger.info("training.refused", run=run_id, reason=refused.detail)
