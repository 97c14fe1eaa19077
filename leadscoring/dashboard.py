"""The first page of the admin: panels that the apps bring along, each shown to those who may see its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import structlog
from django.apps import apps
from django.db import DatabaseError
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone

logger = structlog.get_logger(__name__)


class Panel(Protocol):
    """What a `panels` module of an app puts into its `PANELS`."""

    @property
    def name(self) -> str: ...
    @property
    def permission(self) -> str: ...
    @property
    def template(self) -> str: ...
    @property
    def wide(self) -> bool: ...
    @property
    def fill(self) -> Callable[[Any, datetime], Mapping[str, Any] | None]: ...


FIRST = "alerts"
OWN = ("scoring", "monitoring", "experiments", "crm_integration")


def panels() -> Iterator[Panel]:
    """Panels of every installed app that has a `panels` module, in the order of the apps; what is wrong comes first."""
    found = list(_panels())
    yield from sorted(found, key=lambda panel: panel.name != FIRST)


def _panels() -> Iterator[Panel]:
    for app in apps.get_app_configs():
        name = f"{app.name}.panels"
        if app.name.split(".")[0] in OWN and find_spec(name) is not None:
            yield from import_module(name).PANELS


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill the panels this person may see. A panel that fails says so and leaves the others alone."""
    as_of = timezone.now()
    shown = [
        {"html": html, "wide": panel.wide}
        for panel in panels()
        if request.user.has_perm(panel.permission) and (html := _drawn(panel, request, as_of)) is not None
    ]
    return {**context, "panels": shown, "title": "Dashboard"}


def _drawn(panel: Panel, request: HttpRequest, as_of: datetime) -> str | None:
    try:
        data = panel.fill(request.user, as_of)
        return None if data is None else render_to_string(panel.template, dict(data), request)
    except DatabaseError as error:
        logger.warning("dashboard.panel_failed", panel=panel.name, error=type(error).__name__)
        return render_to_string(
            "leadscoring/panel_failed.html", {"name": panel.name.replace("_", " ")}, request
        )
