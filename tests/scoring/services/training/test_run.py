"""A training run: claimed once, closed with a reason, and never half-kept."""

from __future__ import annotations

from typing import Any

import pytest

from leadscoring.common import claims
from scoring import loader, signals, store, tasks
from scoring.contracts import FeatureSetState, TrainingRefused
from scoring.ml.training import train
from scoring.models import ModelVersion, Outcome, TrainingPolicy, TrainingRun
from scoring.services.training import cancel_training, request_training, run_and_log
from tests.factories.rows import a_feature_set, a_lead, a_training_run, counts
from tests.factories.running import FEW, run
from tests.factories.trained import SPECS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place", "unpublished")]

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

    monkeypatch.setattr("scoring.ml.training.train", noted)
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
        "There are no leads yet. Import a file first: in the admin under Imports, or by import_leads.",
    )


def test_an_unexpected_error_is_kept_on_the_row_and_raised(
    ready: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("scoring.ml.training.train", broken)
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
