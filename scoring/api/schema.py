"""What drf-spectacular has to be told: the key, the problems, which addresses are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from scoring.api.authentication import EXPECTED, SCHEME
from scoring.api.serializers import BATCHES, CLOSED
from scoring.contracts import MAX_BATCH

SECURITY_NAME = "ApiKey"


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How to send the key."""

    target_class = "scoring.api.authentication.ApiKeyAuthentication"
    name = SECURITY_NAME

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": f"`{EXPECTED}`. Type the word `{SCHEME}`, a blank and the key. Keys are made in "
            f"the "
            "admin or by `manage.py create_api_key`; each has scopes (`score`, `outcomes`, `read`, `admin`), "
            "a "
            "source system, a rate and perhaps an end.",
        }


Endpoint = tuple[str, str, str, Any]


def drop_slash_variants(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """Each path answers with and without the trailing slash; the description shows it once."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


def close_requests(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Writes down what the generator leaves out: unknown names are refused, and lists have a length."""
    schemas: Mapping[str, Any] = result.get("components", {}).get("schemas", {})
    for name in CLOSED:
        if name in schemas:
            schemas[name]["additionalProperties"] = False
    for name, items in BATCHES.items():
        if name in schemas:
            schemas[name]["properties"][items] |= {"minItems": 1, "maxItems": MAX_BATCH}
    return result
