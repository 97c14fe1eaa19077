from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries, Settings

from leadscoring import metrics
from leadscoring.metrics import LATENCY_BUCKETS_MS, PredictionTotals, count_predictions
from scoring.models import Prediction
from tests.factories.rows import a_lead, a_prediction, a_release, a_training_run

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "prediction_totals", PredictionTotals())


def samples(text: str) -> dict[str, float]:
    """`name{label=value,…}` → value."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


@pytest.mark.django_db
class TestMetrics:
    def test_predictions_are_counted_by_version_role_and_grade(self, client: Client) -> None:
        lead, release = a_lead(), a_release()
        for grade, latency in [("A", 0.4), ("A", 1.5), ("B", 700.0)]:
            a_prediction(lead, release, grade=grade, latency_ms=latency)
        found = samples(client.get("/metrics").content.decode())
        number = release.champion.number
        assert found[f"leadscoring_predictions_total{{grade=A,role=champion,version={number}}}"] == 2
        assert found[f"leadscoring_predictions_total{{grade=B,role=champion,version={number}}}"] == 1
        assert found["leadscoring_prediction_seconds_bucket{le=0.0005}"] == 1
        assert found["leadscoring_prediction_seconds_bucket{le=0.002}"] == 2
        assert found["leadscoring_prediction_seconds_bucket{le=0.5}"] == 2
        assert found["leadscoring_prediction_seconds_bucket{le=+Inf}"] == 3
        assert found["leadscoring_prediction_seconds_sum{}"] == pytest.approx(0.7019)
        assert found["leadscoring_release_version{}"] == number

    def test_waiting_work_shows_its_kind_and_age(self, client: Client) -> None:
        run = a_training_run()
        type(run).objects.filter(pk=run.pk).update(created_at=NOW)
        found = samples(client.get("/metrics").content.decode())
        assert found["leadscoring_work{kind=trainingrun,state=queued}"] == 1
        assert found["leadscoring_work{kind=importrun,state=queued}"] == 0
        assert found["leadscoring_work_oldest_due_seconds{kind=importrun}"] == 0
        assert found["leadscoring_work_oldest_due_seconds{kind=trainingrun}"] > 0

    def test_an_empty_database_answers_too(self, client: Client) -> None:
        found = samples(client.get("/metrics/").content.decode())
        assert found["leadscoring_release_version{}"] == 0
        assert found["leadscoring_prediction_seconds_count{}"] == 0
        assert found["leadscoring_leads_waiting{}"] == 0

    def test_the_closed_part_of_time_is_counted_once_and_nothing_is_counted_twice(self) -> None:
        lead, release = a_lead(), a_release()
        totals = PredictionTotals()
        seen = []
        for minute in range(0, 60, 7):
            at = NOW + timedelta(minutes=minute)
            a_prediction(lead, release, scored_at=at)
            seen.append(sum(totals.read(at).predictions.values()))
        assert seen == list(range(1, 10))
        assert (
            sum(totals._closed.predictions.values())
            == Prediction.objects.filter(scored_at__lt=NOW + timedelta(minutes=46)).count()
        )

    def test_a_prediction_on_a_limit_belongs_to_the_bucket_below(self) -> None:
        for limit in LATENCY_BUCKETS_MS:
            a_prediction(a_lead(f"L{limit}"), latency_ms=limit)
        assert count_predictions(None, None).buckets == [1] * len(LATENCY_BUCKETS_MS) + [0]

    def test_the_number_of_queries_does_not_grow_with_the_rows(
        self, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(30):
            a_prediction(a_lead(f"L{number}"))
        with django_assert_max_num_queries(26):
            assert client.get("/metrics").status_code == 200


@pytest.mark.django_db
class TestWhoMayRead:
    @pytest.mark.parametrize(
        ("caller", "allowed"),
        [
            ({"REMOTE_ADDR": "127.0.0.1"}, True),
            ({"REMOTE_ADDR": "::1"}, True),
            ({"REMOTE_ADDR": "10.0.0.9"}, False),
            ({"REMOTE_ADDR": ""}, False),
            ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, False),
            ({"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=1.2.3.4"}, False),
        ],
    )
    def test_without_a_token_only_this_machine_and_nobody_through_a_proxy(
        self, client: Client, settings: Settings, caller: dict[str, str], allowed: bool
    ) -> None:
        settings.METRICS_TOKEN = ""
        response = client.get("/metrics", **caller)
        assert response.status_code == (200 if allowed else 403)

    @pytest.mark.parametrize(
        ("header", "allowed"),
        [
            ("Bearer correct-horse-battery", True),
            ("Bearer wrong", False),
            ("Bearer ", False),
            ("ü", False),
            (None, False),
        ],
    )
    def test_with_a_token_whoever_sends_it(
        self, client: Client, settings: Settings, header: str | None, allowed: bool
    ) -> None:
        settings.METRICS_TOKEN = "correct-horse-battery"
        headers = {} if header is None else {"Authorization": header}
        response = client.get("/metrics", headers=headers)
        assert response.status_code == (200 if allowed else 403)
        if not allowed:
            assert response.headers["Content-Type"] == "application/problem+json"
            assert "correct-horse" not in response.content.decode()
