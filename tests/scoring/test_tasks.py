"""Tasks: ids in, one service call, and running one twice changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from scoring import tasks
from scoring.models import ModelVersion, Prediction, TrainingRun
from scoring.services import maintenance
from scoring.services.training import run as training_run
from tests.factories.learned import some_leads
from tests.factories.rows import NOW, a_feature_set, a_lead, a_training_run, days_ago
from tests.factories.trained import GOOD, SPECS, a_served_release

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place", "mlflow_away")]


def test_a_training_message_delivered_twice_trains_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "publish_version", lambda version: False)
    feature_set = a_feature_set(SPECS)
    # The task asks the clock, so these must have been known for long.
    some_leads(140, dated=False, until=days_ago(3000))
    row = a_training_run(feature_set=feature_set, trials=1, timeout_s=5)
    tasks.run_training(row.pk)
    tasks.run_training(row.pk)
    row.refresh_from_db()
    assert (row.state, row.attempts, ModelVersion.objects.count()) == ("done", 1, 1)


def test_a_training_message_for_no_row_is_no_error() -> None:
    tasks.run_training(999)
    assert TrainingRun.objects.count() == 0


def test_a_release_message_for_no_release_is_no_error() -> None:
    tasks.after_release(999)


def test_the_sweep_does_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    a_lead(attributes=GOOD, awaiting_score=True)
    a_served_release()
    tasks.sweep()
    tasks.sweep()
    assert Prediction.objects.count() == 1


def test_many_waiting_leads_are_scored_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        a_lead(f"L-{number}", attributes=GOOD, awaiting_score=True)
    a_served_release()
    batches: list[int] = []
    real = maintenance.score_waiting

    def three_at_a_time(*, as_of: Any) -> int:
        batches.append(real(as_of=as_of, limit=3))
        return batches[-1]

    monkeypatch.setattr(maintenance, "score_waiting", three_at_a_time)
    assert maintenance.score_all_waiting(as_of=NOW) == 7
    assert batches == [3, 3, 1, 0]


def test_the_sweep_without_anything_to_do_does_nothing() -> None:
    maintenance.sweep(as_of=NOW)


def test_every_task_of_the_core_has_a_time_limit() -> None:
    for task in (tasks.run_training, tasks.after_release, tasks.sweep):
        assert 0 < task.soft_time_limit < task.time_limit <= 3600
