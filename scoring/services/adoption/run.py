"""Running an adoption row: fetch, check, convert, judge, register."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from django.utils import timezone

from leadscoring.common import claims
from scoring import registry
from scoring.contracts import AdoptionRefused, TrainingRefused
from scoring.ml.adoption.lightgbm_text import SIZE_LIMIT as LIGHTGBM_LIMIT
from scoring.ml.adoption.mlmodel import SIZE_LIMIT, Flavour, read_mlmodel
from scoring.ml.adoption.refusal import AdoptionError
from scoring.ml.adoption.skops_file import PACKED_LIMIT
from scoring.ml.compile import RowScorer, compile_document
from scoring.ml.schema import Value
from scoring.models import AdoptionRun, ModelVersion, TrainingPolicy
from scoring.services.adoption.survey import MLMODEL, sentence
from scoring.services.training.data import Collected, collect
from scoring.services.versions import Fields, publish_version, store_version

if TYPE_CHECKING:
    from scoring.ml.adoption.build import Adopted

logger = structlog.get_logger(__name__)
Progress = Callable[[str, float], None]
LEASE_SECONDS = 120
RETRY_SECONDS = 30.0
TIMED_ROWS = 200
LIMITS: Mapping[Flavour, int] = {
    Flavour.SKOPS: PACKED_LIMIT,
    Flavour.LIGHTGBM: LIGHTGBM_LIMIT,
    Flavour.CATBOOST: LIGHTGBM_LIMIT,
}


def run_adoption(
    run_id: int, *, as_of: datetime | None = None, progress: Progress | None = None, retry: bool = True
) -> ModelVersion | None:
    """Claim and run one adoption row; None when another worker has it, or it was cancelled.

    `retry` lets the row wait for MLflow to come back instead of failing.

    Raises:
        AdoptionRefused: the model cannot be adopted, for all the reasons named; the row says the same.
    """
    held = claims.claim(AdoptionRun, run_id, lease_seconds=LEASE_SECONDS)
    if held is None:
        return None
    try:
        version = _adopt_or_close(run_id, held, as_of or timezone.now(), progress or _quiet, retry)
    except claims.LostClaim:
        logger.warning("adoption.lost_claim", run=run_id)
        return None
    if version is not None:
        publish_version(version)
    return version


def _adopt_or_close(
    run_id: int, held: claims.Claim, as_of: datetime, progress: Progress, retry: bool
) -> ModelVersion | None:
    lease = claims.Lease(AdoptionRun, held, lease_seconds=LEASE_SECONDS)
    try:
        return _adopt(run_id, lease, as_of, progress)
    except claims.Cancelled:
        claims.cancel(AdoptionRun, held)
        return None
    except KeyboardInterrupt:
        claims.cancel(AdoptionRun, held, message="Stopped by hand.")
        raise
    except claims.LostClaim:
        raise
    except registry.RegistryUnavailable as error:
        claims.fail(AdoptionRun, held, sentence(str(error)), retry_in=RETRY_SECONDS if retry else None)
        raise AdoptionRefused(sentence(str(error))) from error
    except AdoptionError as error:
        reasons = tuple(sentence(reason) for reason in error.reasons)
        claims.fail(AdoptionRun, held, " ".join(reasons), report={"reasons": list(reasons)})
        raise AdoptionRefused(*reasons) from error
    except (registry.FileRefused, TrainingRefused) as error:
        reason = sentence(str(error))
        claims.fail(AdoptionRun, held, reason, report={"reasons": [reason]})
        raise AdoptionRefused(reason) from error
    except Exception as error:
        claims.fail(AdoptionRun, held, f"{type(error).__name__}: {error}")
        raise


def _quiet(message: str, share: float) -> None:
    """Progress that nobody watches but the row."""


def _adopt(run_id: int, lease: claims.Lease, as_of: datetime, progress: Progress) -> ModelVersion:
    from scoring.ml.adoption.build import adopt

    run = AdoptionRun.objects.select_related("feature_set").get(pk=run_id)

    def told(message: str, share: float) -> None:
        progress(message, share)
        lease.progress(message, min(share, 0.99))
        lease.stop_if_cancelled()

    told("Fetching the model from MLflow", 0.02)
    files = registry.ForeignFiles(run.source_name, run.source_version)
    described = files.read(MLMODEL, limit=SIZE_LIMIT)
    digest = hashlib.sha256(described).hexdigest()
    if run.seen_digest and run.seen_digest != digest:
        raise AdoptionError(
            "The model's MLmodel file is not the one that was looked at when this adoption was asked for. Look at "
            "MLflow again, and decide on what is there now."
        )
    model = read_mlmodel(described)
    # One reading: what is checked, converted, digested and kept are the same bytes.
    data = files.read(model.path, limit=LIMITS[model.flavour])
    told("Collecting ripe leads to judge it on", 0.1)
    collected = collect(run.feature_set, as_of=as_of)
    adopted = adopt(
        model,
        data,
        run.feature_set.schema(),
        collected.data,
        recalibrate=run.recalibrate,
        progress=lambda message, share: told(message, 0.15 + 0.7 * share),
    )
    told("Measuring how long a lead takes", 0.9)
    speed = _speed(compile_document(adopted.document), adopted.rows)
    source = {
        "name": run.source_name,
        "version": run.source_version,
        "run_id": _run_id(run),
        "flavour": model.flavour.value,
        "tool_version": model.tool_version,
        "path": model.path,
        "digest": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "mlmodel_digest": digest,
    }
    version = _register(run, lease.claim, collected, adopted, source, speed, as_of)
    progress(f"Version {version.number} is ready", 1.0)
    return version


def _run_id(run: AdoptionRun) -> str:
    from scoring.models import ForeignVersion

    seen = ForeignVersion.objects.filter(name=run.source_name, version=run.source_version).first()
    return seen.run_id if seen else ""


def _speed(scorer: RowScorer, rows: list[dict[str, Value]]) -> dict[str, float]:
    """Milliseconds for one lead, one at a time, reasons included: median and 95th percentile."""
    taken = []
    for row in rows[:TIMED_ROWS]:
        begin = time.perf_counter()
        scorer.score(row)
        taken.append((time.perf_counter() - begin) * 1000)
    taken.sort()
    if not taken:
        return {}
    return {
        "p50_ms": round(taken[len(taken) // 2], 3),
        "p95_ms": round(taken[int(len(taken) * 0.95)], 3),
        "leads": len(taken),
    }


def _register(
    run: AdoptionRun,
    held: claims.Claim,
    collected: Collected,
    adopted: Adopted,
    source: dict[str, Any],
    speed: dict[str, float],
    as_of: datetime,
) -> ModelVersion:
    policy = TrainingPolicy.objects.first() or TrainingPolicy()
    few = []
    if collected.rows < policy.minimum_leads or collected.conversions < policy.minimum_conversions:
        few.append(
            f"Judged on {collected.rows:,} leads with {collected.conversions:,} conversions only: the intervals are "
            "wide."
        )
    account = collected.account()
    report = {
        "split": {
            "kind": "all ripe leads",
            "why": "the model was made elsewhere",
            "test_leads": collected.rows,
            "test_conversions": collected.conversions,
            "first_test_date": collected.first,
            "last_test_date": collected.last,
        },
        "left_out": dict(adopted.left_out),
        "calibration_curve": [item.to_json() for item in adopted.calibration_curve],
        "gain_curve": [item.to_json() for item in adopted.gain_curve],
        "notes": [*adopted.notes, *few, *account["notes"]],
        "parity": {
            "max_difference": adopted.parity.max_difference,
            "n": adopted.parity.n,
            "ok": adopted.parity.ok,
        },
        "speed": speed,
        "training": account,
        "dates": account["dates"],
    }
    fields = Fields(
        document=adopted.document,
        estimator=adopted.kind,
        metrics={name: estimate.to_json() for name, estimate in adopted.metrics.items()},
        report=report,
        importance=[item.to_json() for item in adopted.importance],
        reference_profile=adopted.reference,
        data_fingerprint=collected.fingerprint,
    )
    return store_version(
        replace(fields, adoption_run=run, source=source),
        feature_set=run.feature_set,
        close=lambda number: claims.finish(
            AdoptionRun,
            held,
            message=f"Version {number} is ready.",
            report={"judged_on": collected.rows, "conversions": collected.conversions, "source": source},
        ),
        as_of=as_of,
    )


def adopt_and_log(run_id: int) -> None:
    """Run one row for a worker: a refusal is the row's to tell."""
    try:
        run_adoption(run_id)
    except AdoptionRefused as refused:
        logger.info("adoption.refused", run=run_id, reason=refused.detail)
