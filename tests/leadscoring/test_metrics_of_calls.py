"""Calls in `/metrics`: counters that never fall, whatever is folded; a gauge that fails leaves the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from leadscoring import metrics
from leadscoring.metrics import PredictionTotals
from leadscoring.metrics_of_calls import CallTotals, call_metrics
from monitoring.registry import Gauge, gauges
from monitoring.services import calls
from tests.factories.operations import a_tally

NOW = datetime(2026, 6, 10, 9, 30, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "prediction_totals", PredictionTotals())
    monkeypatch.setattr(metrics, "call_totals", CallTotals())


def total(totals: CallTotals, as_of: datetime) -> int:
    return sum(one.count for one in totals.read(as_of).values())


def test_calls_are_counted_by_route_and_kind_with_their_times(client: Client) -> None:
    a_tally(NOW, times=(4.0, 150.0, 199.0, 201.0, 60_000.0))
    a_tally(NOW, kind="refused")
    text = client.get("/metrics").content.decode()
    assert 'leadscoring_requests_total{kind="ok",route="score-lead"} 5.0' in text
    assert 'leadscoring_requests_total{kind="refused",route="score-lead"} 1.0' in text
    assert 'leadscoring_request_seconds_bucket{kind="ok",le="0.005024",route="score-lead"} 1.0' in text
    assert 'leadscoring_request_seconds_bucket{kind="ok",le="0.2",route="score-lead"} 3.0' in text
    assert 'leadscoring_request_seconds_bucket{kind="ok",le="20",route="score-lead"} 4.0' in text
    assert 'leadscoring_request_seconds_bucket{kind="ok",le="+Inf",route="score-lead"} 5.0' in text
    assert 'leadscoring_request_seconds_sum{kind="ok",route="score-lead"} 60.554' in text


def test_a_counter_never_falls_while_rows_are_folded_and_removed() -> None:
    old, fresh = CallTotals(), CallTotals()
    seen = 0
    for day in range(0, 200, 5):
        at = NOW + timedelta(days=day)
        for minute in range(3):
            a_tally(at + timedelta(minutes=minute))
        now = at + timedelta(minutes=5)
        found = total(old, now)
        assert found == seen + 3
        seen = found
        calls.tidy(as_of=now)
        assert total(old, now) == seen
    assert total(fresh, NOW + timedelta(days=200)) == seen, "a process that starts now says the same"


def test_the_closed_part_is_read_once() -> None:
    totals = CallTotals()
    for hour in range(50):
        a_tally(NOW - timedelta(hours=hour))
    assert total(totals, NOW) == 50
    a_tally(NOW + timedelta(minutes=1))
    assert total(totals, NOW + timedelta(minutes=2)) == 51


def test_nothing_counted_yet_is_an_answer_too() -> None:
    assert [len(family.samples) for family in call_metrics({})] == [0, 0]


def test_a_gauge_that_fails_is_named_and_the_rest_is_scraped(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(as_of: datetime) -> list[tuple[tuple[str, ...], float]]:
        raise RuntimeError("bug")

    monkeypatch.setitem(gauges._items, "leadscoring_x", Gauge("leadscoring_x", "X.", (), broken))
    response = client.get("/metrics")
    assert response.status_code == 200
    text = response.content.decode()
    assert 'leadscoring_gauge_failed{gauge="leadscoring_x"} 1.0' in text
    assert "leadscoring_open_alerts" in text


def test_a_scrape_has_a_fixed_number_of_queries(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client.get("/metrics")
    for minute in range(200):
        a_tally(NOW + timedelta(minutes=minute))
    with django_assert_max_num_queries(26):
        client.get("/metrics")
