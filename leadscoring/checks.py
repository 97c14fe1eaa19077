"""System checks: what `manage.py check` says about the settings before anything runs.

E001  production without an explicit list of hosts
E002  VAR_DIR cannot be written
E003  a line of the schedule names no task
E004  MLFLOW_TRACKING_URI cannot be used
E005  tasks run inside requests in production
E006  a Celery setting that keeps work from being lost was changed
W001  production on SQLite (deployment check)
W002  worker or beat was started under another REDIS_PREFIX (database check)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from celery import Task
from django.apps import AppConfig
from django.conf import settings
from django.core import checks as django_checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError
from django.utils.module_loading import import_string

from leadscoring.celery import FIXED, app
from leadscoring.common import installation
from leadscoring.schedule import TABLE

Apps = Sequence[AppConfig] | None


def check_hosts(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """E001: behind a real host name, requests for any other host must be refused."""
    hosts = settings.ALLOWED_HOSTS
    if not settings.PRODUCTION or (hosts and "*" not in hosts):
        return []
    return [
        Error(
            f"ALLOWED_HOSTS is {', '.join(hosts) or 'empty'} in production.",
            hint="Set ALLOWED_HOSTS to the host names people use, such as leads.example.",
            id="leadscoring.E001",
        )
    ]


def check_var_dir(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """E002: everything the program writes goes under VAR_DIR."""
    root = Path(settings.VAR_DIR)
    if root.is_dir() and os.access(root, os.W_OK | os.X_OK):
        return []
    return [
        Error(
            f"VAR_DIR is {root}, which cannot be written.",
            hint="Set VAR_DIR to a directory this user may write to.",
            id="leadscoring.E002",
        )
    ]


def check_schedule(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """E003: beat would send messages that no worker knows."""
    found: list[CheckMessage] = []
    for entry in TABLE:
        reason = "which is not a task"
        try:
            task = import_string(entry.task)
        except ImportError as error:
            task, reason = None, f"which cannot be imported ({error})"
        if not isinstance(task, Task):
            found.append(
                Error(
                    f"The schedule's line {entry.name!r} names {entry.task}, {reason}.",
                    hint="Correct the dotted path in leadscoring/schedule.py.",
                    id="leadscoring.E003",
                )
            )
    return found


def check_mlflow(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """E004: a server needs a host, a local database a directory that exists."""
    parts = urlsplit(settings.MLFLOW_TRACKING_URI)
    trouble = ""
    if parts.scheme in {"http", "https"} and not parts.hostname:
        trouble = "names no host"
    if parts.scheme == "sqlite":
        folder = Path(unquote(parts.path.removeprefix("/"))).absolute().parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            trouble = f"lies in {folder}, which cannot be written"
    if not trouble:
        return []
    return [
        Error(
            f"MLFLOW_TRACKING_URI ({parts.scheme}:…) {trouble}.",
            hint="Expected sqlite:////absolute/path/mlflow.sqlite3 or https://mlflow.example.",
            id="leadscoring.E004",
        )
    ]


def check_eager(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """E005: eager tasks make a caller wait for training."""
    if not (settings.PRODUCTION and settings.CELERY_TASK_ALWAYS_EAGER):
        return []
    return [
        Error(
            "CELERY_TASK_ALWAYS_EAGER is on in production: tasks run inside requests.",
            hint="Unset CELERY_TASK_ALWAYS_EAGER and run a worker.",
            id="leadscoring.E005",
        )
    ]


def check_celery(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """E006: each of these keeps a killed worker or a lost message from losing work."""
    return [
        Error(
            f"Celery's {name} is {app.conf.get(name)!r}; expected {expected!r}.",
            hint="leadscoring/celery.py says why; remove what overrides it.",
            id="leadscoring.E006",
        )
        for name, expected in FIXED.items()
        if app.conf.get(name) != expected
    ]


def check_database(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """W001: SQLite has one writer and lives on one machine."""
    engine = settings.DATABASES["default"]["ENGINE"]
    if not settings.PRODUCTION or "sqlite" not in engine:
        return []
    return [
        django_checks.Warning(
            "The database is SQLite in production: one writer at a time, on one machine.",
            hint="Set DATABASE_URL to postgresql://user:password@host/database.",
            id="leadscoring.W001",
        )
    ]


def check_prefix(app_configs: Apps, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """W002: processes under different prefixes never see each other's messages."""
    if not databases:
        return []
    try:
        strangers = installation.strangers()
    except DatabaseError:
        # A database without tables: `migrate` asks before it makes them.
        return []
    if not strangers:
        return []
    return [
        django_checks.Warning(
            f"The {' and the '.join(strangers)} last started under another REDIS_PREFIX than this process "
            f"({installation.redis_prefix()}).",
            hint="Set REDIS_PREFIX to one value for web server, worker and beat, or for none, and restart them.",
            id="leadscoring.W002",
        )
    ]


def register_all() -> None:
    """Registers every check; called once, when the app is ready."""
    for check in (check_hosts, check_eager):
        register(check, Tags.security)
    for check in (check_var_dir, check_schedule, check_mlflow, check_celery):
        register(check, "leadscoring")
    register(check_database, Tags.security, deploy=True)
    register(check_prefix, Tags.database)
