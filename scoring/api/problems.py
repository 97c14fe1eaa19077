"""Every refusal under /api/ as a problem document (RFC 9457)."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults
from rest_framework import exceptions

from leadscoring.common.errors import FieldError, NotFound, ProblemError, RetryLater, Stop
from scoring import contracts

logger = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
API_PATH = "/api/"
TYPE_PREFIX = "urn:leadscoring:problem:"

# What the core may say no with: its code → status and title. Codes are part of the interface: never rename
# one.
CORE_PROBLEMS: dict[str, tuple[int, str]] = {
    contracts.NoModelReleased.code: (503, "No model is released"),
    contracts.ReleasedVersionUnusable.code: (503, "The released version cannot be used"),
    contracts.LeadNotFound.code: (404, "The lead is not known"),
    contracts.LeadRefused.code: (422, "The lead cannot be read"),
    contracts.OverrideRefused.code: (422, "The override cannot be set"),
    "duplicate-in-call": (422, "The lead occurs twice in one call"),
}


class NotAuthenticated(Stop):
    """No key, or one that cannot be used."""

    status = 401
    kind = "not-authenticated"
    title = "A valid API key is needed"


class ScopeMissing(Stop):
    """The key is good but may not do this."""

    status = 403
    kind = "scope-missing"
    title = "The API key may not do this"


class MethodNotAllowed(Stop):
    """The address exists, the method does not."""

    status = 405
    kind = "method-not-allowed"
    title = "The method is not allowed here"


class Throttled(Stop):
    """More calls than the key allows in a minute."""

    status = 429
    kind = "throttled"
    title = "Too many calls"


class Unexpected(ProblemError):
    """A fault of ours. The log holds it under the same id."""

    status = 500
    kind = "unexpected"
    title = "Something went wrong on our side"


def _plain(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is not part of an answer")


def json_bytes(payload: object) -> bytes:
    """JSON as it is answered and, under an idempotency key, stored."""
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
    return text.encode("utf-8")


def core_document(code: str, detail: str, errors: Sequence[Mapping[str, object]] = ()) -> dict[str, Any]:
    """The problem document of a refusal by the core, whole or of one item."""
    status, title = CORE_PROBLEMS.get(code, (422, "The request cannot be done"))
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + code,
        "title": title,
        "status": status,
        "detail": detail,
    }
    if errors:
        document["errors"] = [
            FieldError(
                _as_pointer(str(error.get("field", ""))),
                str(error.get("value", "")),
                str(error.get("expected", "")),
            ).document()
            for error in errors
        ]
    return document


def _as_pointer(field: str) -> str:
    return field if not field or field.startswith("/") else "/" + field.replace(".", "/")


def problem_response(error: BaseException) -> HttpResponse:
    """The answer to an error, whatever it is. What is not ours to explain becomes a 500 with an id."""
    if isinstance(error, contracts.ScoringError):
        document = core_document(error.code, error.detail, error.errors)
        headers = {}
        if isinstance(error, contracts.NoModelReleased):
            headers["Retry-After"] = str(error.retry_after_s)
    else:
        problem = as_problem(error)
        document, headers = problem.document(), problem.headers()
        if isinstance(problem, NotAuthenticated):
            headers["WWW-Authenticate"] = 'Api-Key realm="leadscoring"'
    response = HttpResponse(json_bytes(document), status=document["status"], content_type=PROBLEM_TYPE)
    for name, value in headers.items():
        response[name] = value
    return response


def as_problem(error: BaseException) -> ProblemError:
    """The error as a problem; logs what is unexpected."""
    match error:
        case ProblemError():
            return error
        case Http404() | exceptions.NotFound():
            problem: ProblemError = NotFound("Nothing is at this address; /api/v1/docs lists what there is.")
        case exceptions.MethodNotAllowed():
            problem = MethodNotAllowed(str(error.detail)[:200])
        case PermissionDenied() | exceptions.PermissionDenied():
            problem = ScopeMissing("The API key may not do this.")
        case SuspiciousOperation() | BadRequest() | exceptions.ParseError():
            problem = Stop("The request cannot be read; expected JSON over HTTP as /api/v1/docs describes.")
        case OperationalError() | InterfaceError():
            logger.error("the database did not answer", exc_info=error)
            problem = RetryLater("The database does not answer at the moment; expected to be asked again.")
        case _:
            problem = _unexpected(error)
    return problem


def _unexpected(error: BaseException) -> Unexpected:
    number = uuid4().hex
    logger.error("unexpected error %s in the REST interface", number, exc_info=error)
    return Unexpected(
        f"The call failed for a reason that is not in the request. Tell the operator the error id {number}.",
        more={"error_id": number},
    )


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Django REST framework's hook."""
    return problem_response(error)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler400` of the root addresses: what Django refuses before any call, such as a foreign host."""
    if request.path_info.startswith(API_PATH):
        return problem_response(exception if isinstance(exception, SuspiciousOperation) else BadRequest())
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500` of the root addresses: a fault outside every call, such as in the middleware."""
    if request.path_info.startswith(API_PATH):
        return problem_response(sys.exc_info()[1] or RuntimeError("unknown"))
    return defaults.server_error(request)


def nothing_here(request: HttpRequest, **_: object) -> HttpResponse:
    """Any address under /api/ that no call answers."""
    return problem_response(Http404())
