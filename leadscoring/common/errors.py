"""Errors that say what the caller must do: come back later, change the request, or fix the configuration.

Each carries what an RFC 9457 problem document needs, so that an entry point only has to write it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field: where (a JSON pointer or a column), what was found, what was
    expected."""

    pointer: str
    value: str
    expected: str

    def document(self) -> dict[str, str]:
        return {"pointer": self.pointer, "value": self.value, "expected": self.expected}


class ProblemError(Exception):
    """An error with words for people and fields for programs.

    `detail` names what, where and what was expected. `errors` lists single fields. `more` is added to the
    document as it is.
    """

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        retry_after: int | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after = retry_after
        self.more = dict(more or {})

    def document(self) -> dict[str, Any]:
        """The problem document (RFC 9457 §3)."""
        found: dict[str, Any] = {
            "type": f"urn:leadscoring:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            found["errors"] = [error.document() for error in self.errors]
        return found | self.more

    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class RetryLater(ProblemError):
    """Nothing is wrong with the request: the same one may succeed after `retry_after` seconds."""

    status = 503
    kind = "try-again"
    title = "Not available at the moment"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        retry_after: int | None = 5,
        more: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail, errors=errors, retry_after=retry_after, more=more)


class InFlight(RetryLater):
    """Another call with the same key is being answered right now."""

    status = 409
    kind = "in-flight"
    title = "The same request is being answered"


class Stop(ProblemError):
    """The same request will fail again: the caller must change it."""

    status = 400
    kind = "bad-request"
    title = "The request cannot be answered"


class Invalid(Stop):
    """Readable, but a field holds what is not allowed."""

    status = 422
    kind = "invalid"
    title = "A field is not valid"


class NotFound(Stop):
    """What was asked for does not exist."""

    status = 404
    kind = "not-found"
    title = "Not found"


class Conflict(Stop):
    """The state has moved on since the caller last looked."""

    status = 409
    kind = "conflict"
    title = "The state has changed"


class NotAllowed(Stop):
    """The caller is known and may not do this."""

    status = 403
    kind = "not-allowed"
    title = "Not allowed"


class FixConfiguration(ProblemError):
    """Neither waiting nor another request helps: an operator must change a setting or a file."""

    status = 503
    kind = "configuration"
    title = "The server is not set up for this"
