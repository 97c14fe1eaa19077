"""Who calls, and whether the key lets them."""

from __future__ import annotations

import re

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from scoring.api.problems import NotAuthenticated, ScopeMissing
from scoring.services.keys import KeyHolder, KeyRefused, Scope, check_key

SCHEME = "Api-Key"
HEADER = re.compile(r"Api-Key[ ]+([!-~]{1,200})", re.IGNORECASE)
EXPECTED = f"Authorization: {SCHEME} <prefix>.<secret>"


class ApiKeyAuthentication(BaseAuthentication):
    """Reads `Authorization: Api-Key <prefix>.<secret>`; there are no anonymous calls."""

    def authenticate(self, request: Request) -> tuple[None, KeyHolder]:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            raise NotAuthenticated(f"No API key was sent; expected the header {EXPECTED}.")
        match = HEADER.fullmatch(header.strip())
        if match is None:
            # The header may hold a secret meant for us, so it is not repeated.
            raise NotAuthenticated(f"The Authorization header is in another form; expected {EXPECTED}.")
        try:
            return None, check_key(match[1], as_of=timezone.now())
        except KeyRefused as refusal:
            raise NotAuthenticated(refusal.detail) from None

    def authenticate_header(self, request: Request) -> str:
        return f'{SCHEME} realm="leadscoring"'


def require_scope(holder: KeyHolder, scope: Scope) -> None:
    """Refuse a key that does not carry the scope, naming what it carries."""
    if not holder.may(scope):
        carried = ", ".join(sorted(holder.scopes)) or "none"
        raise ScopeMissing(f"This call needs the scope {scope.value}; the API key carries {carried}.")
