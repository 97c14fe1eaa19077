"""The registry: what training tells MLflow, and model documents fetched from it.

The only importer of MLflow, which is a store for metadata and files here: none of its `load_model` functions is ever
called, because they run code that the stored file names. It is imported inside the functions: web workers never need
it while the document lies on their machine.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

DOCUMENT_PATH = "model/model.json"
CHAMPION_ALIAS = "champion"
LONGEST_PARAMETER = 500


class RegistryUnavailable(Exception):
    """MLflow did not answer, or not with what was asked; try again later."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where MLflow keeps a version."""

    run_id: str
    version: str


@dataclass(frozen=True, slots=True)
class Publication:
    """What is told about one version. `files` are artefact paths and their bytes; `curves` are metrics by step."""

    name: str
    number: int
    document: bytes
    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    files: Mapping[str, bytes]
    curves: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)


def _client() -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=settings.MLFLOW_TRACKING_URI, registry_uri=settings.MLFLOW_TRACKING_URI)


def _experiment(client: MlflowClient) -> str:
    found = client.get_experiment_by_name(settings.MLFLOW_EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    # A server decides where its files lie; a local database needs a folder of ours.
    local = settings.MLFLOW_TRACKING_URI.startswith("sqlite:")
    root = Path(settings.MLFLOW_ARTIFACT_ROOT) / settings.MLFLOW_EXPERIMENT
    return str(
        client.create_experiment(
            settings.MLFLOW_EXPERIMENT, artifact_location=root.resolve().as_uri() if local else None
        )
    )


def publish(publication: Publication) -> Entry:
    """Write one version's parameters, metrics, files and document, and register it.

    Raises:
        RegistryUnavailable: MLflow is away or refused; nothing that serves depends on it.
    """
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException

    try:
        client = _client()
        run = client.create_run(
            _experiment(client),
            run_name=f"{publication.name}-v{publication.number}",
            tags={key: value[:5000] for key, value in publication.tags.items()},
        )
        run_id = str(run.info.run_id)
        now = int(time.time() * 1000)
        # One call for all of them: each alone is a round trip, or a commit of the local database.
        client.log_batch(
            run_id,
            params=[
                Param(key, (value if isinstance(value, str) else json.dumps(value))[:LONGEST_PARAMETER])
                for key, value in publication.parameters.items()
            ],
            metrics=[
                *(Metric(key, number, now, 0) for key, number in publication.metrics.items()),
                *(
                    Metric(key, number, now, step)
                    for key, curve in publication.curves.items()
                    for step, number in curve
                ),
            ],
        )
        with tempfile.TemporaryDirectory() as folder:
            for path, content in {**publication.files, DOCUMENT_PATH: publication.document}.items():
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            client.log_artifacts(run_id, folder)
        client.set_terminated(run_id)
        try:
            client.create_registered_model(publication.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        version = client.create_model_version(
            publication.name,
            source=f"{run.info.artifact_uri}/model",
            run_id=run_id,
            tags={"leadscoring.number": str(publication.number)},
        )
    except (MlflowException, OSError) as error:
        raise RegistryUnavailable(f"MLflow did not take version {publication.number}: {error}") from error
    return Entry(run_id=run_id, version=str(version.version))


def mark_champion(name: str, version: str) -> None:
    """Point the alias `champion` at a registered version.

    Raises:
        RegistryUnavailable: MLflow is away; the release itself does not depend on the alias.
    """
    from mlflow.exceptions import MlflowException

    try:
        _client().set_registered_model_alias(name, CHAMPION_ALIAS, version)
    except (MlflowException, OSError) as error:
        raise RegistryUnavailable(f"MLflow did not set the alias: {error}") from error


def fetch_document(run_id: str) -> bytes:
    """The model document of a run, not yet checked: the caller compares size and digest.

    Raises:
        RegistryUnavailable: MLflow is away, or keeps no document for this run.
    """
    from mlflow.exceptions import MlflowException

    try:
        with tempfile.TemporaryDirectory() as folder:
            return Path(_client().download_artifacts(run_id, DOCUMENT_PATH, folder)).read_bytes()
    except (MlflowException, OSError) as error:
        raise RegistryUnavailable(f"MLflow gave no model document for run {run_id}: {error}") from error
