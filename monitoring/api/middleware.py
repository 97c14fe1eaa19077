"""Counts every call under /api/: which route, how it ended, how long it took. Never in the way of an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from time import perf_counter

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from monitoring.services import tallies

API_PATH = "/api/"
PROBLEM = "application/problem+json"
NO_MODEL = "urn:leadscoring:problem:no-model-released"
TYPE = re.compile(r"urn:leadscoring:problem:([a-z][a-z0-9-]{0,47})\Z")
LONGEST_READ = 16_384

Next = Callable[[HttpRequest], HttpResponseBase]


class CountCalls:
    """First of all middleware, so that what the others refuse is counted too."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(API_PATH):
            return self.get_response(request)
        begin = perf_counter()
        try:
            response = self.get_response(request)
        except BaseException:
            _count(request, "error:broken-off", begin)
            raise
        _count(request, "ok" if response.status_code < 400 else kind_of(response), begin)
        return response


def _count(request: HttpRequest, kind: str, begin: float) -> None:
    tallies.record(route_of(request), kind, (perf_counter() - begin) * 1000.0)


def route_of(request: HttpRequest) -> str:
    """The name of the route, never the path: there are as many paths as leads."""
    match = request.resolver_match
    if match is None:
        return "unresolved"
    return (match.url_name or "unknown-address").removesuffix("-slash")


def kind_of(response: HttpResponseBase) -> str:
    """How a call ended that was not answered as asked."""
    status = response.status_code
    if status < 500:
        return "refused"
    problem = _problem(response)
    if problem == NO_MODEL:
        return "no-model"
    found = TYPE.match(problem)
    return f"error:{found.group(1) if found else status}"


def _problem(response: HttpResponseBase) -> str:
    if response.get("Content-Type", "") != PROBLEM or response.streaming:
        return ""
    content = getattr(response, "content", b"")
    try:
        document = json.loads(content) if len(content) <= LONGEST_READ else {}
    except ValueError:
        return ""
    return str(document.get("type", "")) if isinstance(document, dict) else ""
