"""The filters of the lead list, by the names they have in its address.

One place for all who read such an address: the list itself, a saved view, a rescoring, an export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from scoring.contracts import Grade
from scoring.models import Lead, ModelVersion, Outcome
from scoring.selectors.distinct import first_values
from scoring.selectors.search import search_leads

Rows = QuerySet[Lead]
LARGEST_NUMBER = 2**31 - 1
MOST_OWNERS = 2000
# When a lead arose: at its source where that is known, else when it first came here.
CAME = Coalesce("created", "first_seen")

GRADES = tuple((g.value, g.value) for g in Grade)
OUTCOMES = (("converted", "converted"), ("lost", "lost"), ("open", "none yet"))
SCORED = (("yes", "scored"), ("waiting", "waiting for a model"), ("never", "not scored"))
WHEN = (
    ("7", "in the last 7 days"),
    ("30", "in the last 30 days"),
    ("not7", "not in the last 7 days"),
    ("not30", "not in the last 30 days"),
    ("not90", "not in the last 90 days"),
)
AGES = (
    ("7", "up to 7 days"),
    ("30", "up to 30 days"),
    ("90", "up to 90 days"),
    ("older", "older than 90 days"),
)
WHOSE = (("mine", "mine"), ("nobody", "nobody's"))
# What an address of the list may hold beside filters: search, order, page, which view, all rows on one page.
BESIDE = ("o", "p", "all", "view", "e")


class BadFilter(ValueError):
    """A value that a filter does not know; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks, and when: what "mine" and "the last 7 days" mean."""

    names: tuple[str, ...]
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The leads, and in words every part of the address that means nothing here and was left out."""

    rows: Rows
    problems: tuple[str, ...]


def _one_of(value: str, options: Iterable[tuple[str, str]]) -> str:
    known = [key for key, _ in options]
    if value not in known:
        raise BadFilter(f"one of {', '.join(known)}")
    return value


def _grade(rows: Rows, value: str, reader: Reader) -> Rows:
    return rows.filter(grade=_one_of(value, GRADES))


def _outcome(rows: Rows, value: str, reader: Reader) -> Rows:
    current = Outcome.objects.filter(lead=OuterRef("pk"), is_current=True)
    if _one_of(value, OUTCOMES) == "open":
        return rows.exclude(Exists(current))
    return rows.filter(Exists(current.filter(kind=value)))


def _scored(rows: Rows, value: str, reader: Reader) -> Rows:
    if _one_of(value, SCORED) == "waiting":
        return rows.filter(awaiting_score=True)
    return rows.filter(score__isnull=value == "never")


def _when(rows: Rows, value: str, reader: Reader) -> Rows:
    days = int(_one_of(value, WHEN).removeprefix("not"))
    since = reader.as_of - timedelta(days=days)
    return rows.filter(scored_at__lt=since) if value.startswith("not") else rows.filter(scored_at__gte=since)


def _age(rows: Rows, value: str, reader: Reader) -> Rows:
    if _one_of(value, AGES) == "older":
        return rows.alias(came=CAME).filter(came__lt=reader.as_of - timedelta(days=90))
    return rows.alias(came=CAME).filter(came__gte=reader.as_of - timedelta(days=int(value)))


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise BadFilter("a day such as 2026-03-14") from None


def _from(rows: Rows, value: str, reader: Reader) -> Rows:
    return rows.alias(came=CAME).filter(came__gte=datetime.combine(_day(value), time.min, UTC))


def _to(rows: Rows, value: str, reader: Reader) -> Rows:
    return rows.alias(came=CAME).filter(came__lte=datetime.combine(_day(value), time.max, UTC))


def _whose(rows: Rows, value: str, reader: Reader) -> Rows:
    if _one_of(value, WHOSE) == "nobody":
        return rows.filter(owner="")
    return rows.filter(owner__in=reader.names) if reader.names else rows.none()


def _owner(rows: Rows, value: str, reader: Reader) -> Rows:
    known = first_values(Lead, "owner", most=MOST_OWNERS)
    if len(known) >= MOST_OWNERS:
        return rows.filter(owner__startswith=value)
    # By whole names, which the index by owner answers in any collation.
    return rows.filter(owner__in=[name for name in known if name.casefold().startswith(value.casefold())])


def version_key(number: str) -> int | None:
    """The key of the version with this number; None where there is none, or where it is no number."""
    if not number.isdecimal() or not number.isascii() or int(number) > LARGEST_NUMBER:
        return None
    return ModelVersion.objects.filter(number=int(number)).values_list("pk", flat=True).first()


def _version(rows: Rows, value: str, reader: Reader) -> Rows:
    if not value.isdecimal() or not value.isascii():
        raise BadFilter("the number of a model version")
    if rows.query.is_empty():
        return rows
    # By key, known before the leads are read: PostgreSQL then knows how many leads to expect.
    key = version_key(value)
    return rows.none() if key is None else rows.filter(scored_by_id=key)


Apply = Callable[[Rows, str, Reader], Rows]
FILTERS: dict[str, Apply] = {
    "grade": _grade,
    "outcome": _outcome,
    "scored": _scored,
    "when": _when,
    "age": _age,
    "created_from": _from,
    "created_to": _to,
    "whose": _whose,
    "owner": _owner,
    "stage": lambda rows, value, reader: rows.filter(stage=value),
    "source": lambda rows, value, reader: rows.filter(source_system=value),
    "version": _version,
}


def listed() -> Rows:
    """Every lead that lists, rescorings and exports deal with: merged ones are shown by the lead they went into."""
    return Lead.objects.filter(merged_into__isnull=True)


def narrow(rows: Rows, address: Mapping[str, str], reader: Reader) -> Narrowed:
    """Leads that an address asks for: its filters and its search (`q`)."""
    clean, problems = check(address, reader)
    for name, value in clean.items():
        if name == "q":
            rows = search_leads(rows, value)
        elif name in FILTERS:
            rows = FILTERS[name](rows, value, reader)
    return Narrowed(rows, problems)


def check(address: Mapping[str, str], reader: Reader) -> tuple[dict[str, str], tuple[str, ...]]:
    """The parts of an address that this list knows, and in words the ones that it does not."""
    clean: dict[str, str] = {}
    problems = []
    for name, sent in address.items():
        value = sent.replace("\x00", "").strip()
        if name in FILTERS and value:
            try:
                FILTERS[name](Lead.objects.none(), value, reader)
            except BadFilter as error:
                problems.append(f"{name[:40]} is “{value[:60]}”; expected {error}")
                continue
            clean[name] = value
        elif name == "p":
            if value.isdecimal() and value.isascii() and len(value) < 6:
                clean[name] = value
        elif name == "q" or name in BESIDE:
            clean[name] = value
        elif value:
            problems.append(f"“{name[:40]}” is no filter of this list")
    return clean, tuple(problems)


def names_of(*names: str) -> tuple[str, ...]:
    """Ways to write one person's name as the owner of leads: as given and in small letters; none of blanks."""
    given = [name.strip() for name in names if name.strip()]
    return tuple(dict.fromkeys([*given, *(name.casefold() for name in given)]))


def by_grade(rows: Rows) -> dict[str, int]:
    """How many leads of each grade; "" for those without a score. Counts them all, however many."""
    counted = rows.order_by().values_list("grade").annotate(n=Count("pk"))
    return {str(grade): int(n) for grade, n in counted}
