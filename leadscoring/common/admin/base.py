"""What the pages share: read-only pages, bounded counting, confirm links, filters that use an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from unfold.decorators import action as unfold_action
from unfold.enums import ActionVariant

Row = TypeVar("Row", bound=Model)
View = TypeVar("View", bound=Callable[..., HttpResponse])

if TYPE_CHECKING:
    from django.contrib.admin import FieldListFilter as _RangeFilter
    from django.contrib.admin import ModelAdmin as Page
    from django.contrib.admin import SimpleListFilter as TypedFilter
    from django.contrib.admin.views.main import ChangeList as _ChangeList
    from django.forms import CheckboxSelectMultiple as _CheckBoxes
    from django.forms import Select as _Select
    from django.forms import Textarea as _TextArea
else:
    from unfold.admin import ModelAdmin as _UnfoldAdmin
    from unfold.contrib.filters.admin import RangeDateFilter as _RangeFilter
    from unfold.contrib.filters.admin import TextFilter as TypedFilter
    from unfold.views import ChangeList as _ChangeList
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as _CheckBoxes
    from unfold.widgets import UnfoldAdminExpandableTextareaWidget as _TextArea
    from unfold.widgets import UnfoldAdminSelectWidget as _Select

    class Page(_UnfoldAdmin):
        """Unfold's admin, subscriptable as the type stubs have it."""

        def __class_getitem__(cls, item: object) -> type:
            return cls


class TextArea(_TextArea):
    """A text area as the theme draws it: as wide as the other controls, and it grows with its text."""


class CheckBoxes(_CheckBoxes):
    """Check boxes as the theme draws them, one below the other."""


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs only
    """Counts at most `most` rows, so that a list of ten million opens as fast as one of ten."""

    most: ClassVar[int] = 10_000

    @cached_property
    def count(self) -> int:
        """Rows in the list, or `most` when there are more."""
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return int(rows.order_by().values("pk")[: self.most].count())
        return len(rows)


class BoundedChangeList(_ChangeList):
    """Knows when nothing is filtered, so that the head of the list does not offer to show all again."""

    def get_filters_params(self, params: Any = None) -> Any:
        # A form sends every filter; one left at "all" is no filter.
        found = super().get_filters_params(params)
        return {name: values for name, values in found.items() if values not in ("", [""])}

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not (self.has_active_filters or self.query):
            self.full_result_count = self.result_count

    @property
    def is_cut(self) -> bool:
        """Whether there are more rows than the list counts."""
        return self.result_count >= BoundedPaginator.most


class ListPage(Page[Row]):
    """A list that stays quick, and pages drawn by `page_template`."""

    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    paginator = BoundedPaginator
    list_before_template = "common/list_bound.html"
    list_filter_submit = True
    list_filter_sheet = True
    list_fullwidth = True
    is_fullwidth = True
    compressed_fields = True
    actions = None
    empty_value_display = "–"
    # Said where there is no row at all: how rows come to be here.
    empty_words = "The program writes rows here by itself; there is none yet."

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedChangeList

    def page_context(self, request: HttpRequest, row: Row) -> dict[str, Any]:
        """What the page's template needs beyond the form."""
        return {}

    def offers(self, row: Row, action: str) -> bool:
        """Whether the button of an action fits the row as it is."""
        return True

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """The buttons that this person may press and that fit the row."""
        found: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # Unfold's method
        row = self.get_object(request, unquote(str(object_id))) if found else None
        if row is None:
            return []
        own = f"{self.opts.app_label}_{self.opts.model_name}_"
        return [one for one in found if self.offers(row, one.action_name.removeprefix(own))]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Django's page, with the row's own context where there is a row that may be seen."""
        context = dict(extra_context or {})
        if object_id is not None and request.method == "GET":
            row = self.get_object(request, unquote(object_id))
            if row is not None and self.has_view_or_change_permission(request, row):
                context.update(self.page_context(request, row))
        return super().changeform_view(request, object_id, form_url, context)

    def row_or_404(self, request: HttpRequest, object_id: str) -> Row:
        """The row of an address, seen with this person's eyes."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404(f"There is no {self.opts.verbose_name} with the key {object_id}.")
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        return row


class OneRowPage(ListPage[Row]):
    """Settings: at most one row, made by the first save. The list leads to it, or to the form that makes it."""

    show_add_link = False
    empty_words = "Nobody has set anything yet: what the program brings along holds."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        row = self.model._default_manager.first()
        if row is not None:
            return self._to("change", row.pk)
        return (
            self._to("add")
            if self.has_add_permission(request)
            else super().changelist_view(request, extra_context)
        )

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if self.model._default_manager.exists():
            return self._to("changelist")
        return super().add_view(
            request, form_url, {**(extra_context or {}), "show_save_and_add_another": False}
        )

    def _to(self, page: str, *args: object) -> HttpResponse:
        return HttpResponseRedirect(
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=args)
        )


class ReadOnlyPage(ListPage[Row]):
    """Rows that nobody edits by hand: the program writes them, people read them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False


def count_column(field: str, heading: str) -> Callable[[Any], str]:
    """A column of a list that writes a number as people do: `6,000`."""

    @admin.display(description=heading, ordering=field)
    def shown(row: Any) -> str:
        return f"{getattr(row, field):,}"

    shown.__name__ = f"{field}_shown"
    return shown


def page_action(
    description: str, *, permission: str, icon: str = "", tone: str = "default"
) -> Callable[[View], View]:
    """A button that leads to a page of its own. `permission` is checked for the button and for the page.

    `permission` names a `has_…_permission` method, never an app's permission: Unfold's check looks those
    up in the database, which a new installation does not have yet.
    """

    def wrap(view: View) -> View:
        wrapped: View = unfold_action(
            view,
            description=description,
            permissions=[permission],
            url_path=view.__name__.replace("_", "-"),
            icon=icon or None,
            variant=ActionVariant(tone),
        )
        return wrapped

    return wrap


class _ChoiceForm(forms.Form):
    """One select box of the form of filters."""

    def __init__(self, *, name: str, label: str, choices: list[tuple[str, str]], data: Any) -> None:
        super().__init__(data=data)
        self.fields[name] = forms.ChoiceField(label=label, choices=choices, required=False, widget=_Select)


class ChoiceFilter(admin.SimpleListFilter):
    """A filter with fixed choices in a select box: no query for the choices, an indexable condition for the
    rows."""

    template = "unfold/filters/filters_field.html"
    field: ClassVar[str]
    options: ClassVar[tuple[tuple[str, str], ...]] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.options)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        name = str(self.parameter_name)
        title = str(self.title)
        yield {
            "form": _ChoiceForm(
                name=name,
                label=title[:1].upper() + title[1:],
                choices=[("", "all"), *((str(key), str(words)) for key, words in self.lookup_choices)],
                data={name: self.value()},
            )
        }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset if not value else queryset.filter(**{self.field: value})


class StartsWithFilter(TypedFilter):
    """A text box; keeps the rows whose field starts with the text, as an index can."""

    field: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return ()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = (self.value() or "").replace("\x00", "").strip()
        return queryset.filter(**{f"{self.field}__startswith": value}) if value else queryset


class DayRangeFilter(_RangeFilter):
    """From one day to another, both included, in UTC. What is no day is left out of account."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = self._day(request, "from"), self._day(request, "to")
        if first is not None:
            queryset = queryset.filter(**{f"{self.field_path}__gte": datetime.combine(first, time.min, UTC)})
        if last is not None:
            queryset = queryset.filter(**{f"{self.field_path}__lte": datetime.combine(last, time.max, UTC)})
        return queryset

    def _day(self, request: HttpRequest, end: str) -> date | None:
        try:
            return date.fromisoformat(request.GET.get(f"{self.field_path}_{end}", ""))
        except ValueError:
            return None


def choice_filter(
    title: str, field: str, options: tuple[tuple[str, str], ...], *, parameter: str | None = None
) -> type[ChoiceFilter]:
    """A :class:`ChoiceFilter` for one field."""
    return type(
        f"{field.title().replace('_', '')}Filter",
        (ChoiceFilter,),
        {"title": title, "parameter_name": parameter or field, "field": field, "options": options},
    )


def text_filter(title: str, field: str) -> type[StartsWithFilter]:
    """A :class:`StartsWithFilter` for one field."""
    return type(
        f"{field.title().replace('_', '')}TextFilter",
        (StartsWithFilter,),
        {"title": title, "parameter_name": f"{field}_starts", "field": field},
    )


def once(items: Iterator[str]) -> list[str]:
    """Distinct texts in order of first appearance, without empty ones."""
    return list(dict.fromkeys(item for item in items if item))
