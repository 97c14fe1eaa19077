"""API keys: made, rotated and revoked here. A key is shown once, on the page that answers the POST."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from leadscoring.common.admin.base import ReadOnlyPage, page_action
from leadscoring.common.admin.confirm import ConfirmForm, confirm_page, note_change, refused, signed_in
from leadscoring.common.admin.words import NOTHING, badge, moment, person
from scoring.contracts import ScoringError
from scoring.models import ApiKey
from scoring.services.keys import IssuedKey, Scope, create_key, revoke_key, rotate_key

SCOPE_WORDS = {
    Scope.SCORE: "score: send leads and get scores",
    Scope.OUTCOMES: "outcomes: report what became of leads",
    Scope.READ: "read: look up leads, scores and the model",
    Scope.ADMIN: "admin: all of these, and what is added later",
}
LIFETIMES = (("90", "90 days"), ("365", "1 year"), ("730", "2 years"), ("never", "never"))
OVERLAPS = (("0", "at once"), ("1", "after 1 day"), ("7", "after 7 days"), ("30", "after 30 days"))


class KeyForm(forms.Form):
    """What a new key may do."""

    name = forms.CharField(max_length=255, help_text="Who or what will use it, for example “Website form”.")
    source_system = forms.CharField(
        max_length=64, help_text="The system whose external ids this key speaks, for example “website”."
    )
    scopes = forms.MultipleChoiceField(
        choices=[(s.value, SCOPE_WORDS.get(s, s.value)) for s in Scope], widget=forms.CheckboxSelectMultiple
    )
    expires = forms.ChoiceField(label="Expires after", choices=LIFETIMES, initial="365")
    per_minute = forms.IntegerField(
        label="Calls a minute, at most", initial=6000, min_value=1, max_value=1_000_000
    )

    def expires_at(self, now: datetime) -> datetime | None:
        """The end of the key's life, None for never."""
        days = self.cleaned_data["expires"]
        return None if days == "never" else now + timedelta(days=int(days))


class RotateForm(forms.Form):
    """When the old key ends."""

    overlap = forms.ChoiceField(label="The old key ends", choices=OVERLAPS, initial="7")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyPage[ApiKey]):
    """Keys by name; never their text, never its hash."""

    list_display = (
        "name",
        "prefix",
        "state_shown",
        "scopes_shown",
        "source_system",
        "expires_shown",
        "used_shown",
    )
    search_fields = ("name", "prefix", "source_system")
    empty_words = "A key lets another system call the API. None was made yet."
    ordering: ClassVar[Any] = ["name", "id"]
    fields = (
        "name",
        "prefix",
        "state_shown",
        "scopes_shown",
        "source_system",
        "per_minute",
        "created_shown",
        "by_shown",
        "expires_shown",
        "revoked_shown",
        "used_shown",
    )
    readonly_fields = (
        "state_shown",
        "scopes_shown",
        "created_shown",
        "by_shown",
        "expires_shown",
        "revoked_shown",
        "used_shown",
    )
    actions_list = ("new_key",)
    actions_detail = ("rotate", "revoke")

    def has_make_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.add_apikey")

    def has_end_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.change_apikey")

    def has_rotate_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.has_make_permission(request) and self.has_end_permission(request)

    @admin.display(description="State")
    def state_shown(self, row: ApiKey) -> SafeString:
        if row.revoked_at is not None:
            return badge("revoked", "bad")
        return badge("usable", "good") if row.usable(timezone.now()) else badge("expired", "warn")

    @admin.display(description="May")
    def scopes_shown(self, row: ApiKey) -> str:
        return ", ".join(row.scopes)

    @admin.display(description="Made", ordering="created_at")
    def created_shown(self, row: ApiKey) -> str:
        return moment(row.created_at)

    @admin.display(description="Made by")
    def by_shown(self, row: ApiKey) -> str:
        return person(row.created_by)

    @admin.display(description="Expires", ordering="expires_at")
    def expires_shown(self, row: ApiKey) -> str:
        return moment(row.expires_at) if row.expires_at else "never"

    @admin.display(description="Revoked")
    def revoked_shown(self, row: ApiKey) -> str:
        return moment(row.revoked_at)

    @admin.display(description="Last used", ordering="last_used_at")
    def used_shown(self, row: ApiKey) -> str:
        return moment(row.last_used_at) if row.last_used_at else NOTHING

    @page_action("New key", permission="make", icon="add", tone="primary")
    def new_key(self, request: HttpRequest) -> HttpResponse:
        form = KeyForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            now = timezone.now()
            try:
                issued = create_key(
                    name=form.cleaned_data["name"],
                    scopes=form.cleaned_data["scopes"],
                    source_system=form.cleaned_data["source_system"],
                    per_minute=form.cleaned_data["per_minute"],
                    expires_at=form.expires_at(now),
                    as_of=now,
                    by=signed_in(request),
                )
            except ScoringError as error:
                refused(form, error)
            else:
                return self._shown_once(request, issued, ADDITION, "Made.")
        return confirm_page(
            self,
            request,
            title="New API key",
            verb="Make the key",
            form=form,
            status=400 if form.errors else 200,
        )

    @page_action("Rotate", permission="rotate", icon="autorenew")
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        form = RotateForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                issued = rotate_key(
                    key_id=row.pk,
                    as_of=timezone.now(),
                    overlap=timedelta(days=int(form.cleaned_data["overlap"])),
                    by=signed_in(request),
                )
            except ScoringError as error:
                refused(form, error)
            else:
                LogEntry.objects.log_actions(
                    signed_in(request).pk, [row], CHANGE, "Rotated.", single_object=True
                )
                return self._shown_once(request, issued, ADDITION, f"Made in place of {row.prefix}.")
        return confirm_page(
            self,
            request,
            title=f"Rotate {row}",
            verb="Make its successor",
            form=form,
            row=row,
            template="scoring/admin/key_end.html",
            context={"row": row, "rotating": True},
            status=400 if form.errors else 200,
        )

    @page_action("Revoke", permission="end", icon="block", tone="danger")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        if request.method == "POST":
            if revoke_key(key_id=row.pk, as_of=timezone.now()):
                note_change(request, row, f"{row} is revoked: calls with it are refused within 2 seconds.")
            return HttpResponseRedirect(reverse("admin:scoring_apikey_change", args=(row.pk,)))
        return confirm_page(
            self,
            request,
            title=f"Revoke {row}",
            verb="Revoke this key",
            form=ConfirmForm(),
            row=row,
            danger=True,
            template="scoring/admin/key_end.html",
            context={"row": row, "rotating": False},
        )

    @sensitive_variables("issued")
    def _shown_once(self, request: HttpRequest, issued: IssuedKey, flag: int, note: str) -> HttpResponse:
        """The answer to the POST itself: no redirect, so the text lives in no session, message or address."""
        row = ApiKey.objects.get(pk=issued.id)
        LogEntry.objects.log_actions(signed_in(request).pk, [row], flag, note, single_object=True)
        return _uncached(
            confirm_page,
            self,
            request,
            title=f"API key “{issued.name}”",
            verb="",
            form=ConfirmForm(),
            row=row,
            template="scoring/admin/key_shown.html",
            context={"issued": issued, "scopes": ", ".join(issued.scopes)},
        )


def _uncached(page: Any, model_admin: Any, request: HttpRequest, **kwargs: Any) -> HttpResponse:
    response: HttpResponse = never_cache(lambda asked: page(model_admin, asked, **kwargs))(request)
    return response
