"""A training run as tests run it."""

from __future__ import annotations

from typing import Any

from scoring.models import ModelVersion, TrainingRun
from scoring.services.training import run_training
from tests.factories.rows import NOW

FEW = 160


def run(row: TrainingRun, **changes: Any) -> ModelVersion | None:
    return run_training(row.pk, **{"as_of": NOW, **changes})
