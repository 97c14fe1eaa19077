"""A queued run with leads, and stand-ins for what has tests of its own."""

from __future__ import annotations

import pytest

from scoring.models import TrainingRun
from scoring.services import maintenance
from scoring.services.training import run as training_run
from tests.factories.learned import some_leads
from tests.factories.rows import a_feature_set, a_training_run
from tests.factories.running import FEW
from tests.factories.trained import SPECS


@pytest.fixture
def ready() -> TrainingRun:
    """A queued run with leads to learn from."""
    feature_set = a_feature_set(SPECS)
    some_leads(FEW, dated=False)
    return a_training_run(feature_set=feature_set, trials=1, timeout_s=5)


@pytest.fixture
def unpublished(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telling MLflow is left to the sweep: it has tests of its own."""
    monkeypatch.setattr(training_run, "publish_version", lambda version: False)
    monkeypatch.setattr(maintenance, "publish_waiting", lambda: 0)


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training stops the test: nothing here should get that far."""
    monkeypatch.setattr("scoring.ml.training.train", lambda *args, **kwargs: pytest.fail("trained"))
