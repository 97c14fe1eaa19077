"""What MLflow holds of other tools, kept as rows so that pages need not wait for MLflow."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from typing import Any

import structlog

from scoring import registry
from scoring.contracts import AdoptionRefused
from scoring.ml.adoption.mlmodel import SIZE_LIMIT, read_mlmodel
from scoring.ml.adoption.refusal import AdoptionError
from scoring.models import ForeignVersion

logger = structlog.get_logger(__name__)
MLMODEL = "MLmodel"
SECONDS = 20.0


def survey_foreign(*, as_of: datetime, seconds: float = SECONDS) -> int:
    """Look at the versions other tools registered; returns how many there are. Rows of versions gone are removed.

    Only MLmodel files are read. After `seconds` the rest waits for the next look.

    Raises:
        AdoptionRefused: MLflow is away; the rows stay as they were.
    """
    try:
        found = registry.foreign_versions()
    except registry.RegistryUnavailable as error:
        raise AdoptionRefused(f"{error}. The list stays as it was.") from error
    end = time.monotonic() + seconds
    known = {(row.name, row.version): row for row in ForeignVersion.objects.all()}
    for one in found:
        if time.monotonic() > end:
            logger.warning("adoption.survey_cut", versions=len(found))
            break
        ForeignVersion.objects.update_or_create(
            name=one.name[:256],
            version=one.version[:32],
            defaults={
                "run_id": one.run_id[:64],
                "registered_at": datetime.fromtimestamp(one.registered_ms / 1000, tz=UTC),
                "seen_at": as_of,
                **_read(one.name, one.version),
            },
        )
    there = {(one.name[:256], one.version[:32]) for one in found}
    gone = [row.pk for key, row in known.items() if key not in there]
    ForeignVersion.objects.filter(pk__in=gone).delete()
    return len(found)


def _read(name: str, version: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"flavour": "", "tool_version": "", "inputs": [], "output": "", "digest": ""}
    try:
        data = registry.ForeignFiles(name, version).read(MLMODEL, limit=SIZE_LIMIT)
    except (registry.RegistryUnavailable, registry.FileRefused) as error:
        return {**empty, "problems": [sentence(str(error))]}
    digest = hashlib.sha256(data).hexdigest()
    try:
        model = read_mlmodel(data)
    except AdoptionError as error:
        return {**empty, "digest": digest, "problems": list(error.reasons)}
    return {
        "flavour": model.flavour.value,
        "tool_version": model.tool_version,
        "inputs": [{"name": item.name, "type": item.type} for item in model.signature.inputs],
        "output": model.signature.output,
        "problems": list(model.signature.problems),
        "digest": digest,
    }


def sentence(words: str) -> str:
    """Words as a sentence.

    >>> sentence("it is away")
    'It is away.'
    """
    words = words.strip().rstrip(".")
    return f"{words[:1].upper()}{words[1:]}."
