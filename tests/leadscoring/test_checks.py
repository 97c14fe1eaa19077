from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from leadscoring import checks, schedule
from leadscoring.celery import app

ROOT = Path(__file__).resolve().parents[2]


def ids(messages: list[Any]) -> list[str | None]:
    return [message.id for message in messages]


def test_every_check_is_registered_and_content_with_the_defaults() -> None:
    assert [message for message in run_checks() if str(message.id).startswith("leadscoring.")] == []


@pytest.mark.parametrize(("hosts", "found"), [([], True), (["*"], True), (["leads.example"], False)])
def test_e001_production_needs_a_list_of_hosts(settings: Settings, hosts: list[str], found: bool) -> None:
    settings.PRODUCTION, settings.ALLOWED_HOSTS = True, hosts
    assert ids(checks.check_hosts(None)) == (["leadscoring.E001"] if found else [])


def test_e001_is_silent_outside_production(settings: Settings) -> None:
    settings.PRODUCTION, settings.ALLOWED_HOSTS = False, []
    assert checks.check_hosts(None) == []


def test_e002_names_a_directory_that_cannot_be_written(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    assert checks.check_var_dir(None) == []
    settings.VAR_DIR = tmp_path / "missing"
    (message,) = checks.check_var_dir(None)
    assert message.id == "leadscoring.E002"
    assert str(tmp_path / "missing") in message.msg


@pytest.mark.parametrize(
    "path", ["scoring.tasks.nothing", "nowhere.task", "leadscoring.schedule.ensure_schedule"]
)
def test_e003_names_a_line_of_the_schedule_without_a_task(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    entry = schedule.Entry("Broken", path, schedule.Every(5), "why", 5)
    monkeypatch.setattr(checks, "TABLE", (entry,))
    (message,) = checks.check_schedule(None)
    assert message.id == "leadscoring.E003"
    assert path in message.msg


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("https://mlflow.example", False),
        ("https://", True),
        ("sqlite:////nowhere/at/all/mlflow.sqlite3", True),
        ("databricks://profile", False),
    ],
)
def test_e004_refuses_an_mlflow_address_that_cannot_work(settings: Settings, uri: str, found: bool) -> None:
    settings.MLFLOW_TRACKING_URI = uri
    assert ids(checks.check_mlflow(None)) == (["leadscoring.E004"] if found else [])


def test_e004_accepts_a_file_in_a_directory_that_exists(settings: Settings, tmp_path: Path) -> None:
    settings.MLFLOW_TRACKING_URI = f"sqlite:///{tmp_path}/mlflow.sqlite3"
    assert checks.check_mlflow(None) == []


@pytest.mark.parametrize(("production", "eager"), [(True, True), (True, False), (False, True)])
def test_e005_refuses_eager_tasks_in_production(settings: Settings, production: bool, eager: bool) -> None:
    settings.PRODUCTION, settings.CELERY_TASK_ALWAYS_EAGER = production, eager
    assert ids(checks.check_eager(None)) == (["leadscoring.E005"] if production and eager else [])


def test_e006_names_a_celery_setting_that_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_celery(None) == []
    monkeypatch.setitem(app.conf.changes, "task_acks_late", False)
    (message,) = checks.check_celery(None)
    assert message.id == "leadscoring.E006"
    assert "task_acks_late is False; expected True" in message.msg


@pytest.mark.parametrize(
    ("production", "engine"), [(True, "sqlite3"), (True, "postgresql"), (False, "sqlite3")]
)
def test_w001_warns_of_sqlite_in_production(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, production: bool, engine: str
) -> None:
    settings.PRODUCTION = production
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", f"django.db.backends.{engine}")
    assert ids(checks.check_database(None)) == (
        ["leadscoring.W001"] if production and engine == "sqlite3" else []
    )


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # Browser tests set this for their own process; no deployment has it.
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_settings_pass_the_deployment_checks_without_a_warning(tmp_path: Path) -> None:
    done = manage(
        *("check", "--deploy", "--fail-level", "WARNING"),
        LEADSCORING_PRODUCTION="1",
        ALLOWED_HOSTS="leads.example",
        DATABASE_URL="postgresql://someone@127.0.0.1:1/leads",
        VAR_DIR=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_nonsense_in_the_environment_stops_the_program_with_one_clear_line() -> None:
    done = manage("check", LEADSCORING_DEBUG="perhaps")
    assert done.returncode != 0
    assert "Environment variable LEADSCORING_DEBUG is 'perhaps'; expected one of" in done.stderr


STARTED = """
import sys
import django
django.setup()
from django.core.management import call_command
call_command("check")
heavy = {"pandas", "pyarrow", "openpyxl", "sklearn", "lightgbm", "optuna", "skops", "mlflow"}
sys.exit(", ".join(sorted(heavy & set(sys.modules))) or 0)
"""


def test_a_process_starts_without_what_only_training_and_imports_need(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTED],
        cwd=ROOT,
        env={**os.environ, "VAR_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"imported at the start: {done.stderr}"
