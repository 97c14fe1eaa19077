"""The pages of the lead list: its saved views, what it exports, and scoring its leads again."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from leadscoring.common.admin.base import BoundedChangeList, ListPage
from leadscoring.common.admin.confirm import ReasonForm, confirm_page, note_change, refused, signed_in
from leadscoring.common.admin.words import count
from leadscoring.common.charts import Bar, shares
from scoring.admin.lead_filters import LEAD_FILTERS, reader_of
from scoring.admin.lead_search import breadth
from scoring.contracts import ScoringError
from scoring.models import Lead, SavedView
from scoring.selectors.lead_list import BESIDE, FILTERS, by_grade, check, listed, narrow
from scoring.selectors.saved_views import views_for
from scoring.services.exports import USUAL, Column, ExportRefused, columns_offered, export_leads
from scoring.services.rescoring import RescoreRefused, request_rescore, serving_or_refused
from scoring.services.saved_views import save_view

LIST = "admin:scoring_lead_changelist"


class LeadChangeList(BoundedChangeList):
    """Sorts by one column at a time, each in an order that an index holds from end to end."""

    def get_filters_params(self, params: Any = None) -> Any:
        found = super().get_filters_params(params)
        # Which saved view the address came from: no filter, and kept when the page is turned.
        return {name: values for name, values in found.items() if name != "view"}

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        ordering = list(super().get_ordering(request, queryset))
        first = ordering[0] if ordering else None
        if first == "owner":
            return ["owner", F("score").desc(nulls_last=True), F("id").desc()]
        if first == "-owner":
            return ["-owner", F("score").asc(nulls_first=True), F("id").asc()]
        return ordering[:1] + ordering[-1:] if len(ordering) > 2 else ordering


class SaveViewForm(forms.Form):
    """A name, and for whom."""

    name = forms.CharField(max_length=60, help_text="For example “My new A leads”.")
    is_default = forms.BooleanField(
        label="Open the list with this view", required=False, help_text="For you only."
    )
    is_shared = forms.BooleanField(label="Show it to everybody", required=False)


class ExportForm(forms.Form):
    """Which columns."""

    columns = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)

    def __init__(self, data: Any, offered: list[Column]) -> None:
        super().__init__(data, initial={"columns": USUAL})
        field: Any = self.fields["columns"]
        field.choices = [
            (column.key, f"{column.heading} (personal data)" if column.sensitive else column.heading)
            for column in offered
        ]


class RescoreForm(ReasonForm):
    """The reason, and the leads that were chosen one by one."""

    ids = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_ids(self) -> list[UUID]:
        try:
            return [UUID(text) for text in self.cleaned_data["ids"].split(",") if text]
        except ValueError:
            raise forms.ValidationError("The chosen leads could not be read; choose them again.") from None


class LeadListPage(ListPage[Lead]):
    """The list's head and the pages behind its buttons."""

    list_before_template = "scoring/admin/lead_list_head.html"
    actions: Any = ("rescore_selected",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return LeadChangeList

    def get_urls(self) -> list[URLPattern]:
        def own(route: str, view: Any) -> URLPattern:
            name = f"scoring_lead_{route.replace('-', '_')}"
            found: URLPattern = path(f"{route}/", self.admin_site.admin_view(view), name=name)
            return found

        pages = (("rescore", self.rescore_view), ("export", self.export_view), ("save-view", self.keep_view))
        return [*(own(route, view) for route, view in pages), *super().get_urls()]

    def has_rescore_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.rescore_lead") and self.has_view_permission(request)

    def has_export_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.export_lead") and self.has_view_permission(request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; without anything in its address, with the view that this person wants first."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        views = list(views_for(request.user.pk))
        if request.method == "GET" and not request.GET:
            first = next(
                (view for view in views if view.is_default and view.owner_id == request.user.pk), None
            )
            if first is not None:
                return HttpResponseRedirect(view_address(first))
        clean, problems = check(request.GET.dict(), reader_of(request))
        if problems:
            kept = QueryDict(mutable=True)
            kept.update(clean)
            request.GET = kept  # type: ignore[assignment]  # Django reads it from here, and never writes
        chosen = clean.get("view", "")
        filters = _filters(clean)
        context = {
            "views": [(view, view_address(view), chosen == str(view.pk)) for view in views],
            "all_leads": not filters and chosen in ("", "all"),
            "problems": problems,
            "filter_words": in_words(filters),
            "address": urlencode(filters),
            "saved_address": urlencode({**filters, **({"o": clean["o"]} if "o" in clean else {})}),
            **breadth(request, filters.get("q", "")),
            "may_rescore": self.has_rescore_permission(request),
            "may_export": self.has_export_permission(request),
            "has_views": any(view.owner_id == request.user.pk for view in views),
        }
        return super().changelist_view(request, {**(extra_context or {}), **context})

    @admin.action(description="Score the chosen leads again", permissions=["rescore"])
    def rescore_selected(self, request: HttpRequest, queryset: QuerySet[Lead]) -> HttpResponse:
        ids = ",".join(str(pk) for pk in queryset.order_by("pk").values_list("pk", flat=True))
        return self._rescore_page(request, RescoreForm(initial={"ids": ids}), ids=ids)

    def rescore_view(self, request: HttpRequest) -> HttpResponse:
        """Confirm, with a preview, then ask for it."""
        if not self.has_rescore_permission(request):
            raise PermissionDenied
        form = RescoreForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            reader = reader_of(request)
            try:
                run = request_rescore(
                    filters=_sent(request),
                    owner_names=reader.names,
                    lead_ids=form.cleaned_data["ids"],
                    reason=form.cleaned_data["reason"],
                    requested_by=signed_in(request),
                    as_of=reader.as_of,
                )
            except RescoreRefused as error:
                refused(form, error)
            else:
                note_change(request, run, f"{run} is queued; this page follows it.")
                return HttpResponseRedirect(reverse("admin:scoring_rescorerun_change", args=(run.pk,)))
        return self._rescore_page(request, form, ids=str(request.POST.get("ids", "")))

    def _rescore_page(self, request: HttpRequest, form: RescoreForm, *, ids: str) -> HttpResponse:
        # Filters say nothing about leads chosen one by one.
        filters = {} if ids else _sent(request)
        narrowed = narrow(listed(), filters, reader_of(request))
        rows = narrowed.rows
        chosen = [text for text in ids.split(",") if text]
        if chosen:
            rows = rows.filter(pk__in=chosen) if "ids" not in form.errors else rows.none()
        grades = by_grade(rows)
        refusal = ""
        try:
            version = serving_or_refused()
        except RescoreRefused as error:
            version, refusal = "", error.detail
        n = sum(grades.values())
        address = urlencode(filters)
        return confirm_page(
            self,
            request,
            title="Score leads again",
            verb=f"Score {count(n, 'lead')} again",
            form=form,
            template="scoring/admin/lead_rescore.html",
            back=f"{reverse(LIST)}?{address or 'view=all'}",
            context={
                "n": n,
                "chosen": bool(chosen),
                "bars": shares(
                    [Bar(g, grades.get(g, 0), f"ls-tone-{g}") for g in "ABCD"]
                    + [Bar("no score", grades.get("", 0), "ls-tone-bad")],
                    noun="leads",
                )
                if n
                else "",
                "filter_words": in_words(filters),
                "problems": narrowed.problems,
                "serving": version,
                "refusal": refusal,
                "form_action": f"{reverse('admin:scoring_lead_rescore')}?{address}",
            },
            status=400 if form.errors else 200,
        )

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Choose columns, then the file."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        reader, filters = reader_of(request), _sent(request)
        narrowed = narrow(listed(), filters, reader)
        form = ExportForm(request.POST if request.method == "POST" else None, columns_offered())
        if request.method == "POST" and form.is_valid() and not narrowed.problems:
            columns = form.cleaned_data["columns"]
            try:
                lines = export_leads(narrowed.rows, columns)
            except ExportRefused as error:
                refused(form, error)
            else:
                _note_export(request, filters, columns)
                name = f"leads-{reader.as_of:%Y-%m-%d}.csv"
                return StreamingHttpResponse(
                    lines,
                    content_type="text/csv; charset=utf-8",
                    headers={
                        "Content-Disposition": f'attachment; filename="{name}"',
                        "Cache-Control": "no-store",
                    },
                )
        return confirm_page(
            self,
            request,
            title="Export leads",
            verb="Download the file",
            form=form,
            template="scoring/admin/lead_export.html",
            back=f"{reverse(LIST)}?{urlencode(filters) or 'view=all'}",
            context={
                "n": narrowed.rows.order_by().count(),
                "filter_words": in_words(filters),
                "problems": narrowed.problems,
            },
            status=400 if form.errors or (request.method == "POST" and narrowed.problems) else 200,
        )

    def keep_view(self, request: HttpRequest) -> HttpResponse:
        """Keep the list as it is now, under a name."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        may_share = request.user.has_perm("scoring.share_savedview")
        clean, problems = check(request.GET.dict(), reader_of(request))
        address = {name: value for name, value in clean.items() if name not in BESIDE or name == "o"}
        form = SaveViewForm(request.POST or None)
        if not may_share:
            del form.fields["is_shared"]
        if request.method == "POST" and form.is_valid():
            try:
                view = save_view(
                    view=None,
                    name=form.cleaned_data["name"],
                    owner=signed_in(request),
                    address=address,
                    is_shared=form.cleaned_data.get("is_shared", False),
                    is_default=form.cleaned_data["is_default"],
                    as_of=timezone.now(),
                )
            except ScoringError as error:
                refused(form, error)
            else:
                note_change(request, view, f"The view “{view}” is saved.")
                return HttpResponseRedirect(view_address(view))
        return confirm_page(
            self,
            request,
            title="Save this view",
            verb="Save",
            form=form,
            template="scoring/admin/view_save.html",
            back=f"{reverse(LIST)}?{urlencode(address) or 'view=all'}",
            context={"filter_words": in_words(address), "problems": problems},
            status=400 if form.errors else 200,
        )


def _sent(request: HttpRequest) -> dict[str, str]:
    """Filters and search as sent, also those that mean nothing: pages that act on all matching leads must say
    so and stop, not act on more."""
    return {name: value for name, value in request.GET.dict().items() if value and name not in BESIDE}


def _filters(address: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in address.items() if value and (name in FILTERS or name == "q")}


def view_address(view: SavedView) -> str:
    pairs = [(key, value) for key, value in parse_qsl(view.query) if key != "view"]
    return f"{reverse(LIST)}?{urlencode([*pairs, ('view', view.pk)])}"


TITLES = {
    str(one.parameter_name): (str(one.title), dict(getattr(one, "options", ())))
    for one in LEAD_FILTERS
    if hasattr(one, "parameter_name")
}
TITLES |= {"q": ("search", {}), "created_from": ("created from", {}), "created_to": ("created until", {})}


def in_words(filters: dict[str, str]) -> list[tuple[str, str]]:
    """Filters as people read them."""
    found = []
    for name, value in _filters(filters).items():
        title, options = TITLES.get(name, (name, {}))
        found.append((title, str(options.get(value, value))))
    return found


def _note_export(request: HttpRequest, filters: dict[str, str], columns: list[str]) -> None:
    said = "; ".join(f"{title}: {value}" for title, value in in_words(filters)) or "all leads"
    LogEntry.objects.create(
        user_id=signed_in(request).pk,
        content_type=ContentType.objects.get_for_model(Lead),
        object_repr="Export of leads"[:200],
        action_flag=CHANGE,
        change_message=f"Exported {said}. Columns: {', '.join(columns)}."[:5000],
    )
