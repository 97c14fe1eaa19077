"""An MLflow that holds files as another tool would have left them; only the wire is made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from scoring import registry
from scoring.ml.adoption.mlmodel import Flavour
from tests.factories import own_models as own

Put = Callable[..., Path]


class FakeMlflow:
    """The three calls of an MLflow client that are used, over a table of folders."""

    def __init__(self) -> None:
        self.folders: dict[tuple[str, str], str] = {}
        self.error: Exception | None = None

    def search_model_versions(self, **_: Any) -> list[Any]:
        self._fail()
        return [
            SimpleNamespace(name=name, version=version, run_id="r1", creation_timestamp=1000, tags={})
            for name, version in self.folders
        ]

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        self._fail()
        if (name, version) not in self.folders:
            raise OSError("no such version")
        return self.folders[name, version]

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture
def mlflow(settings: Settings, place: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMlflow:
    """What MLflow answers; publishing is left to its own tests."""
    from scoring.services.adoption import run

    settings.MLFLOW_ARTIFACT_ROOT = str(place / "mlflow")
    fake = FakeMlflow()
    monkeypatch.setattr(registry, "_client", lambda: fake)
    monkeypatch.setattr(run, "publish_version", lambda version: False)
    return fake


@pytest.fixture
def put(mlflow: FakeMlflow, place: Path) -> Put:
    """Registers files as a version and returns their folder."""

    def registered(
        files: Mapping[str, bytes] | None = None,
        *,
        name: str = "theirs",
        version: str = "1",
        flavour: Flavour = Flavour.SKOPS,
        described: bytes | None = None,
    ) -> Path:
        folder = place / "mlflow" / f"{name}-{version}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "MLmodel").write_bytes(own.mlmodel(flavour) if described is None else described)
        for path, content in (files if files is not None else {"model.skops": own.skops_file()}).items():
            (folder / path).write_bytes(content)
        mlflow.folders[name, version] = folder.resolve().as_uri()
        return folder

    return registered
