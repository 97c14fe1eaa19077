"""Asking for an adoption, and asking for it to stop."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from leadscoring.common import claims
from leadscoring.common.queue import enqueue
from scoring.contracts import AdoptionRefused, TrainingRefused
from scoring.ml.parsing import unstorable
from scoring.models import AdoptionRun, FeatureSet, ForeignVersion, ModelVersion
from scoring.services.training.run import active_feature_set

LONGEST_NAME, LONGEST_VERSION = 256, 32


def request_adoption(
    *,
    name: str,
    version: str,
    feature_set_id: int | None = None,
    recalibrate: bool = False,
    reason: str = "",
    requested_by: User | None = None,
    wake: bool = True,
) -> AdoptionRun:
    """Ask for one registered version to be adopted and wake a worker (`wake=False`: the caller runs it itself).

    Raises:
        AdoptionRefused: the name makes no sense, no feature set is active, this version is being adopted already, or
            it was adopted before with the same settings.
    """
    if not 1 <= len(name) <= LONGEST_NAME or not 1 <= len(version) <= LONGEST_VERSION:
        raise AdoptionRefused(
            f"Expected a registered model's name (1 to {LONGEST_NAME} characters) and its version number."
        )
    if unstorable(name) or not version.isascii() or not version.isdigit():
        raise AdoptionRefused(
            f"Version {version!r} of {name!r}: expected MLflow's version number, such as 3."
        )
    feature_set = _feature_set(feature_set_id)
    seen = ForeignVersion.objects.filter(name=name, version=version).first()
    _check_new(name, version, feature_set, recalibrate, seen.digest if seen else "")
    try:
        with transaction.atomic():
            run = AdoptionRun.objects.create(
                source_name=name,
                source_version=version,
                seen_digest=seen.digest if seen else "",
                feature_set=feature_set,
                recalibrate=recalibrate,
                reason=reason.strip(),
                requested_by=requested_by,
            )
    except IntegrityError as error:
        # The constraint decides, so that two requests at one moment are one adoption.
        raise AdoptionRefused(
            f"{name} version {version} is being adopted already; wait for that run."
        ) from error
    if wake:
        enqueue("scoring.tasks.run_adoption", run.pk)
    return run


def _feature_set(pk: int | None) -> FeatureSet:
    if pk is None:
        try:
            return active_feature_set()
        except TrainingRefused as error:
            raise AdoptionRefused(error.detail) from error
    found = FeatureSet.objects.filter(pk=pk).first()
    if found is None:
        raise AdoptionRefused(f"There is no feature set with the key {pk}.")
    return found


def _check_new(name: str, version: str, feature_set: FeatureSet, recalibrate: bool, digest: str) -> None:
    before = ModelVersion.objects.filter(
        adoption_run__source_name=name,
        adoption_run__source_version=version,
        adoption_run__feature_set=feature_set,
        adoption_run__recalibrate=recalibrate,
    ).first()
    if before is not None and digest and before.source.get("mlmodel_digest") == digest:
        raise AdoptionRefused(
            f"{name} version {version} was adopted as version {before.number}, on the same feature set and in the same "
            "way."
        )


def cancel_adoption(run_id: int) -> bool:
    """Ask a run to stop; false when it was over already."""
    return claims.request_cancel(AdoptionRun, run_id)
