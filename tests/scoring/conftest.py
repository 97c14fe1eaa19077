"""Fixtures of the core: an own place for files, a fresh loader, and a model that is trained once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings


@pytest.fixture
def place(settings: Settings, tmp_path: Path) -> Path:
    """An empty directory where this test's model files and error files go."""
    settings.VAR_DIR = tmp_path / "var"
    settings.VAR_DIR.mkdir()
    return Path(settings.VAR_DIR)


@pytest.fixture(autouse=True)
def _fresh_loader() -> Iterator[None]:
    """Each test starts like a process that has loaded nothing."""
    from scoring import loader

    loader.forget()
    yield
    loader.forget()


@pytest.fixture
def mlflow_away(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow is named but nobody listens there."""
    settings.MLFLOW_TRACKING_URI = "http://127.0.0.1:9"
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
