"""The confirm page: what changes, on what evidence, and why. GET shows; only a POST with a reason acts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class Refusing(Protocol):
    """An error of a service: a sentence, and perhaps single fields."""

    @property
    def detail(self) -> str: ...
    @property
    def errors(self) -> tuple[Mapping[str, object], ...]: ...


class ReasonForm(forms.Form):
    """The least a decision needs."""

    reason = forms.CharField(
        label="Reason",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "required": True}),
        help_text="Kept with the decision and shown to everyone who may read it.",
        error_messages={"required": "Write why: it is what others read later."},
    )


class ConfirmForm(forms.Form):
    """A confirm page without a reason to keep: the press of the button is the whole answer."""


def confirm_page(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    *,
    title: str,
    verb: str,
    form: forms.Form,
    row: Model | None = None,
    template: str = "common/confirm.html",
    danger: bool = False,
    back: str | None = None,
    context: dict[str, Any] | None = None,
    status: int = 200,
) -> TemplateResponse:
    """The page itself; `template` extends `common/confirm.html` and fills its `evidence` block."""
    opts = model_admin.opts
    name = f"admin:{opts.app_label}_{opts.model_name}"
    if back is None:
        back = reverse(f"{name}_change", args=(row.pk,)) if row is not None else reverse(f"{name}_changelist")
    return TemplateResponse(
        request,
        template,
        {
            **model_admin.admin_site.each_context(request),
            "opts": opts,
            "original": row,
            "title": title,
            "verb": verb,
            "form": form,
            "danger": danger,
            "back": back,
            **(context or {}),
        },
        status=status,
    )


def refused(form: forms.Form, error: Refusing) -> None:
    """Put what a service said on the form, so that the page comes back with the person's own words in it."""
    form.add_error(None, error.detail)
    for one in error.errors:
        where, value, expected = (str(one.get(key, "")) for key in ("field", "value", "expected"))
        if where or expected:
            form.add_error(None, f"{where}: {value!r}; expected {expected}".lstrip(": "))


def signed_in(request: HttpRequest) -> User:
    """Who acts. The admin lets nobody in who is not signed in."""
    return cast("User", request.user)


def note_change(request: HttpRequest, row: Model, message: str) -> None:
    """A line in the row's history, and a message for the person."""
    if request.user.is_authenticated:
        LogEntry.objects.log_actions(request.user.pk, [row], CHANGE, message, single_object=True)
    messages.success(request, message)
