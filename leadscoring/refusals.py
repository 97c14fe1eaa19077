"""Pages that say no: what was refused, who may do it, and where to go on. They look like the rest of the admin, inside
its frame for whoever works in it and alone for everybody else.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser, Permission
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

READING = ("GET", "HEAD")


class NotedRefusals(BaseBackend):
    """The last backend that is asked for a permission, so only for one that nobody gives: it notes which, for the page
    that says no."""

    def has_perm(self, user_obj: Any, perm: str, obj: object = None) -> bool:
        user_obj.__dict__.setdefault("refused_permissions", []).append(perm)
        return False


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler403`: names the permission that is missing and the roles that have it."""
    user = getattr(request, "user", None) or AnonymousUser()
    needed = _needed(getattr(user, "refused_permissions", []))
    roles = needed.group_set.order_by("name").values_list("name", flat=True) if needed is not None else []
    reading = request.method in READING
    return _page(
        request,
        status=403,
        title="You may not open this page" if reading else "You may not do this",
        context={
            "kind": "permission",
            "reading": reading,
            "told": str(exception),
            "needed": needed,
            "roles": list(roles),
            "own_roles": list(user.groups.order_by("name").values_list("name", flat=True)),
        },
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler404`; what was looked for is named where the program knows it."""
    told = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    return _page(
        request, status=404, title="There is no such page", context={"kind": "missing", "told": told}
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """`CSRF_FAILURE_VIEW`: a form that did not come from a page of this session, and how to send it again."""
    return _page(
        request,
        status=403,
        title="The form could not be taken",
        context={
            "kind": "form",
            "reason": reason,
            "no_cookie": reason == REASON_NO_CSRF_COOKIE,
            "foreign": reason.startswith(("Origin checking", "Referer checking")),
            "back": _came_from(request),
        },
    )


def locked_out(
    request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None
) -> HttpResponse:
    """`AXES_LOCKOUT_CALLABLE`: too many failed tries to sign in. It does not tell whether a name exists."""
    wait = settings.AXES_COOLOFF_TIME
    page = _page(
        request,
        status=settings.AXES_HTTP_RESPONSE_CODE,
        title="Too many failed tries to sign in",
        context={
            "kind": "locked",
            "name": (credentials or {}).get("username") or "",
            "tries": settings.AXES_FAILURE_LIMIT,
            "minutes": round(wait.total_seconds() / 60),
        },
    )
    page["Retry-After"] = round(wait.total_seconds())
    return page


def _page(request: HttpRequest, *, status: int, title: str, context: dict[str, Any]) -> HttpResponse:
    below = request.path.startswith(reverse("admin:index"))
    inside = below and hasattr(request, "user") and admin.site.has_permission(request)
    frame = admin.site.each_context(request) if inside else {}
    layout = "admin/base_site.html" if inside else "common/alone.html"
    found = {**frame, "layout": layout, "inside": inside, "title": title, "asked": request.path, **context}
    return render(request, "common/refused.html", found, status=status)


def _needed(refused: list[str]) -> Permission | None:
    """The permission to ask for. A page may be seen by who may view or change its rows: viewing is enough."""
    if not refused:
        return None
    app, _, last = refused[-1].partition(".")
    verb, _, model = last.partition("_")
    view = f"{app}.view_{model}"
    wanted = view if verb == "change" and view in refused else refused[-1]
    return Permission.objects.filter(content_type__app_label=app, codename=wanted.partition(".")[2]).first()


def _came_from(request: HttpRequest) -> str:
    """The page with the form, where the browser says so and it is one of ours."""
    page = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if ours else ""
