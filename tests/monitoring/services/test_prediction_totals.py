"""Totals of all predictions: kept step by step, the same as counting all at once, begun with by a new process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadscoring.metrics import PredictionTotals
from monitoring.models import PredictionTotal
from monitoring.selectors.prediction_totals import count_predictions, kept_totals, totals_of
from monitoring.services import prediction_totals
from monitoring.services.prediction_totals import advance
from tests.factories.rows import a_lead, a_prediction, a_release

NOW = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def some_predictions() -> int:
    lead, release = a_lead(), a_release()
    moments = [NOW - timedelta(hours=hours) for hours in (0.2, 0.9, 1.1, 5, 24, 24.1, 70, 71, 200)]
    for n, at in enumerate(moments):
        a_prediction(lead, release, scored_at=at, grade="ABC"[n % 3], latency_ms=float(n))
    return len(moments)


def test_steps_add_up_to_what_counting_at_once_gives() -> None:
    some_predictions()
    assert advance(as_of=NOW) == 9
    totals, until = kept_totals()
    assert until == NOW - timedelta(hours=1)
    assert totals == count_predictions(None, until)
    assert totals_of(totals.as_json()) == totals


def test_nothing_new_is_no_step_and_the_next_hour_is_one() -> None:
    some_predictions()
    advance(as_of=NOW)
    assert advance(as_of=NOW) == 0
    assert advance(as_of=NOW + timedelta(hours=1)) == 1
    assert sum(kept_totals()[0].predictions.values()) == 9


def test_without_predictions_nothing_is_kept() -> None:
    assert advance(as_of=NOW) == 0
    assert not PredictionTotal.objects.exists()


def test_of_two_workers_one_keeps_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    n = some_predictions()
    real = prediction_totals.count_predictions

    def meanwhile(since: datetime, until: datetime) -> Any:
        monkeypatch.setattr(prediction_totals, "count_predictions", real)
        advance(as_of=NOW)
        return real(since, until)

    monkeypatch.setattr(prediction_totals, "count_predictions", meanwhile)
    assert advance(as_of=NOW) == 0
    assert sum(kept_totals()[0].predictions.values()) == n - 2
    assert PredictionTotal.objects.count() == 1


def test_a_new_process_begins_with_what_is_kept_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    n = some_predictions()
    old = PredictionTotals()
    assert sum(old.read(NOW).predictions.values()) == n
    advance(as_of=NOW)
    asked: list[datetime | None] = []
    real = count_predictions

    def noted(since: datetime | None, until: datetime | None) -> Any:
        asked.append(since)
        return real(since, until)

    monkeypatch.setattr("leadscoring.metrics.count_predictions", noted)
    assert PredictionTotals().read(NOW) == old.read(NOW)
    assert None not in asked, "all of the past was never counted again"
