"""A look at how the service runs: alarms come within five minutes, and not from chance."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection

from leadscoring.common.claims import WorkState
from monitoring.contracts import AlertLevel, Looked, Reading, RuleKind, Story
from monitoring.models import Alert, FoldState, OperationsCheck
from monitoring.registry import Probe, probes
from monitoring.services import operations, operations_readings
from monitoring.services.operations import check
from monitoring.stats.latencies import bucket_of, merged
from scoring.models import TrainingRun
from tests.factories.operations import a_tally
from tests.factories.rows import a_lead, a_prediction, a_release, a_training_run, a_version

NOW = datetime(2026, 6, 10, 9, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


LOOKED: list[Looked] = []


@pytest.fixture(autouse=True)
def _listen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look that was recorded, as it was handed on."""
    LOOKED.clear()
    real = operations.record

    def listen(looked: Looked) -> None:
        real(looked)
        LOOKED.append(looked)

    monkeypatch.setattr(operations, "record", listen)


def of_kind(kind: RuleKind) -> list[Reading]:
    return [one for one in LOOKED[-1].readings if one.kind is kind]


def reading(kind: RuleKind, subject: str = "all") -> Reading:
    return next(one for one in of_kind(kind) if one.subject == subject)


def traffic(minutes: int, times: Iterable[float], *, until: datetime = NOW, **fields: Any) -> None:
    for back in range(1, minutes + 1):
        a_tally(until - back * MINUTE, times=tuple(times), **fields)


class TestLatency:
    def test_a_slow_interface_is_sure_within_five_minutes(self) -> None:
        traffic(60, [30.0] * 10)
        slow_from = NOW
        for minute in range(1, 6):
            now = slow_from + minute * MINUTE
            a_tally(now - MINUTE, times=(900.0,) * 10, process="2-b")
            check(as_of=now)
            if reading(RuleKind.LATENCY, "route=score-lead").sure:
                break
        found = reading(RuleKind.LATENCY, "route=score-lead")
        assert found.sure is AlertLevel.WARNING
        assert found.value == pytest.approx(900.0, rel=0.05)
        assert minute <= 5

    def test_a_slow_interface_opens_one_alert_that_clears_when_it_is_quick_again(self) -> None:
        traffic(5, [900.0] * 20)
        check(as_of=NOW)
        alert = Alert.objects.get(kind="latency")
        assert (alert.level, alert.state) == ("warning", "open")
        assert "Callers of score-lead wait" in alert.title
        traffic(6, [30.0] * 20, until=NOW + 6 * MINUTE, process="2-b")
        for minute in range(1, 12):
            check(as_of=NOW + minute * MINUTE)
        assert Alert.objects.get(kind="latency").state == "closed"

    def test_very_slow_answers_are_surely_critical(self) -> None:
        traffic(5, [1500.0] * 10)
        check(as_of=NOW)
        assert reading(RuleKind.LATENCY, "route=score-lead").sure == "critical"

    def test_one_stall_of_a_minute_is_not_an_alarm(self) -> None:
        traffic(5, [30.0] * 40)
        a_tally(NOW - 2 * MINUTE, times=(1000.0,) * 60, process="2-b")
        check(as_of=NOW)
        found = reading(RuleKind.LATENCY, "route=score-lead")
        assert (found.value or 0.0) > 200.0
        assert found.sure is None

    def test_few_calls_say_nothing(self) -> None:
        traffic(5, [5000.0] * 3)
        check(as_of=NOW)
        found = reading(RuleKind.LATENCY, "route=score-lead")
        assert (found.value, found.sure, found.n) == (None, None, 15)

    def test_a_route_that_falls_silent_is_unknown_for_an_hour_and_then_not_spoken_of(self) -> None:
        traffic(1, [30.0] * 40)
        check(as_of=NOW + 30 * MINUTE)
        assert reading(RuleKind.LATENCY, "route=score-lead").value is None
        check(as_of=NOW + 70 * MINUTE)
        assert not of_kind(RuleKind.LATENCY)

    def test_pages_for_people_and_refusals_are_not_judged(self) -> None:
        traffic(5, [3000.0] * 20, route="docs")
        traffic(5, [3000.0] * 20, kind="refused")
        check(as_of=NOW)
        assert not of_kind(RuleKind.LATENCY)

    def test_a_call_with_many_leads_has_limits_of_its_own(self) -> None:
        traffic(5, [900.0] * 20, route="score-leads")
        check(as_of=NOW)
        assert reading(RuleKind.LATENCY, "route=score-leads").sure is None

    def test_weeks_at_the_limit_raise_no_alarm_by_chance(self) -> None:
        # Calls whose true p95 is just under the limit: each of 10,080 looks could cry wolf.
        rng = np.random.default_rng(2)
        alarms = 0
        for _ in range(2000):
            times = rng.lognormal(np.log(199.0) - 1.6449 * 0.6, 0.6, (5, 120))
            minutes = [merged([{bucket_of(float(ms)): 1} for ms in one]) for one in times]
            alarms += (
                operations_readings.latency("score-lead", minutes, tests=3, rule=(200.0, 1000.0)).sure
                is not None
            )
        assert alarms == 0


class TestErrors:
    def test_failing_calls_are_sure_by_the_exact_binomial(self) -> None:
        traffic(15, [20.0] * 20)
        traffic(15, [20.0] * 2, kind="error:unexpected")
        check(as_of=NOW)
        found = reading(RuleKind.ERRORS)
        assert found.value == pytest.approx(30 / 330)
        assert (found.n, found.sure) == (330, "warning")

    def test_one_error_in_few_calls_is_chance(self) -> None:
        traffic(5, [20.0] * 4)
        a_tally(NOW - MINUTE, kind="error:unexpected")
        check(as_of=NOW)
        found = reading(RuleKind.ERRORS)
        assert found.value == pytest.approx(1 / 21)
        assert found.sure is None

    def test_a_service_that_answers_nothing_is_critical_at_the_first_look(self) -> None:
        a_tally(NOW - MINUTE, kind="error:unavailable", times=(5.0,) * 8)
        check(as_of=NOW)
        assert reading(RuleKind.ERRORS).sure == "critical"

    def test_a_missing_model_and_refusals_are_no_errors_of_ours(self) -> None:
        traffic(5, [20.0] * 20, kind="no-model")
        traffic(5, [20.0] * 20, kind="refused")
        check(as_of=NOW)
        assert reading(RuleKind.ERRORS).value == 0.0

    def test_no_calls_say_nothing(self) -> None:
        check(as_of=NOW)
        assert reading(RuleKind.ERRORS).value is None


class TestRows:
    def test_waiting_failed_and_missing_are_counted(self) -> None:
        run = a_training_run()
        TrainingRun.objects.filter(pk=run.pk).update(created_at=NOW - timedelta(minutes=20))
        failed = a_training_run()
        TrainingRun.objects.filter(pk=failed.pk).update(state=WorkState.FAILED, finished_at=NOW - MINUTE)
        old = a_training_run()
        TrainingRun.objects.filter(pk=old.pk).update(
            state=WorkState.FAILED, finished_at=NOW - timedelta(days=2)
        )
        a_lead(awaiting_score=True)
        a_release(a_version(created_at=NOW - timedelta(days=130)))
        check(as_of=NOW)
        assert reading(RuleKind.QUEUE_LAG).value == 1200.0
        assert reading(RuleKind.FAILED_WORK).value == 1.0
        assert reading(RuleKind.NO_MODEL).value == 1.0
        assert reading(RuleKind.MODEL_AGE, "serving").value == pytest.approx(130.0)

    def test_predictions_that_nobody_counts_are_told(self) -> None:
        lead, release = a_lead(), a_release()
        a_prediction(lead, release, scored_at=NOW - timedelta(hours=9))
        a_prediction(lead, release, scored_at=NOW - timedelta(hours=7))
        check(as_of=NOW)
        assert reading(RuleKind.BLIND, "predictions").value == pytest.approx(9.0)
        until = NOW - timedelta(hours=8)
        FoldState.objects.create(folded_until=until, rolled_until=until, updated_at=NOW)
        check(as_of=NOW + 5 * MINUTE)
        found = reading(RuleKind.BLIND, "predictions")
        assert (found.n, found.value) == (1, pytest.approx(7.0 + 5 / 60))
        FoldState.objects.update(folded_until=NOW)
        check(as_of=NOW + 10 * MINUTE)
        assert reading(RuleKind.BLIND, "predictions").value == 0.0

    def test_times_of_models_are_kept_by_version_and_role(self) -> None:
        lead, release = a_lead(), a_release()
        for ms in (1.0, 2.0, 3.0):
            a_prediction(lead, release, latency_ms=ms, scored_at=NOW - MINUTE)
        a_prediction(lead, release, latency_ms=9.0, role="shadow", scored_at=NOW - MINUTE)
        a_prediction(lead, release, latency_ms=900.0, scored_at=NOW - 20 * MINUTE)
        check(as_of=NOW)
        models = OperationsCheck.objects.get().results["models"]
        assert [(one["role"], one["n"]) for one in models] == [("champion", 3), ("shadow", 1)]
        assert models[0]["p50"]["ms"] == pytest.approx(2.0, rel=0.05)


class TestLooks:
    def test_a_minute_is_looked_at_once(self) -> None:
        assert check(as_of=NOW + timedelta(seconds=5))
        assert not check(as_of=NOW + timedelta(seconds=40))
        assert OperationsCheck.objects.get().slot == NOW
        assert check(as_of=NOW + MINUTE)

    def test_two_workers_at_once_leave_one_look_and_one_set_of_readings(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = operations.model_times

        def meanwhile(since: datetime, until: datetime) -> Any:
            monkeypatch.setattr(operations, "model_times", real)
            assert check(as_of=NOW), "the other worker is first"
            return real(since, until)

        monkeypatch.setattr(operations, "model_times", meanwhile)
        assert not check(as_of=NOW)
        assert OperationsCheck.objects.count() == 1
        assert len(LOOKED) == 1

    @pytest.mark.services
    @pytest.mark.django_db(transaction=True)
    def test_workers_that_look_at_the_same_moment_leave_one_look(self) -> None:
        traffic(5, [30.0] * 20)
        meet = threading.Barrier(4)
        looked: list[bool] = []

        def work() -> None:
            meet.wait(timeout=10)
            looked.append(check(as_of=NOW))
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        assert sorted(looked) == [False, False, False, True]
        assert len(LOOKED) == 1

    def test_a_probe_that_fails_is_named_and_leaves_the_others_alone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(as_of: datetime) -> list[Reading]:
            raise RuntimeError("bug")

        monkeypatch.setitem(probes._items, "broken", Probe(frozenset({RuleKind.FAIRNESS}), broken))
        check(as_of=NOW)
        assert OperationsCheck.objects.get().results["failed_probes"] == ["broken"]
        assert of_kind(RuleKind.QUEUE_LAG)

    def test_a_kind_with_a_probe_that_failed_is_not_spoken_for_at_all(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(as_of: datetime) -> list[Reading]:
            raise RuntimeError("bug")

        looked: list[Any] = []
        monkeypatch.setattr(operations, "record", looked.append)
        monkeypatch.setitem(probes._items, "sync lag", Probe(frozenset({RuleKind.QUEUE_LAG}), broken))
        check(as_of=NOW)
        assert RuleKind.QUEUE_LAG not in looked[0].kinds
        assert RuleKind.QUEUE_LAG not in {one.kind for one in looked[0].readings}

    def test_an_app_adds_a_probe_by_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        story = Story("t", "w", "s", "c", "n", "/")
        probe = Probe(
            frozenset({RuleKind.FAIRNESS}),
            lambda as_of: [Reading(RuleKind.FAIRNESS, "predictions", 7.0, 3, AlertLevel.CRITICAL, story)],
        )
        monkeypatch.setitem(probes._items, "own", probe)
        check(as_of=NOW)
        assert reading(RuleKind.FAIRNESS, "predictions").value == 7.0

    def test_a_rare_probe_is_due_again_after_its_time_even_when_a_look_was_missed(self) -> None:
        seen = []
        for minute in (0, 1, 4, 7, 8, 9, 12):
            check(as_of=NOW + minute * MINUTE)
            seen.append(sum(RuleKind.FAILED_WORK in one.kinds for one in LOOKED))
        assert seen == [1, 1, 1, 2, 2, 2, 3]

    def test_what_is_read_does_not_grow_with_the_looks(self, django_assert_max_num_queries: Any) -> None:
        traffic(60, [30.0] * 10)
        for minute in range(3):
            check(as_of=NOW + minute * MINUTE)
        with django_assert_max_num_queries(80):
            check(as_of=NOW + 10 * MINUTE)
