from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from leadscoring import broker, health
from scoring import loader
from tests.factories.rows import a_release, a_training_run
from tests.factories.trained import a_served_release


@pytest.fixture(autouse=True)
def _fresh_process(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.VAR_DIR = tmp_path
    settings.MLFLOW_TRACKING_URI = f"sqlite:///{tmp_path}/mlflow.sqlite3"
    loader.forget()
    yield
    loader.forget()


@pytest.fixture
def answering_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "ping", lambda url, *, timeout: "")


def ready(client: Client) -> tuple[int, dict[str, Any]]:
    response = client.get("/health/ready")
    return response.status_code, response.json()


@pytest.mark.parametrize("path", ["/health/live", "/health/live/"])
def test_a_live_process_says_so_without_its_database(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()) == (200, {"status": "live"})
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.usefixtures("answering_broker")
class TestReady:
    def test_everything_in_order_is_ready_and_each_part_is_named(self, client: Client) -> None:
        release = a_served_release()
        status, body = ready(client)
        assert (status, body["status"]) == (200, "ready")
        assert set(body["checks"]) == {"database", "model", "broker", "mlflow", "work"}
        assert body["checks"]["model"]["detail"] == f"Version {release.champion.number} serves."

    def test_nothing_released_is_degraded_because_leads_are_kept(self, client: Client) -> None:
        status, body = ready(client)
        assert (status, body["status"]) == (200, "degraded")
        assert "leads are kept" in body["checks"]["model"]["detail"]

    def test_a_release_that_cannot_be_loaded_is_not_ready(self, client: Client) -> None:
        a_release()
        response = client.get("/health/ready")
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "5"
        assert response.json()["checks"]["model"]["status"] == "down"

    def test_mlflow_down_is_degraded_only_and_its_address_stays_hidden(
        self, client: Client, settings: Settings
    ) -> None:
        a_served_release()
        settings.MLFLOW_TRACKING_URI = "http://user:hunter2@127.0.0.1:1"
        status, body = ready(client)
        assert (status, body["status"]) == (200, "degraded")
        assert body["checks"]["mlflow"] == {
            "status": "degraded",
            "detail": "MLflow does not answer; what serves goes on serving.",
        }
        assert "hunter2" not in str(body)

    def test_a_broker_that_is_away_is_degraded_only(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a_served_release()
        monkeypatch.setattr(broker, "ping", lambda url, *, timeout: "ConnectionError: refused")
        status, body = ready(client)
        assert (status, body["checks"]["broker"]["status"]) == (200, "degraded")

    def test_a_database_that_is_away_is_not_ready(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Away:
            def cursor(self) -> None:
                raise DatabaseError("connection refused by 10.1.2.3")

        monkeypatch.setattr(health, "connection", Away())
        status, body = ready(client)
        assert (status, body["status"]) == (503, "unavailable")
        assert "10.1.2.3" not in str(body)

    def test_work_that_nobody_takes_shows(self, client: Client) -> None:
        a_served_release()
        run = a_training_run()
        assert ready(client)[1]["status"] == "ready"
        type(run).objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(minutes=5))
        status, body = ready(client)
        assert (status, body["status"]) == (200, "degraded")
        assert "expected a worker to take it" in body["checks"]["work"]["detail"]


def test_the_brokers_ping_gives_up_quickly_and_says_why(settings: Settings) -> None:
    assert "connecting to" in broker.ping(settings.PLACES.broker_url, timeout=0.2)
