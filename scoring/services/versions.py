"""Registering versions: the document kept by digest, the row, and the copy in MLflow."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from leadscoring.common import claims
from scoring import registry, signals, store
from scoring.contracts import VersionOrigin
from scoring.ml.document import dump_document
from scoring.ml.intervals import Estimate
from scoring.ml.metrics import CalibrationBin, GainPoint
from scoring.ml.plots import calibration_plot, gain_plot
from scoring.models import MODEL_NAME, AdoptionRun, FeatureSet, ModelVersion, Release, TrainingRun
from scoring.services.publication import published_look

if TYPE_CHECKING:
    from scoring.ml.training import TrainingResult
    from scoring.services.training.data import Collected

logger = structlog.get_logger(__name__)
NUMBER_TRIES = 5


@dataclass(frozen=True, slots=True)
class Fields:
    """What a new version is made of, however it came about."""

    document: dict[str, Any]
    estimator: str
    metrics: object
    report: dict[str, Any]
    importance: object
    reference_profile: dict[str, Any]
    data_fingerprint: str
    training_rows: int = 0
    training_conversions: int = 0
    training_run: TrainingRun | None = None
    adoption_run: AdoptionRun | None = None
    source: dict[str, Any] = field(default_factory=dict)


def register_version(
    run: TrainingRun, collected: Collected, result: TrainingResult, *, held: claims.Claim, as_of: datetime
) -> ModelVersion:
    """Keep a trained model's file, then write the version and close the run in one transaction.

    Raises:
        LostClaim: another worker took the run over; nothing is written.
    """
    account = collected.account()
    report: dict[str, Any] = {**result.to_json(), "dates": account["dates"], "training": account}
    report["notes"] = [*account["notes"], *result.notes]
    metrics, importance = report.pop("metrics"), report.pop("importance")
    return store_version(
        Fields(
            document=result.document,
            estimator=result.chosen.kind,
            metrics=metrics,
            report=report,
            importance=importance,
            reference_profile=result.reference,
            data_fingerprint=collected.fingerprint,
            training_rows=collected.rows,
            training_conversions=collected.conversions,
            training_run=run,
        ),
        feature_set=run.feature_set,
        close=lambda number: claims.finish(
            TrainingRun, held, message=f"Version {number} is ready.", report=account
        ),
        as_of=as_of,
    )


def store_version(
    fields: Fields, *, feature_set: FeatureSet, close: Callable[[int], None], as_of: datetime
) -> ModelVersion:
    """Keep the model file, then write the version and `close` its run (given the number) in one transaction.

    The file comes first: a row never names a file that is not there, and a file without a row harms nobody.

    Raises:
        LostClaim: another worker took the run over; nothing is written.
    """
    document = dump_document(fields.document)
    digest = store.put(document)
    origin = VersionOrigin.TRAINED if fields.adoption_run is None else VersionOrigin.ADOPTED
    for attempt in range(NUMBER_TRIES):
        try:
            with transaction.atomic():
                version = ModelVersion.objects.create(
                    number=(ModelVersion.objects.aggregate(n=Max("number"))["n"] or 0) + 1,
                    feature_set=feature_set,
                    training_run=fields.training_run,
                    adoption_run=fields.adoption_run,
                    origin=origin.value,
                    source=fields.source,
                    estimator=fields.estimator,
                    metrics=fields.metrics,
                    report=fields.report,
                    importance=fields.importance,
                    reference_profile=fields.reference_profile,
                    training_rows=fields.training_rows,
                    training_conversions=fields.training_conversions,
                    data_fingerprint=fields.data_fingerprint,
                    code_revision=code_revision(),
                    artefact_digest=digest,
                    artefact_size=len(document),
                    created_at=as_of,
                )
                close(version.number)
                signals.version_registered.send(sender=ModelVersion, ids=[version.pk])
            return version
        except IntegrityError:
            # Two runs ended at once and counted to the same number.
            if attempt == NUMBER_TRIES - 1:
                raise
    raise AssertionError("unreachable: the loop returns or raises")


@cache
def code_revision() -> str:
    """The commit this code is, or the release it was installed as."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],  # noqa: S607  whichever git the operator has
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return found.stdout.strip() if found.returncode == 0 else "unknown"


def publish_version(version: ModelVersion) -> bool:
    """Tell MLflow about a version; false when it is away, and the sweep tries again later."""
    if version.mlflow_run_id:
        return True
    try:
        document = store.get(version.artefact_digest, size=version.artefact_size)
        entry = registry.publish(_publication(version, document))
    except (store.ArtefactMissing, store.ArtefactAltered, registry.RegistryUnavailable) as error:
        logger.warning("registry.not_published", version=version.number, error=str(error))
        return False
    except Exception:
        # MLflow is beside the way: nothing that goes wrong there may fail a training run or end a sweep.
        logger.exception("registry.not_published", version=version.number)
        return False
    # Two publishers at once leave two runs in MLflow; the row names one, and both hold the same bytes.
    ModelVersion.objects.filter(pk=version.pk, mlflow_run_id="").update(
        mlflow_run_id=entry.run_id, mlflow_version=entry.version
    )
    version.refresh_from_db(fields=["mlflow_run_id", "mlflow_version"])
    return True


def publish_waiting(limit: int = 5) -> int:
    """Publish versions MLflow does not know yet; returns how many it took."""
    # Newest first: old versions whose files are gone would otherwise stand before all others for ever.
    waiting = ModelVersion.objects.filter(mlflow_run_id="").order_by("-number")[:limit]
    return sum(publish_version(version) for version in waiting)


def mark_champion() -> None:
    """Point MLflow's alias at the champion of the open release, where that has not been done."""
    release = Release.objects.filter(is_open=True, in_registry=False).select_related("champion").first()
    if release is None or not release.champion.mlflow_version:
        return
    try:
        registry.mark_champion(release.champion.name, release.champion.mlflow_version)
    except registry.RegistryUnavailable as error:
        logger.warning("registry.alias_not_set", version=release.champion.number, error=str(error))
        return
    Release.objects.filter(pk=release.pk).update(in_registry=True)


def _publication(version: ModelVersion, document: bytes) -> registry.Publication:
    report: dict[str, Any] = version.report
    metrics: dict[str, float] = {}
    for name, estimate in version.metrics.items():
        metrics[f"test_{name}"] = float(estimate["value"])
        metrics[f"test_{name}_low"] = float(estimate["low"])
        metrics[f"test_{name}_high"] = float(estimate["high"])
    files = {
        "report.json": _json(report),
        "metrics.json": _json(version.metrics),
        "importance.json": _json(version.importance),
        "reference_profile.json": _json(version.reference_profile),
        "feature_set.json": _json(version.feature_set.schema().to_json()),
    }
    looked = published_look(report)
    metrics |= looked.metrics
    files |= looked.files | _plots(report)
    return registry.Publication(
        name=MODEL_NAME,
        number=version.number,
        document=document,
        parameters={
            "estimator": version.estimator,
            "feature_set": version.feature_set.number,
            "training_rows": version.training_rows,
            "training_conversions": version.training_conversions,
            **report.get("params", {}),
        },
        metrics=metrics,
        tags={
            "data_fingerprint": version.data_fingerprint,
            "code_revision": version.code_revision,
            "artefact_digest": version.artefact_digest,
            "feature_set": str(version.feature_set),
            **{f"source.{key}": str(value) for key, value in version.source.items()},
            "mlflow.note.content": " ".join(report.get("notes", [])),
        },
        files=files,
        curves=looked.curves,
    )


def _plots(report: dict[str, Any]) -> dict[str, bytes]:
    n, conversions = report["split"]["test_leads"], report["split"]["test_conversions"]
    if not report["calibration_curve"]:
        return {}
    calibration = [
        CalibrationBin(item["predicted"], Estimate.from_json(item["observed"]))
        for item in report["calibration_curve"]
    ]
    gain = [GainPoint(**item) for item in report["gain_curve"]]
    about = {"base_rate": conversions / max(n, 1), "n": n, "conversions": conversions}
    return {
        "plots/calibration.png": calibration_plot(calibration, **about),
        "plots/gain.png": gain_plot(gain, **about),
    }


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True).encode()
