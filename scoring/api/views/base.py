"""What every call shares: key, scope, throttle, JSON gate, idempotency, problem documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from leadscoring.common import idempotency
from scoring.api.authentication import ApiKeyAuthentication, require_scope
from scoring.api.parsing import read_object
from scoring.api.problems import json_bytes
from scoring.api.reading import read_query
from scoring.api.throttling import Allowance, take_call, used_up
from scoring.services.keys import KeyHolder, Scope

KIBIBYTE = 1024
JSON_TYPE = "application/json"


class ApiView(APIView):
    """A call under /api/v1/. Subclasses name their scope, and answer with `HttpResponse`s of finished
    bytes."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = ()
    http_method_names = ["get", "head", "post"]  # noqa: RUF012 - Django declares it on instances
    scope: ClassVar[Scope]
    body_limit: ClassVar[int] = 1024 * KIBIBYTE
    query: ClassVar[tuple[str, ...]] = ()

    allowance: Allowance | None = None

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Keeps Django's own request, whose body the gate reads: DRF's would run its parsers first."""
        super().setup(request, *args, **kwargs)
        self.plain_request = request

    @property
    def holder(self) -> KeyHolder:
        """Who calls."""
        return cast("KeyHolder", self.request.auth)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """JSON is all there is, whatever `Accept` says: an answer beats a 406."""
        return JSONRenderer(), JSON_TYPE

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Key, then rate, then scope, then query: a call refused for its scope counts too."""
        super().initial(request, *args, **kwargs)
        self.allowance = take_call(self.holder)
        if not self.allowance.allowed:
            raise used_up(self.allowance)
        require_scope(self.holder, self.scope)
        self.parameters = read_query(request.GET.dict(), self.query)

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: HttpResponse, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Adds what is left of the key's minute; nothing here may be kept by a cache."""
        found: HttpResponseBase = super().finalize_response(
            request,
            response,  # type: ignore[arg-type]
            *args,
            **kwargs,
        )
        found["Cache-Control"] = "no-store"
        if self.allowance is not None:
            for name, value in self.allowance.headers().items():
                found[name] = value
        return found

    def body(self) -> dict[str, Any]:
        """The JSON object that was sent, through the gate."""
        return read_object(self.plain_request, limit=self.body_limit)

    def once(
        self,
        route: str,
        payload: Mapping[str, Any],
        act: Callable[[], tuple[int, object, Mapping[str, str]]],
        *,
        one_service_call: bool = True,
    ) -> HttpResponse:
        """The answer of `act` (status, payload, headers), made once per `Idempotency-Key`.

        With a key, effect, key and answer are one transaction. Without one, a single service call is a
        transaction already, and two round trips to the database are saved; several are made one here.
        """
        key = idempotency.parse_key(self.request.META.get("HTTP_IDEMPOTENCY_KEY"))

        def answer() -> idempotency.Answer:
            status, document, headers = act()
            return idempotency.Answer(status, json_bytes(document), tuple(headers.items()))

        done = answer() if key is None and one_service_call else self._keyed(route, key, payload, answer)
        response = HttpResponse(done.body, status=done.status, content_type=JSON_TYPE)
        for name, value in done.headers:
            response[name] = value
        if done.replayed:
            response["Idempotent-Replayed"] = "true"
        return response

    def _keyed(
        self, route: str, key: str | None, payload: Mapping[str, Any], act: Callable[[], idempotency.Answer]
    ) -> idempotency.Answer:
        return idempotency.run(
            caller=str(self.holder.id),
            method="POST",
            route=route,
            key=key,
            fingerprint="" if key is None else idempotency.fingerprint(route, payload),
            act=act,
        )


def answer_json(payload: object) -> HttpResponse:
    """A plain 200."""
    return HttpResponse(json_bytes(payload), content_type=JSON_TYPE)
