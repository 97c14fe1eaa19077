"""`/health/live` and `/health/ready`: whether this process lives, and whether it can do its work.

Ready means the database answers and the released model is loaded. Where only waiting work or the registry is
touched (broker, MLflow, nothing released yet), requests can still be answered: that is `degraded`, with
status 200. Answers carry words only, no addresses; the log has the rest.
"""

from __future__ import annotations

import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from leadscoring import broker
from leadscoring.common import installation
from leadscoring.common.work import oldest_due_seconds
from scoring import loader
from scoring.selectors.versions import open_release

logger = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 0.5
LATE_SECONDS = 120

State = Literal["ok", "degraded", "down"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, in words."""

    state: State
    detail: str


def check_database() -> Finding:
    """The database answers a query."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError as error:
        logger.warning("health.database", error=str(error))
        return Finding("down", "The database does not answer.")
    return Finding("ok", f"{connection.display_name} answers.")


def check_model() -> Finding:
    """The released version is loaded in this process."""
    try:
        release = open_release()
    except DatabaseError:
        return Finding("down", "The open release cannot be read.")
    if release is None:
        return Finding("degraded", "No model version has been released; leads are kept and scored later.")
    status = loader.status()
    if not status.warm:
        loader.refresh()
        status = loader.status()
    if not status.warm:
        return Finding("down", status.error or "The released model version is being loaded.")
    words = f"Version {status.version_number} serves."
    if status.error:
        return Finding("degraded", f"{words} The newer release cannot be served: {status.error}")
    if not status.exact:
        return Finding(
            "degraded", f"{words} Its row scorer differs from the pipeline, which answers instead."
        )
    return Finding("ok", words)


def check_broker() -> Finding:
    """Redis answers, and worker and beat use the keys this process uses. Otherwise work waits for the next
    look into the database."""
    trouble = broker.ping(settings.REDIS_URL, timeout=TIMEOUT_SECONDS)
    if trouble:
        logger.warning("health.broker", error=trouble)
        return Finding("degraded", "The broker does not answer; work waits in the database.")
    try:
        strangers = installation.strangers()
    except DatabaseError:
        strangers = []
    if strangers:
        words = f"The {' and the '.join(strangers)} last started under another REDIS_PREFIX than this process"
        return Finding("degraded", f"{words}; work waits in the database.")
    return Finding("ok", "The broker answers.")


def check_mlflow() -> Finding:
    """MLflow answers. Scoring does not need it; training and loading of new versions do."""
    parts = urlsplit(settings.MLFLOW_TRACKING_URI)
    try:
        if parts.scheme in {"http", "https"}:
            address = settings.MLFLOW_TRACKING_URI.rstrip("/") + "/health"
            with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS):  # noqa: S310  # http(s) only
                pass
        elif parts.scheme == "sqlite":
            path = unquote(parts.path.removeprefix("/"))
            with sqlite3.connect(f"file:{path}?mode=rwc", uri=True, timeout=TIMEOUT_SECONDS) as database:
                database.execute("SELECT 1 FROM sqlite_master")
        else:
            return Finding("ok", "Not checked: this kind of address has no quick test.")
    except (OSError, sqlite3.Error) as error:
        logger.warning("health.mlflow", error=str(error))
        return Finding("degraded", "MLflow does not answer; what serves goes on serving.")
    return Finding("ok", "MLflow answers.")


def check_work() -> Finding:
    """Waiting work is being picked up: the one sign that worker and beat do their part."""
    try:
        age = oldest_due_seconds(timezone.now())
    except DatabaseError:
        return Finding("down", "The work rows cannot be read.")
    if age > LATE_SECONDS:
        return Finding("degraded", f"Work has been waiting for {age:.0f} s; expected a worker to take it.")
    return Finding("ok", "No work has waited long.")


CHECKS: dict[str, Callable[[], Finding]] = {
    "database": check_database,
    "model": check_model,
    "broker": check_broker,
    "mlflow": check_mlflow,
    "work": check_work,
}


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "live"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """What the process depends on, each by name. 503 when it cannot do its work."""
    findings = {name: check() for name, check in CHECKS.items()}
    states = {finding.state for finding in findings.values()}
    status = "unavailable" if "down" in states else "degraded" if "degraded" in states else "ready"
    return JsonResponse(
        {
            "status": status,
            "checks": {
                name: {"status": finding.state, "detail": finding.detail}
                for name, finding in findings.items()
            },
        },
        status=503 if status == "unavailable" else 200,
        headers={"Retry-After": "5"} if status == "unavailable" else {},
    )
