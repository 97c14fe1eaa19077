"""The filters of the lead list as the admin shows them; what they mean stands in `selectors.lead_list`."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from leadscoring.common.admin.base import ChoiceFilter, DayRangeFilter, StartsWithFilter
from scoring.models import Lead, ModelVersion
from scoring.selectors.distinct import first_values
from scoring.selectors.lead_list import (
    AGES,
    FILTERS,
    GRADES,
    OUTCOMES,
    SCORED,
    WHEN,
    WHOSE,
    BadFilter,
    Reader,
    names_of,
    version_key,
)

VERSIONS_OFFERED = 30
VALUES_OFFERED = 60


def reader_of(request: HttpRequest) -> Reader:
    """Who looks, and at which moment; the same for the whole request."""
    known: Reader | None = vars(request).get("lead_reader")
    if known is None:
        user: Any = request.user
        names = names_of(user.get_username(), user.get_full_name(), getattr(user, "email", "") or "")
        known = vars(request)["lead_reader"] = Reader(names, timezone.now())
    return known


def _filtered(request: HttpRequest, rows: QuerySet[Lead], name: str, value: Any) -> QuerySet[Lead]:
    if not value:
        return rows
    try:
        return FILTERS[name](rows, str(value), reader_of(request))
    except BadFilter:
        # Named above the list by the page, which reads the whole address.
        return rows


class AddressFilter(ChoiceFilter):
    """A select box whose meaning is a filter of the lead list's address."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _filtered(request, queryset, str(self.parameter_name), self.value())


class ValuesFilter(AddressFilter):
    """Offers the values there are, read off the index; one that is in the address stays offered."""

    column: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = first_values(Lead, self.column, most=VALUES_OFFERED)
        asked = request.GET.get(str(self.parameter_name), "")
        if asked and asked not in found:
            found.append(asked)
        return [(value, value) for value in found]

    def has_output(self) -> bool:
        return True


class VersionFilter(ChoiceFilter):
    """The newest versions by number; an older one can still be named in the address."""

    title = "scored by version"
    parameter_name = "version"
    field = "version_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = ModelVersion.objects.order_by("-number").values_list("number", flat=True)[:VERSIONS_OFFERED]
        numbers = [str(number) for number in found]
        asked = request.GET.get("version", "")
        if asked.isdecimal() and asked not in numbers:
            numbers.append(asked)
        return [(number, f"version {number}") for number in numbers]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        key = version_key(value)
        return queryset.none() if key is None else queryset.filter(**{self.field: key})


class OwnerFilter(StartsWithFilter):
    """The start of an owner's name."""

    title = "owner's name"
    parameter_name = "owner"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return _filtered(request, queryset, "owner", (self.value() or "").replace("\x00", "").strip())


class CreatedFilter(DayRangeFilter):
    """From one day to another by when the lead arose, both included, in UTC."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        for name in ("created_from", "created_to"):
            queryset = _filtered(request, queryset, name, request.GET.get(name, ""))
        return queryset


def _address_filter(title: str, name: str, options: tuple[tuple[str, str], ...]) -> type[AddressFilter]:
    return type(
        f"{name.title()}Filter",
        (AddressFilter,),
        {"title": title, "parameter_name": name, "options": options},
    )


def _values_filter(title: str, name: str, column: str) -> type[ValuesFilter]:
    return type(
        f"{name.title()}Filter",
        (ValuesFilter,),
        {"title": title, "parameter_name": name, "column": column},
    )


LEAD_FILTERS: tuple[Any, ...] = (
    _address_filter("grade", "grade", GRADES),
    _address_filter("whose", "whose", WHOSE),
    OwnerFilter,
    _values_filter("stage", "stage", "stage"),
    _values_filter("source", "source", "source_system"),
    _address_filter("outcome", "outcome", OUTCOMES),
    _address_filter("age", "age", AGES),
    ("created", CreatedFilter),
    _address_filter("score", "scored", SCORED),
    _address_filter("scored", "when", WHEN),
    type("ScoredByFilter", (VersionFilter,), {"field": "scored_by_id"}),
)
