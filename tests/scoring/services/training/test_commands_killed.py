"""Training runs begun by a command that is killed, or met by another start."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from leadscoring.common import alive, claims
from scoring.contracts import TrainingRefused
from scoring.models import ModelVersion, TrainingRun
from scoring.services.training import request_training, run_training, train_here
from scoring.services.training import run as training_run
from tests.factories.learned import some_leads
from tests.factories.rows import NOW, a_feature_set, a_training_run
from tests.factories.running import FEW
from tests.factories.trained import SPECS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place", "unpublished")]


def quiet(message: str, share: float) -> None:
    """Nobody watches."""


def of_a_killed_command() -> TrainingRun:
    """A row as kill -9 leaves it: running, its lease not over, its lock let go."""
    run = a_training_run(feature_set=a_feature_set(SPECS), trials=1, timeout_s=5)
    assert claims.claim(TrainingRun, run.pk, lease_seconds=90, held_by=alive.here())
    return run


def train(**changes: Any) -> tuple[TrainingRun, ModelVersion | None]:
    return train_here(**{"trials": 1, "timeout_s": 5, "as_of": NOW, "progress": quiet, **changes})


def test_the_next_start_takes_the_place_of_a_killed_command_at_once() -> None:
    dead = of_a_killed_command()
    some_leads(FEW, dated=False)
    run, version = train()
    dead.refresh_from_db()
    assert (dead.state, dead.message) == (
        "cancelled",
        "Its command was killed; the next start took its place.",
    )
    assert version is not None
    assert version.training_run == run
    assert ModelVersion.objects.count() == 1


def test_so_does_a_start_in_the_admin() -> None:
    dead = of_a_killed_command()
    run = request_training()
    dead.refresh_from_db()
    assert (dead.state, run.state, run.held_by) == ("cancelled", "queued", "")


def test_a_process_that_was_only_thought_dead_registers_nothing() -> None:
    run = a_training_run(feature_set=a_feature_set(SPECS), trials=1, timeout_s=5)
    some_leads(FEW, dated=False)

    def replaced(message: str, share: float) -> None:
        if message.startswith("Keeping"):
            request_training()

    assert run_training(run.pk, as_of=NOW, progress=replaced, held_by=alive.here()) is None
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert ModelVersion.objects.count() == 0


def test_a_command_that_lives_is_not_replaced() -> None:
    living = of_a_killed_command()
    with alive.holding(training_run.COMMANDS):
        with pytest.raises(TrainingRefused, match="Another train_model is running on this machine"):
            train()
        with pytest.raises(
            TrainingRefused, match=f"Training run {living.pk} is running by a command, 0 % done"
        ):
            request_training()
    living.refresh_from_db()
    assert (living.state, TrainingRun.objects.count()) == ("running", 1)


def test_a_worker_s_run_is_waited_for_and_the_words_say_how_long() -> None:
    run = a_training_run(feature_set=a_feature_set(SPECS))
    claims.claim(TrainingRun, run.pk, lease_seconds=90, held_by="")
    with pytest.raises(TrainingRefused, match=r"running by a worker.*goes on with it within 110 seconds"):
        train()
    assert TrainingRun.objects.count() == 1


def test_a_worker_that_takes_a_killed_command_s_run_over_is_not_replaced() -> None:
    dead = of_a_killed_command()
    TrainingRun.objects.filter(pk=dead.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert claims.claim(TrainingRun, dead.pk, lease_seconds=90, held_by="")
    with pytest.raises(TrainingRefused, match="running by a worker"):
        train()
    dead.refresh_from_db()
    assert (dead.state, dead.fence) == ("running", 2)


def test_a_command_on_another_machine_is_not_taken_for_a_dead_one() -> None:
    run = a_training_run(feature_set=a_feature_set(SPECS))
    claims.claim(TrainingRun, run.pk, lease_seconds=90, held_by="elsewhere:/var")
    with pytest.raises(TrainingRefused, match="running by a command"):
        train()
