"""`manage.py drill`: months of the simulated business through the services, in its own time."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from monitoring.models import DriftCheck, FoldState, PerformanceCheck
from scoring import loader
from scoring.models import Lead, Outcome, Prediction
from tests.factories.rows import a_lead

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_place(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.VAR_DIR = tmp_path
    settings.MLFLOW_TRACKING_URI = "http://127.0.0.1:9"
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    loader.forget()
    yield
    loader.forget()


def drill(scenario: str, **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    usual = {"per_week": 25, "before": 1, "weeks": 1, "look_hours": 24, "timeout": 2}
    call_command("drill", scenario, here=True, json=True, stdout=out, **{**usual, **options})
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_leads_are_scored_when_they_come_and_everything_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadscoring.management.commands.drill.CLOSELY", timedelta(0))
    found = drill("quiet")
    assert found["leads"] == Prediction.objects.count() > 20
    assert found["outcomes"] > 5
    assert not Prediction.objects.filter(scored_at__lt=found["served"]).exists()
    assert Outcome.objects.filter(recorded_at__gt=found["served"]).exists()
    assert FoldState.objects.get().folded_until.isoformat() >= found["end"]
    assert DriftCheck.objects.filter(kind="drift").count() == 14
    assert PerformanceCheck.objects.exists()
    assert not [one for one in found["alerts"] if one["level"] == "critical"]


def test_a_database_that_holds_leads_is_left_alone() -> None:
    a_lead()
    with pytest.raises(CommandError, match="an empty one"):
        drill("quiet")
    assert Lead.objects.count() == 1


@pytest.mark.parametrize("name", ["per_week", "before", "weeks", "look_hours", "performance_days"])
def test_nothing_below_one_is_taken(name: str) -> None:
    with pytest.raises(CommandError, match="expected at least 1"):
        drill("quiet", **{name: 0})


def test_looks_meet_every_midnight() -> None:
    with pytest.raises(CommandError, match="a divisor of 24"):
        drill("quiet", look_hours=7)
