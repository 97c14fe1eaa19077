"""Training runs whose worker is killed, overtaken or met by another."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from leadscoring.common import claims
from scoring import signals, store, tasks
from scoring.models import ModelVersion, TrainingRun
from scoring.services import maintenance
from scoring.services.training import run_training
from tests.factories.learned import some_leads
from tests.factories.rows import NOW, a_feature_set, a_training_run, counts
from tests.factories.running import FEW, run
from tests.factories.trained import SPECS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place", "unpublished")]


def test_the_run_of_a_killed_worker_is_woken_by_the_sweep(
    ready: TrainingRun, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[int] = []
    monkeypatch.setattr(tasks.run_training, "apply_async", lambda args, **kwargs: woken.extend(args))
    claims.claim(TrainingRun, ready.pk, lease_seconds=60)
    with django_capture_on_commit_callbacks(execute=True):
        maintenance.sweep(as_of=NOW)
    assert woken == [], "its lease still runs"
    TrainingRun.objects.filter(pk=ready.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    with django_capture_on_commit_callbacks(execute=True):
        maintenance.sweep(as_of=NOW)
    assert woken == [ready.pk]
    assert run(ready) is not None
    ready.refresh_from_db()
    assert (ready.state, ready.attempts) == ("done", 2)


def test_a_run_whose_message_was_lost_is_woken_by_the_sweep(
    ready: TrainingRun, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[int] = []
    monkeypatch.setattr(tasks.run_training, "apply_async", lambda args, **kwargs: woken.extend(args))
    with django_capture_on_commit_callbacks(execute=True):
        maintenance.sweep(as_of=NOW)
    assert woken == [ready.pk]


def test_a_run_that_kills_every_worker_is_given_up(ready: TrainingRun) -> None:
    for _ in range(TrainingRun.max_attempts):
        assert claims.claim(TrainingRun, ready.pk, lease_seconds=-1)
    maintenance.sweep(as_of=NOW)
    ready.refresh_from_db()
    assert (ready.state, ready.attempts) == ("failed", 3)
    assert "fell silent 3 times" in ready.error


def overtaken_at(step: str, row: TrainingRun) -> Any:
    """A progress callback: at this step the lease runs out and another worker takes the row."""

    done: list[str] = []

    def progress(message: str, share: float) -> None:
        if message.startswith(step) and not done:
            done.append(message)  # a slow step is told more than once
            TrainingRun.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
            assert claims.claim(TrainingRun, row.pk, lease_seconds=60)

    return progress


@pytest.mark.parametrize("step", ["Collecting", "Testing", "Keeping"])
def test_a_worker_that_lost_its_row_writes_nothing(ready: TrainingRun, step: str) -> None:
    heard: list[int] = []
    signals.version_registered.connect(listen := lambda ids, **kwargs: heard.extend(ids))
    before = counts()
    try:
        assert run(ready, progress=overtaken_at(step, ready)) is None
    finally:
        signals.version_registered.disconnect(listen)
    ready.refresh_from_db()
    assert (ready.state, ready.fence) == ("running", 2), "the other worker's claim stands"
    assert counts() == before
    assert heard == []


def test_a_refusal_that_comes_too_late_does_not_close_another_s_row() -> None:
    row = a_training_run(feature_set=a_feature_set(SPECS))
    assert run(row, progress=overtaken_at("Collecting", row)) is None
    row.refresh_from_db()
    assert (row.state, row.error) == ("running", "")


def test_a_receiver_that_fails_undoes_the_version(ready: TrainingRun) -> None:
    def receiver(ids: list[int], **kwargs: Any) -> None:
        raise RuntimeError("no room in the outbox")

    signals.version_registered.connect(receiver)
    try:
        with pytest.raises(RuntimeError):
            run(ready)
    finally:
        signals.version_registered.disconnect(receiver)
    ready.refresh_from_db()
    assert ModelVersion.objects.count() == 0
    assert (ready.state, ready.error) == ("failed", "RuntimeError: no room in the outbox")


def test_without_room_for_the_file_there_is_no_version(
    ready: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(document: bytes) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "put", full)
    with pytest.raises(OSError, match="No space left"):
        run(ready)
    ready.refresh_from_db()
    assert ModelVersion.objects.count() == 0
    assert "No space left on device" in ready.error


# --- At once (PostgreSQL) ----------------------------------------------------------------------------


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_two_workers_with_one_message_one_trains() -> None:
    feature_set = a_feature_set(SPECS)
    some_leads(FEW, dated=False)
    row = a_training_run(feature_set=feature_set, trials=1, timeout_s=5)
    barrier = threading.Barrier(2)
    ends: list[Any] = []

    def go() -> None:
        try:
            barrier.wait(timeout=20)
            ends.append(run_training(row.pk, as_of=NOW))
        except Exception as error:
            ends.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(end is None for end in ends) == [False, True], ends
    assert ModelVersion.objects.count() == 1


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_two_runs_that_end_at_once_get_two_numbers() -> None:
    feature_set = a_feature_set(SPECS)
    some_leads(FEW, dated=False)
    rows = [a_training_run(feature_set=feature_set, trials=1, timeout_s=5) for _ in range(2)]
    barrier = threading.Barrier(2)
    ends: list[Any] = []

    def meet(message: str, share: float) -> None:
        if message.startswith("Keeping"):
            barrier.wait(timeout=30)

    def go(pk: int) -> None:
        try:
            ends.append(run_training(pk, as_of=NOW, progress=meet))
        except Exception as error:
            ends.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=(row.pk,)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(end.number for end in ends if isinstance(end, ModelVersion)) == [1, 2], ends
