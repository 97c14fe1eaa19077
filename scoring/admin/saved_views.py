"""Saved views of the lead list: renamed, shared, opened first and deleted here; made in the list itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import ListPage
from leadscoring.common.admin.words import badge, moment
from scoring.admin.lead_list import in_words, view_address
from scoring.models import SavedView
from scoring.selectors.lead_list import Reader, check
from scoring.selectors.saved_views import views_for
from scoring.services.saved_views import save_view

if TYPE_CHECKING:
    ViewModelForm = forms.ModelForm[SavedView]
else:
    ViewModelForm = forms.ModelForm


class ViewForm(ViewModelForm):
    """A name that this person has not used yet."""

    class Meta:
        model = SavedView
        fields = ("name", "is_default", "is_shared")

    def clean_name(self) -> str:
        name = " ".join(str(self.cleaned_data["name"]).split())
        taken = SavedView.objects.filter(owner_id=self.instance.owner_id, name=name)
        if taken.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("There is a view with this name already; choose another name.")
        return name


@admin.register(SavedView)
class SavedViewAdmin(ListPage[SavedView]):
    """Own views, and those that others show to everybody."""

    form = ViewForm
    list_display = ("name", "filters_shown", "state_shown", "owner", "changed_shown", "open_shown")
    list_select_related = ("owner",)
    search_fields = ("name",)
    empty_words = "Filter the list of leads, then press “Save this view”. There is none yet."
    ordering: ClassVar[Any] = ["name", "id"]
    sortable_by = ("name", "changed_shown")
    fields: ClassVar[Any] = ("name", "is_default", "is_shared", "owner", "filters_shown", "open_shown")
    readonly_fields = ("owner", "filters_shown", "open_shown")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("scoring.view_lead")

    def has_view_permission(self, request: HttpRequest, obj: SavedView | None = None) -> bool:
        return request.user.has_perm("scoring.view_lead")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: SavedView | None = None) -> bool:
        mine = obj is None or obj.owner_id == request.user.pk or request.user.is_superuser
        return mine and self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: SavedView | None = None) -> bool:
        # From its own page only. A view shown to everybody may be taken away by whoever may share.
        if obj is None:
            return False
        shared = obj.is_shared and request.user.has_perm("scoring.share_savedview")
        return self.has_view_permission(request) and (obj.owner_id == request.user.pk or shared)

    def get_queryset(self, request: HttpRequest) -> Any:
        return views_for(request.user.pk)

    def get_readonly_fields(self, request: HttpRequest, obj: SavedView | None = None) -> Any:
        # Taking back a view that was shared needs the same right as sharing it.
        shares = request.user.has_perm("scoring.share_savedview")
        return self.readonly_fields if shares else (*self.readonly_fields, "is_shared")

    def save_model(self, request: HttpRequest, obj: SavedView, form: Any, change: bool) -> None:
        save_view(
            view=obj,
            name=obj.name,
            owner=obj.owner,
            address=None,
            is_shared=obj.is_shared,
            is_default=obj.is_default,
            as_of=timezone.now(),
        )

    @admin.display(description="Shows")
    def filters_shown(self, row: SavedView) -> SafeString:
        clean, problems = check(dict(parse_qsl(row.query)), Reader((), timezone.now()))
        said = "; ".join(f"{title}: {value}" for title, value in in_words(clean)) or "all leads"
        outdated = f"Left out: {'; '.join(problems)}" if problems else ""
        return format_html('{} <span class="ls-sub">{}</span>', said, outdated)

    @admin.display(description="State")
    def state_shown(self, row: SavedView) -> str | SafeString:
        first = badge("opens first", "good") if row.is_default else ""
        return format_html("{} {}", first, badge("for everybody", "info") if row.is_shared else "")

    @admin.display(description="Changed", ordering="updated_at")
    def changed_shown(self, row: SavedView) -> str:
        return moment(row.updated_at)

    @admin.display(description="Open")
    def open_shown(self, row: SavedView) -> SafeString:
        return format_html('<a class="ls-link" href="{}">Open the list</a>', view_address(row))
