"""The registry: what training tells MLflow, model documents fetched from it, and versions other tools put there.

The only importer of MLflow, which is a store for metadata and files here: none of its `load_model` functions is ever
called, because they run code that the stored file names. It is imported inside the functions: web workers never need
it while the document lies on their machine.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from django.conf import settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

DOCUMENT_PATH = "model/model.json"
CHAMPION_ALIAS = "champion"
LONGEST_PARAMETER = 500
OUR_TAG = "leadscoring.number"
MOST_LISTED = 500
FETCH_SECONDS = 60.0
CHUNK = 1024 * 1024
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._ -]*(?:/[A-Za-z0-9_-][A-Za-z0-9._ -]*)*")
# Stores that MLflow's own configuration names. What a caller of MLflow can type freely (http, ftp) is not among them.
_STORES = ("mlflow-artifacts", "s3", "gs", "wasbs", "abfss", "dbfs")


class FileRefused(Exception):
    """A file of a registered version that is not read: too large, in a wrong place, or not there."""


class RegistryUnavailable(Exception):
    """MLflow did not answer, or not with what was asked; try again later."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where MLflow keeps a version."""

    run_id: str
    version: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A registered version that another tool made; `registered_ms` are milliseconds since 1970 (UTC)."""

    name: str
    version: str
    run_id: str
    registered_ms: int


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
            tags={OUR_TAG: str(publication.number)},
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


def foreign_versions() -> list[Foreign]:
    """The newest registered versions that this program did not register, newest first.

    Raises:
        RegistryUnavailable: MLflow is away.
    """
    from mlflow.exceptions import MlflowException

    try:
        found = _client().search_model_versions(
            max_results=MOST_LISTED, order_by=["creation_timestamp DESC", "name ASC", "version_number DESC"]
        )
    except (MlflowException, OSError) as error:
        raise RegistryUnavailable(f"MLflow did not list its models: {error}") from error
    return [
        Foreign(str(one.name), str(one.version), str(one.run_id or ""), int(one.creation_timestamp or 0))
        for one in found
        if OUR_TAG not in one.tags
    ]


class ForeignFiles:
    """The files of one registered version, read under a size limit and never followed out of their folder.

    Raises (all methods):
        RegistryUnavailable: MLflow is away or does not know the version.
        FileRefused: the file is too large, lies in a wrong place, or is not there.
    """

    def __init__(self, name: str, version: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._address = str(_client().get_model_version_download_uri(name, version))
        except (MlflowException, OSError) as error:
            raise RegistryUnavailable(f"MLflow has no {name} version {version}: {error}") from error
        self._folder = _local_folder(self._address)

    def read(self, path: str, *, limit: int) -> bytes:
        """The bytes of the file at `path` below the version's folder, at most `limit` of them."""
        if not _PLAIN_PATH.fullmatch(path) or ".." in path:
            raise FileRefused(f"{path!r} is not a plain path inside the model's folder")
        return self._remote(path, limit) if self._folder is None else self._local(self._folder, path, limit)

    def _local(self, folder: Path, path: str, limit: int) -> bytes:
        place = folder / path
        try:
            if place.resolve() != place or not place.is_relative_to(folder):
                raise FileRefused(
                    f"the file {path} is a link to another place; expected a file of the model's folder"
                )
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                about = os.fstat(file.fileno())
                if not stat.S_ISREG(about.st_mode):
                    raise FileRefused(f"the file {path} is no file")
                _check_size(path, about.st_size, limit)
                data = file.read(limit + 1)
        except OSError as error:
            raise FileRefused(f"the file {path} cannot be read: {error.strerror}") from error
        _check_size(path, len(data), limit)
        return data

    def _remote(self, path: str, limit: int) -> bytes:
        from mlflow.exceptions import MlflowException
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        try:
            store = get_artifact_repository(self._address, tracking_uri=settings.MLFLOW_TRACKING_URI)
            folder = path.rpartition("/")[0]
            listed = {item.path: item for item in store.list_artifacts(folder or None)}
            if path not in listed or listed[path].is_dir:
                raise FileRefused(f"the file {path} is not among the files MLflow lists")
            _check_size(path, int(listed[path].file_size or 0), limit)
            return _download(store, path, limit)
        except (MlflowException, OSError, ImportError) as error:
            raise RegistryUnavailable(f"MLflow did not give {path}: {error}") from error


def _local_folder(address: str) -> Path | None:
    """The folder a version's files lie in, if it is one of this machine. Raises FileRefused for wrong places."""
    parts = urlsplit(address)
    if parts.scheme in ("", "file"):
        folder = Path(unquote(parts.path) if parts.scheme else address).resolve()
        root = Path(settings.MLFLOW_ARTIFACT_ROOT).resolve()
        if parts.netloc or not folder.is_relative_to(root):
            raise FileRefused(
                f"the model's files lie outside of {root.name}/, where MLflow keeps those of this installation; log it "
                f"into the experiment “{settings.MLFLOW_EXPERIMENT}”, or through an MLflow server"
            )
        return folder
    own = urlsplit(settings.MLFLOW_TRACKING_URI).netloc
    if parts.scheme not in _STORES or (parts.scheme == "mlflow-artifacts" and parts.netloc not in ("", own)):
        raise FileRefused(
            f"the model's files lie at an address of the kind “{parts.scheme}:”, which is not read"
        )
    return None


def _check_size(path: str, size: int, limit: int) -> None:
    if size > limit:
        raise FileRefused(f"the file {path} has {size:,} bytes; at most {limit:,} are read")


def _download(store: Any, path: str, limit: int) -> bytes:
    """A file of a remote store. Streamed where the store allows it, so that a size that was a lie costs little."""
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
    from mlflow.utils import rest_utils

    if not isinstance(store, HttpArtifactRepository):
        with tempfile.TemporaryDirectory() as folder:
            found = Path(store.download_artifacts(path, folder))
            _check_size(path, found.stat().st_size, limit)
            return found.read_bytes()
    began = time.monotonic()
    parts: list[bytes] = []
    http: Any = rest_utils
    with http.http_request(store._host_creds, f"/{path}", "GET", stream=True) as answer:  # noqa: SLF001
        http.augmented_raise_for_status(answer)
        for part in answer.iter_content(chunk_size=CHUNK):
            parts.append(part)
            _check_size(path, sum(map(len, parts)), limit)
            if time.monotonic() - began > FETCH_SECONDS:
                raise OSError(f"it took longer than {FETCH_SECONDS:.0f} s")
    return b"".join(parts)
