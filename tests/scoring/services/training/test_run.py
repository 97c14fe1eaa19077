"""A training run: claimed once, closed with a reason, and never half-kept."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from leadscoring.common import claims
from scoring import loader, signals, store, tasks
from scoring.contracts import FeatureSetState, TrainingRefused
from scoring.ml.training import train
from scoring.models import ModelVersion, Outcome, TrainingPolicy, TrainingRun
from scoring.services import maintenance
from scoring.services.training import cancel_training, request_training, run_and_log, run_training
from scoring.services.training import run as training_run
from tests.factories.learned import some_leads
from tests.factories.rows import NOW, a_feature_set, a_lead, a_training_run, counts
from tests.factories.trained import SPECS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place", "unpublished")]

FEW = 160


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
    monkeypatch.setattr(training_run, "train", lambda *args, **kwargs: pytest.fail("trained"))


def run(row: TrainingRun, **changes: Any) -> ModelVersion | None:
    return run_training(row.pk, **{"as_of": NOW, **changes})


# --- Asking ------------------------------------------------------------------------------------------


def test_a_request_wakes_a_worker_after_the_commit(
    django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[int] = []
    monkeypatch.setattr(tasks.run_training, "apply_async", lambda args, **kwargs: woken.extend(args))
    feature_set = a_feature_set(SPECS)
    with django_capture_on_commit_callbacks(execute=True):
        row = request_training(trials=3, timeout_s=20, seed=7, reason=" spring ")
        assert woken == []
    assert woken == [row.pk]
    assert (row.feature_set, row.trials, row.timeout_s, row.seed, row.reason) == (
        feature_set,
        3,
        20,
        7,
        "spring",
    )
    assert row.state == "queued"


def test_a_request_needs_an_active_feature_set() -> None:
    a_feature_set(SPECS, state=FeatureSetState.DRAFT)
    with pytest.raises(TrainingRefused, match="No feature set is active"):
        request_training()
    with pytest.raises(TrainingRefused, match="no feature set with the key 999"):
        request_training(feature_set_id=999)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"trials": 0}, "0 trials in 90 s: expected 1 to 1,000 trials"),
        ({"trials": 1001}, "1001 trials"),
        ({"timeout_s": 0}, "in 0 s"),
        ({"timeout_s": 3001}, "and 1 to 3,000 seconds"),
        ({"seed": -1}, "Seed -1: expected 0 to"),
        ({"seed": 2**31}, "Seed 2147483648"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits: dict[str, int], words: str) -> None:
    a_feature_set(SPECS)
    with pytest.raises(TrainingRefused, match=words):
        request_training(**limits)
    assert TrainingRun.objects.count() == 0


def test_one_run_at_a_time_is_asked_for(ready: TrainingRun) -> None:
    with pytest.raises(TrainingRefused, match=f"Training run {ready.pk} is queued; wait for it or cancel it"):
        request_training()
    assert cancel_training(ready.pk)
    assert request_training().pk != ready.pk


# --- Training ----------------------------------------------------------------------------------------


def test_a_run_ends_in_a_registered_version_that_can_serve(ready: TrainingRun) -> None:
    registered: list[int] = []
    signals.version_registered.connect(listen := lambda ids, **kwargs: registered.extend(ids))
    told: list[tuple[str, float]] = []
    try:
        version = run(ready, progress=lambda message, share: told.append((message, share)))
    finally:
        signals.version_registered.disconnect(listen)
    assert version is not None
    ready.refresh_from_db()
    assert (ready.state, ready.progress, ready.message) == ("done", 1.0, "Version 1 is ready.")
    assert registered == [version.pk]
    assert (version.number, version.state, version.training_run) == (1, "ready", ready)
    assert version.training_rows == FEW
    assert {"roc_auc", "pr_auc", "log_loss", "brier", "ece", "top_decile_lift"} <= set(version.metrics)
    assert all({"value", "low", "high", "n", "method"} <= set(metric) for metric in version.metrics.values())
    assert version.report["split"]["test_leads"] == FEW // 5
    assert any(candidate["chosen"] for candidate in version.report["candidates"])
    assert version.reference_profile
    assert version.code_revision
    assert len(version.data_fingerprint) == 64
    assert store.get(version.artefact_digest, size=version.artefact_size)
    assert loader.load_version(version).exact
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[-1] == ("Version 1 is ready", 1.0)


def test_the_same_leads_and_seed_give_the_same_model(ready: TrainingRun) -> None:
    one = run(ready)
    two = run(a_training_run(feature_set=ready.feature_set, trials=1, timeout_s=5))
    assert one is not None
    assert two is not None
    assert (two.number, two.data_fingerprint) == (2, one.data_fingerprint)
    assert two.artefact_digest == one.artefact_digest


def test_below_the_minimum_it_says_what_is_missing_and_stays_low(ready: TrainingRun) -> None:
    version = run(ready)
    assert version is not None
    assert version.estimator in ("prior", "naive_bayes", "logistic")
    said = " ".join(version.report["readiness"]["messages"])
    assert "840 more leads are needed (160 of 1,000)" in said
    assert "more conversions are needed" in said


def test_the_minimum_is_the_one_people_set(ready: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    TrainingPolicy.objects.create(minimum_leads=100, minimum_conversions=20)
    configs: list[Any] = []

    def noted(schema: Any, data: Any, config: Any, **kwargs: Any) -> Any:
        configs.append(config)
        return train(schema, data, config, **kwargs)

    monkeypatch.setattr(training_run, "train", noted)
    version = run(ready)
    assert version is not None
    assert (configs[0].minimum_leads, configs[0].minimum_conversions) == (100, 20)
    assert version.report["readiness"]["messages"] == []


def test_too_few_leads_of_one_kind_are_refused_in_words(ready: TrainingRun) -> None:
    few = list(Outcome.objects.filter(kind="converted").values_list("pk", flat=True)[9:])
    Outcome.objects.filter(pk__in=few).update(kind="lost")
    with pytest.raises(TrainingRefused, match="only 9 of the 160 leads converted; expected at least 10"):
        run(ready)
    ready.refresh_from_db()
    assert ready.state == "failed"
    assert ready.error.startswith("only 9 of the 160 leads converted")
    assert ModelVersion.objects.count() == 0


def test_a_refusal_is_the_row_s_to_tell_and_no_error_of_the_worker() -> None:
    row = a_training_run(feature_set=a_feature_set(SPECS))
    run_and_log(row.pk)
    row.refresh_from_db()
    assert (row.state, row.error) == (
        "failed",
        "There are no leads yet. Import some first: manage.py import_leads FILE --converted COLUMN.",
    )


def test_an_unexpected_error_is_kept_on_the_row_and_raised(
    ready: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(training_run, "train", broken)
    with pytest.raises(ZeroDivisionError):
        run(ready)
    ready.refresh_from_db()
    assert (ready.state, ready.error) == ("failed", "ZeroDivisionError: a bug")


def test_what_was_left_out_stands_in_the_report(ready: TrainingRun) -> None:
    a_lead("open", attributes={"Source": "web"})
    version = run(ready)
    assert version is not None
    assert version.report["training"]["left_out"] == {"open, without a date": 1}
    assert any("1 leads were left out" in note for note in version.report["notes"])
    ready.refresh_from_db()
    assert ready.report["left_out"] == {"open, without a date": 1}


# --- Stopped -----------------------------------------------------------------------------------------


def test_a_queued_run_that_is_cancelled_never_runs(ready: TrainingRun, untrained: None) -> None:
    assert cancel_training(ready.pk)
    assert run(ready) is None
    ready.refresh_from_db()
    assert (ready.state, ready.message) == ("cancelled", "Stopped before it began.")
    assert not cancel_training(ready.pk)


def test_a_running_run_stops_when_asked(ready: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims.Lease.__init__, "__kwdefaults__", {"every": 0.0, "clock": claims.monotonic})
    before = counts()

    def ask(message: str, share: float) -> None:
        if message.startswith("Encoding"):
            cancel_training(ready.pk)

    assert run(ready, progress=ask) is None
    ready.refresh_from_db()
    assert (ready.state, ready.message) == ("cancelled", "Stopped on request.")
    assert {**counts(), "MaturityWindow": 0} == {**before, "MaturityWindow": 0}


def test_ctrl_c_closes_the_run_so_that_no_worker_starts_it_again(ready: TrainingRun) -> None:
    def interrupt(message: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(ready, progress=interrupt)
    ready.refresh_from_db()
    assert (ready.state, ready.message) == ("cancelled", "Stopped by hand.")
    assert claims.stale(TrainingRun) == []


def test_a_run_somebody_else_holds_is_left_alone(ready: TrainingRun, untrained: None) -> None:
    assert claims.claim(TrainingRun, ready.pk, lease_seconds=60)
    assert run(ready) is None
    ready.refresh_from_db()
    assert (ready.state, ready.attempts) == ("running", 1)


def test_a_run_that_is_over_does_not_run_again(ready: TrainingRun, untrained: None) -> None:
    TrainingRun.objects.filter(pk=ready.pk).update(state="done")
    assert run(ready) is None


# --- Killed and overtaken ----------------------------------------------------------------------------


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
