"""From parsed JSON to what the services take; every wrong field is named, with its value and what was
expected.

Written by hand because it stands on the request path: DRF's nested serializers take longer than the model.
The serializers of `serializers.py` describe the same shapes for OpenAPI, and a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from leadscoring.common.errors import FieldError, Invalid
from scoring.api.paths import Path, kind_of, pointer, printable, shown, spoken, wrong
from scoring.contracts import MAX_BATCH, Grade, LeadInput, OutcomeInput, OutcomeKind, OverrideInput
from scoring.services.leads import MAX_ATTRIBUTES, MAX_ID, MAX_NAME, MAX_TEXT
from scoring.services.overrides import MAX_REASON

MOST_ERRORS = 20
MAX_OWNER = 255
EARLIEST_YEAR, LATEST_YEAR = 1900, 2199
LARGEST_REVENUE = Decimal("99999999999999.99")

LEAD_FIELDS = ("external_id", "attributes", "created_at", "owner", "stage")
OVERRIDE_FIELDS = ("grade", "score", "reason", "expires_at", "by", "end")
OUTCOME_FIELDS = ("external_id", "outcome", "occurred_at", "revenue", "currency")

DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
AMOUNT = re.compile(r"\d{1,14}(?:\.\d{1,2})?", re.ASCII)
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
# ASCII and Latin-1 control characters, and the two line separators of Unicode.
CONTROL = re.compile(r"[\u0000-\u001f\u007f-\u009f\u2028\u2029]")
# In the syntax that JSON Schema shares, so that OpenAPI shows the rule that is applied.
EXTERNAL_ID = (
    r"^[^\s\u0000-\u001f\u007f-\u009f\ufeff]"
    r"([^\u0000-\u001f\u007f-\u009f\u2028\u2029]*[^\s\u0000-\u001f\u007f-\u009f\ufeff])?$"
)
EXTERNAL_ID_FORM = re.compile(EXTERNAL_ID)

EXPECTED_ID = f"text of 1 to {MAX_ID} characters, no blank at either end, no control characters"
EXPECTED_VALUE = f"text of at most {MAX_TEXT:,} characters, a number, true or false, or null"
EXPECTED_TIME = "a date and time with its offset, such as 2026-03-01T09:30:00Z"
EXPECTED_AMOUNT = 'an amount from 0 to below 10^14 with at most two decimals, such as "1250.00", or null'


class TooMany(Invalid):
    """More items than one call takes; nothing was done."""

    kind = "batch-too-large"
    title = "Too many items in one call"


def refuse(errors: list[FieldError], what: str, places: Mapping[str, str]) -> Invalid:
    """The refusal for these errors; its sentence speaks of the first."""
    first = errors[0]
    where = places.get(first.pointer, first.pointer or "the body")
    more = f" {len(errors) - 1} more below." if len(errors) > 1 else ""
    return Invalid(
        f"{what}: {where} is {first.value}; expected {first.expected}.{more}", errors=errors[:MOST_ERRORS]
    )


class Fields:
    """Reads the fields of one object and gathers what is wrong."""

    def __init__(self, data: Any, path: Path, known: tuple[str, ...]) -> None:
        self.path = path
        self.errors: list[FieldError] = []
        self.places: dict[str, str] = {}
        self.is_object = isinstance(data, dict)
        self.data: Mapping[str, Any] = data if isinstance(data, dict) else {}
        if not self.is_object:
            self.wrong((), data, f"an object with {', '.join(known)}")
        else:
            for name in self.data:
                if name not in known:
                    self.wrong(
                        (name,), "a field that is not known here", f"only {', '.join(known)}", plain=True
                    )

    def wrong(self, at: Path, value: object, expected: str, *, plain: bool = False) -> None:
        """Note one error; `plain` means that the value is already words."""
        place = (*self.path, *at)
        error = FieldError(pointer(place), str(value), expected) if plain else wrong(place, value, expected)
        self.errors.append(error)
        self.places[error.pointer] = spoken(place)

    def at(self, name: str) -> bool:
        """Whether something is wrong with this field already."""
        return pointer((*self.path, name)) in self.places

    def missing(self, name: str, expected: str) -> None:
        """Note a field that must be there and is not."""
        if self.is_object:
            self.wrong((name,), "missing", expected, plain=True)

    def external_id(self) -> str:
        """The lead's id at its source; "" when wrong."""
        if "external_id" not in self.data:
            self.missing("external_id", EXPECTED_ID)
            return ""
        value = self.data["external_id"]
        if isinstance(value, str) and len(value) <= MAX_ID and EXTERNAL_ID_FORM.match(value):
            return value
        self.wrong(("external_id",), value, EXPECTED_ID)
        return ""

    def text(self, name: str, longest: int) -> str | None:
        """Optional text; None when it is left out, null or wrong."""
        value = self.data.get(name)
        if value is None or (isinstance(value, str) and len(value) <= longest):
            return value
        self.wrong((name,), value, f"text of at most {longest} characters, or null")
        return None

    def time(self, name: str) -> datetime | None:
        """An optional instant; None when it is left out, null or wrong."""
        value = self.data.get(name)
        if value is None:
            return None
        found = read_time(value) if isinstance(value, str) else None
        if found is None:
            self.wrong((name,), value, f"{EXPECTED_TIME}, or null")
        return found

    def attributes(self) -> dict[str, object]:
        """Flat attributes: text, number, yes/no or null by name."""
        expected = 'an object of flat attributes, such as {"Country": "India", "Visas": 2}'
        if "attributes" not in self.data:
            self.missing("attributes", expected)
            return {}
        found = self.data["attributes"]
        if not isinstance(found, dict):
            self.wrong(("attributes",), found, expected)
            return {}
        if len(found) > MAX_ATTRIBUTES:
            self.wrong(
                ("attributes",),
                f"an object with {len(found)} attributes",
                f"at most {MAX_ATTRIBUTES} attributes",
                plain=True,
            )
            return {}
        for name, value in found.items():
            kind = type(value)
            if kind is str:
                if len(value) > MAX_TEXT:
                    self.wrong(
                        ("attributes", name), f"text of {len(value):,} characters", EXPECTED_VALUE, plain=True
                    )
            elif value is not None and kind not in {int, float, bool}:
                self.wrong(
                    ("attributes", name), f"{kind_of(value)} ({shown(value)})", EXPECTED_VALUE, plain=True
                )
            if not 0 < len(name) <= MAX_NAME:
                self.wrong(
                    ("attributes", name[:80]),
                    f"a name of {len(name):,} characters",
                    f"a name of 1 to {MAX_NAME} characters",
                    plain=True,
                )
        return found

    def revenue(self) -> str | None:
        """Optional money as text, exactly as sent."""
        value = self.data.get("revenue")
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self.wrong(("revenue",), value, EXPECTED_AMOUNT)
            return None
        text = read_amount(value)
        if text is None:
            self.wrong(("revenue",), value, EXPECTED_AMOUNT)
        return text


def read_time(text: str) -> datetime | None:
    """An RFC 3339 instant in UTC, or None."""
    if not DATE_TIME.fullmatch(text) or not EARLIEST_YEAR <= int(text[:4]) <= LATEST_YEAR:
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except ValueError:
        return None


def read_amount(value: str | float) -> str | None:
    """An amount of money as plain decimal text, or None."""
    if isinstance(value, str):
        return value if AMOUNT.fullmatch(value) else None
    try:
        amount = Decimal(repr(value))
    except InvalidOperation:
        return None
    if not 0 <= amount <= LARGEST_REVENUE:
        return None
    text = format(amount.normalize(), "f")
    return text if AMOUNT.fullmatch(text) else None


def read_lead(data: Any, path: Path = ()) -> LeadInput:
    """One lead.

    Raises:
        Invalid: with every wrong field.
    """
    fields = Fields(data, path, LEAD_FIELDS)
    lead = LeadInput(
        external_id=fields.external_id(),
        attributes=fields.attributes(),
        created_at=fields.time("created_at"),
        owner=fields.text("owner", MAX_OWNER),
        stage=fields.text("stage", MAX_OWNER),
    )
    if fields.errors:
        raise refuse(fields.errors, "The lead cannot be read", fields.places)
    return lead


def read_outcome(data: Any, path: Path = ()) -> OutcomeInput:
    """What became of one lead.

    Raises:
        Invalid: with every wrong field.
    """
    fields = Fields(data, path, OUTCOME_FIELDS)
    external_id = fields.external_id()
    kinds = " or ".join(kind.value for kind in OutcomeKind)
    kind = OutcomeKind.LOST
    found = fields.data.get("outcome")
    if isinstance(found, str) and found in set(OutcomeKind):
        kind = OutcomeKind(found)
    elif "outcome" in fields.data:
        fields.wrong(("outcome",), found, kinds)
    else:
        fields.missing("outcome", kinds)
    occurred_at, revenue = fields.time("occurred_at"), fields.revenue()
    currency = fields.data.get("currency")
    if currency is not None and not (isinstance(currency, str) and CURRENCY.fullmatch(currency)):
        fields.wrong(("currency",), currency, "three capital letters (ISO 4217), such as AED, or null")
        currency = None
    if fields.errors:
        raise refuse(fields.errors, "The outcome cannot be read", fields.places)
    return OutcomeInput(external_id, kind, occurred_at, revenue, currency or "")


@dataclass(frozen=True, slots=True)
class OverrideCall:
    """What a call asks for: an override to set, or (None) the one that holds to end; `by` is the rep's name."""

    override: OverrideInput | None
    reason: str
    by: str


def read_override(data: Any, path: Path = ()) -> OverrideCall:
    """An override to set, or `{"end": true, "reason": …}`.

    Raises:
        Invalid: with every wrong field.
    """
    fields = Fields(data, path, OVERRIDE_FIELDS)
    grades = [grade.value for grade in Grade]
    grade, score, end = (fields.data.get(name) for name in ("grade", "score", "end"))
    if grade is not None and not (isinstance(grade, str) and grade in grades):
        fields.wrong(("grade",), grade, f"{', '.join(grades[:-1])} or {grades[-1]}, or null")
    if score is not None and (isinstance(score, bool) or not isinstance(score, int) or not 1 <= score <= 99):
        fields.wrong(("score",), score, "a whole number from 1 to 99, or null")
    if end is not None and not isinstance(end, bool):
        fields.wrong(("end",), end, "true or false")
    reason, by = fields.text("reason", MAX_REASON), fields.text("by", MAX_OWNER)
    if not (reason or "").strip() and not fields.at("reason"):
        fields.missing("reason", f"why, in 1 to {MAX_REASON:,} characters")
    expires_at = fields.time("expires_at")
    if fields.is_object and end is not True and grade is None and score is None:
        fields.missing("grade", "a grade from A to D, a score from 1 to 99, or both")
    if end is True:
        for name in ("grade", "score", "expires_at"):
            if fields.data.get(name) is not None:
                fields.wrong((name,), fields.data[name], 'nothing beside "end": true')
    if fields.errors:
        raise refuse(fields.errors, "The override cannot be read", fields.places)
    text = (reason or "").strip()
    if end is True:
        return OverrideCall(None, text, (by or "").strip())
    override = OverrideInput(None if grade is None else Grade(grade), score, text, expires_at)
    return OverrideCall(override, text, (by or "").strip())


def read_batch(data: Mapping[str, Any], name: str) -> list[Any]:
    """The items of `{"<name>": […]}`, unread.

    Raises:
        Invalid: it is not a list of at least one, or another field is there.
        TooMany: more than 500; nothing is done.
    """
    fields = Fields(data, (), (name,))
    items = data.get(name)
    expected = f"a list of 1 to {MAX_BATCH} items"
    if isinstance(items, list) and len(items) > MAX_BATCH:
        raise TooMany(
            f"{name} has {len(items):,} items; expected at most {MAX_BATCH}. Nothing was done: send them in "
            f"parts.",
            errors=[FieldError(pointer((name,)), f"a list of {len(items)}", expected)],
            more={"limit": MAX_BATCH},
        )
    if name not in data:
        fields.missing(name, expected)
    elif not isinstance(items, list) or not items:
        fields.wrong((name,), items, expected)
    if fields.errors or not isinstance(items, list):
        raise refuse(fields.errors, "The call cannot be read", fields.places)
    return items


def read_query(query: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
    """Query parameters by name.

    Raises:
        Invalid: one is not known here, holds NUL, or is too long.
    """
    known = tuple(known)
    for name, value in query.items():
        if name not in known:
            expected = f"only {', '.join(known)}" if known else "no query parameters"
            raise _bad_query(printable(name[:80]), "a parameter that is not known here", expected)
        if CONTROL.search(value) or len(value) > 500:
            raise _bad_query(name, shown(value), "text of at most 500 characters without control characters")
    return dict(query.items())


def _bad_query(name: str, value: str, expected: str) -> Invalid:
    error = FieldError(f"query:{name}", value, expected)
    return Invalid(f"Query parameter {shown(name)} is {value}; expected {expected}.", errors=[error])


def read_limit(text: str | None, *, default: int, most: int) -> int:
    """How many rows a page holds."""
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= most:
        return int(text)
    raise _bad_query("limit", shown(text), f"a whole number from 1 to {most}")
