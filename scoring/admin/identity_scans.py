"""Searches for duplicates: asked for, followed, stopped; and how they look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from leadscoring.common.admin.base import OneRowPage, TextArea, choice_filter, count_column
from leadscoring.common.admin.confirm import confirm_page, note_change, signed_in
from leadscoring.common.admin.work import CancelPage
from leadscoring.common.claims import WorkState
from scoring.models import IdentityScan, MergePolicy
from scoring.services.duplicates import cancel_scan, request_scan, settings_in_force

if TYPE_CHECKING:
    PolicyModelForm = forms.ModelForm[MergePolicy]
else:
    PolicyModelForm = forms.ModelForm

LONGEST_NAME, MOST_FIELDS = 500, 20


class SearchForm(forms.Form):
    """How far to look."""

    full = forms.BooleanField(
        label="Look at all leads, not only at those changed since the last search",
        required=False,
        help_text="Needed rarely: changed settings make the next search a whole one by themselves.",
    )


@admin.register(IdentityScan)
class IdentityScanAdmin(CancelPage[IdentityScan]):
    """Newest first."""

    empty_words = (
        "Leads are searched for duplicates every night, or with the button at the top. None was made yet."
    )
    list_display = (
        "__str__",
        "state_shown",
        count_column("leads_read", "Leads read"),
        count_column("proposals_made", "Possible duplicates"),
        "created_shown",
    )
    list_filter = (choice_filter("state", "state", tuple((s.value, s.label) for s in WorkState)),)
    ordering: ClassVar[Any] = ["-id"]
    search_fields = ("requested_by__username",)
    search_help_text = "Who asked for it"
    change_form_template = "scoring/admin/identity_scan.html"
    fields = ()
    actions_detail = ("cancel",)
    cancel_words = "stops after the leads it is reading now. What was found by then stays."

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "search/", self.admin_site.admin_view(self.search_view), name="scoring_identityscan_search"
        )
        return [own, *super().get_urls()]

    def has_merge_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.merge_lead")

    def has_stop_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.has_merge_permission(request)

    def page_context(self, request: HttpRequest, row: IdentityScan) -> dict[str, Any]:
        used = row.fields_used.get("fields", {})
        return {**super().page_context(request, row), "fields_used": sorted(used.items())}

    def search_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a search now; one under way is shown instead of starting another."""
        if not self.has_merge_permission(request):
            raise PermissionDenied
        form = SearchForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            scan = request_scan(
                full=form.cleaned_data["full"],
                requested_by=signed_in(request),
                as_of=timezone.now(),
            )
            note_change(request, scan, f"{scan} is under way; this page follows it.")
            return HttpResponseRedirect(reverse("admin:scoring_identityscan_change", args=(scan.pk,)))
        return confirm_page(
            self,
            request,
            title="Search for duplicates",
            verb="Search",
            form=form,
            template="scoring/admin/identity_search.html",
            back=reverse("admin:scoring_mergeproposal_changelist"),
            context={
                "wanted": settings_in_force(),
                "may_set": request.user.has_perm("scoring.change_mergepolicy"),
                "last": IdentityScan.objects.filter(state=WorkState.DONE).order_by("-id").first(),
            },
        )

    def ask_to_stop(self, row: IdentityScan) -> bool:
        return cancel_scan(row.pk)


class NamesField(forms.CharField):
    """Attribute names, one a line; kept as a list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            widget=TextArea(attrs={"class": "ls-lines"}),
            help_text="One attribute name a line, as the leads carry it. Empty: found by what they hold.",
            **kwargs,
        )

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        lines = [line.strip() for line in str(super().clean(value)).splitlines()]
        names = list(dict.fromkeys(line for line in lines if line))
        if len(names) > MOST_FIELDS or any(len(name) > LONGEST_NAME for name in names):
            raise forms.ValidationError(
                f"Expected at most {MOST_FIELDS} names of at most {LONGEST_NAME} characters."
            )
        return names


class PolicyForm(PolicyModelForm):
    """Where to look, in words that people write."""

    email_fields = NamesField(label="Attributes with e-mail addresses")
    phone_fields = NamesField(label="Attributes with telephone numbers")

    class Meta:
        model = MergePolicy
        fields = ("email_fields", "phone_fields", "country_code", "most_sharing")

    def clean_phone_fields(self) -> list[str]:
        names: list[str] = self.cleaned_data["phone_fields"]
        both = sorted(set(names) & set(self.cleaned_data.get("email_fields") or []))
        if both:
            raise forms.ValidationError(f"“{both[0]}” stands in both lists; expected it in one.")
        return names


@admin.register(MergePolicy)
class MergePolicyAdmin(OneRowPage[MergePolicy]):
    """Which attributes hold addresses and numbers, and how far they count."""

    form = PolicyForm
