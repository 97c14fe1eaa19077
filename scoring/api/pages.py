"""The OpenAPI description and the page that shows it; both are open, as they hold nothing secret."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import yaml
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View
from drf_spectacular.generators import SchemaGenerator

# Registers how the key is described.
from scoring.api import schema as _schema  # noqa: F401
from scoring.api.docs import REFUSALS
from scoring.api.examples import LEAD
from scoring.api.problems import MethodNotAllowed, problem_response
from scoring.services.keys import REMEMBERED_S

SWAGGER = "drf_spectacular_sidecar/swagger-ui-dist"


@cache
def description() -> dict[str, Any]:
    """The OpenAPI 3.1 description; made once, as it follows from the code alone."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    found: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


@cache
def _as_json() -> bytes:
    return json.dumps(description(), ensure_ascii=False, indent=1).encode("utf-8")


@cache
def _as_yaml() -> bytes:
    plain = json.loads(_as_json())
    text: str = yaml.safe_dump(plain, allow_unicode=True, sort_keys=False)
    return text.encode("utf-8")


class _OpenView(View):
    http_method_names = ["get", "head"]  # noqa: RUF012 - Django declares it on instances

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = problem_response(
            MethodNotAllowed(f"The method is {str(request.method)[:20]}; expected GET or HEAD.")
        )
        response["Allow"] = "GET, HEAD"
        return response


class OpenApiJsonView(_OpenView):
    """`openapi.json`."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(_as_json(), content_type="application/json")


class OpenApiYamlView(_OpenView):
    """`openapi.yaml`."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(_as_yaml(), content_type="application/yaml")


class DocsView(_OpenView):
    """The page to read: how to start, how to send a key, what can go wrong, and every call to try."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "address": f"{request.scheme}://{request.get_host()}",
            "lead": json.dumps(LEAD, indent=2),
            "refusals": [(status, words, example["type"]) for status, (words, example) in REFUSALS.items()],
            "revoked_after_s": int(REMEMBERED_S),
            "swagger_css": f"{SWAGGER}/swagger-ui.css",
            "swagger_js": f"{SWAGGER}/swagger-ui-bundle.js",
            "icon": f"{SWAGGER}/favicon-32x32.png",
        }
        return render(request, "scoring/api/docs.html", context)
