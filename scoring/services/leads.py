"""Writing leads: upsert by identity, attributes merged.

What a caller leaves out stays as it was, what it sends as null is cleared; so a system that knows only two fields
never wipes out what another one told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import QuerySet

from leadscoring.common.bulk import insert_rows, update_rows
from scoring.contracts import LeadInput, LeadRefused
from scoring.ml.parsing import shown, unstorable
from scoring.models import Lead
from scoring.services import events
from scoring.services.search import index_leads

T = TypeVar("T")
MAX_ATTRIBUTES = 500
MAX_TEXT = 8192
MAX_ID = 255
MAX_OWNER = 255
MAX_NAME = 500
LARGEST_INTEGER = 2**63 - 1
TRIES = 4
IN_THE_WAY = frozenset({"40P01", "40001"})
"""What PostgreSQL says to a transaction that another one was in the way of: a deadlock, a serialization failure."""


def check_lead(lead: LeadInput) -> None:
    """Refuse what cannot be stored or read, naming the field, its value and what was expected.

    Raises:
        LeadRefused: one or more fields are not what they should be.
    """
    errors: list[dict[str, object]] = []
    id_problem = _text_problem("external_id", lead.external_id, MAX_ID)
    if id_problem is None and not lead.external_id.strip():
        id_problem = _wrong("external_id", lead.external_id, f"1 to {MAX_ID} characters, not only blanks")
    texts = (
        id_problem,
        _text_problem("owner", lead.owner or "", MAX_OWNER),
        _text_problem("stage", lead.stage or "", MAX_OWNER),
    )
    errors.extend(problem for problem in texts if problem is not None)
    if len(lead.attributes) > MAX_ATTRIBUTES:
        errors.append(
            {
                "field": "attributes",
                "value": f"{len(lead.attributes):,} attributes",
                "expected": f"at most {MAX_ATTRIBUTES}",
            }
        )
    else:
        for name, value in lead.attributes.items():
            problem = _attribute_problem(name, value)
            if problem is not None:
                errors.append(problem)
    if errors:
        first = errors[0]
        raise LeadRefused(
            f"Lead {lead.external_id[:80]!r}: {first['field']} is {first['value']}; expected {first['expected']}.",
            errors=tuple(errors),
        )


def _attribute_problem(name: str, value: object) -> dict[str, object] | None:
    if not _is_name(name):
        expected = f"a name of 1 to {MAX_NAME} readable characters"
        found = f"a name of {len(name):,} characters"
        return {"field": _field(name), "value": found, "expected": expected}
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable():
        return None
    return _value_problem(_field(name), value)


@lru_cache(maxsize=4096)
def _is_name(name: str) -> bool:
    # Leads of one system repeat the same few names.
    return 0 < len(name) <= MAX_NAME and unstorable(name) is None


def _field(name: str) -> str:
    return f"attributes.{shown(name)}"


def _value_problem(field: str, value: object) -> dict[str, object] | None:
    if isinstance(value, int):
        return (
            None
            if abs(value) <= LARGEST_INTEGER
            else _wrong(field, value, "a whole number of at most 64 bits")
        )
    if isinstance(value, float):
        return None if math.isfinite(value) else _wrong(field, value, "a finite number")
    if isinstance(value, str):
        return _text_problem(field, value, MAX_TEXT)
    kind = (
        "an object"
        if isinstance(value, Mapping)
        else "a list"
        if isinstance(value, list)
        else type(value).__name__
    )
    return _wrong(field, kind, "text, a number, true or false, or null")


def _text_problem(field: str, text: str, limit: int) -> dict[str, object] | None:
    if len(text) > limit:
        return _wrong(field, f"a text of {len(text):,} characters", f"at most {limit:,} characters")
    wrong = unstorable(text)
    return None if wrong is None else _wrong(field, text, f"text without {wrong}")


def _wrong(field: str, value: object, expected: str) -> dict[str, object]:
    return {"field": field, "value": shown(value), "expected": expected}


def retried(work: Callable[[], T]) -> T:
    """Do work in a transaction, again in a new one when another caller was in its way, a few times at most.

    Two callers may bring the same new lead at once: the insert of the second one fails, and its next try finds the
    row. Two callers that name one lead by different ids, since it was merged, may wait for each other: the database
    lets one go on, and the other tries again. What a failed try wrote is undone before the next one begins.

    Raises:
        IntegrityError, OperationalError: the last try failed as well, or it failed for a reason that stays.
    """
    for _ in range(TRIES - 1):
        try:
            with transaction.atomic():
                return work()
        except IntegrityError:
            continue
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) not in IN_THE_WAY:
                raise
    with transaction.atomic():
        return work()


def find_leads(source_system: str, external_ids: Sequence[str], *, lock: bool) -> dict[str, Lead]:
    """Known leads by external id; for the id of a merged lead the one that stands for it, so that two ids may name
    the same row. Only a merged lead costs a second query."""
    rows = Lead.objects.filter(source_system=source_system, external_id__in=external_ids)
    found = {lead.external_id: lead for lead in (locked(rows) if lock else rows)}
    if any(lead.merged_into_id is not None for lead in found.values()):
        return _follow_merges(found, lock=lock)
    return found


def _follow_merges(found: dict[str, Lead], *, lock: bool) -> dict[str, Lead]:
    """Each id with the lead that stands for it. `merged_into` always names the last of a chain."""
    here = {lead.pk: lead for lead in found.values()}
    named = {lead.merged_into_id for lead in found.values() if lead.merged_into_id is not None}
    away = named - here.keys()
    if away:
        rows = Lead.objects.filter(pk__in=away)
        here.update({lead.pk: lead for lead in (locked(rows) if lock else rows)})
    return {
        external_id: lead if lead.merged_into_id is None else here[lead.merged_into_id]
        for external_id, lead in found.items()
    }


def survivor_of(lead: Lead) -> Lead:
    """The lead that stands for this one: itself unless it was merged."""
    if lead.merged_into_id is None:
        return lead
    return Lead.objects.select_related("scored_by").get(pk=lead.merged_into_id)


def edit_lead(*, lead_id: UUID, owner: str, stage: str, by: User | None, as_of: datetime) -> Lead:
    """Owner and stage as a person set them. Nothing else is touched: the score may have moved meanwhile."""
    with transaction.atomic():
        lead = locked(Lead.objects.filter(pk=lead_id)).get()
        was = events.before(lead)
        lead.owner, lead.stage = owner, stage
        found = events.changes(lead, was, by=str(by or "admin"), person=by, as_of=as_of)
        if found:
            lead.updated_at = as_of
            lead.save(update_fields=["owner", "stage", "updated_at"])
            events.store_events(found)
            index_leads([], [lead])
    return lead


def locked(rows: QuerySet[Lead]) -> QuerySet[Lead]:
    """The same leads, kept from other writers until the transaction ends.

    They are locked in one order, so that two callers with the same leads queue up instead of deadlocking;
    SQLite has one writer at a time anyway.
    """
    rows = rows.order_by("id")
    return rows.select_for_update(no_key=True) if connection.vendor == "postgresql" else rows


def merged(known: Mapping[str, Any], sent: Mapping[str, object]) -> dict[str, Any]:
    """Attributes after an update: sent ones win, null clears."""
    return {name: value for name, value in {**known, **sent}.items() if value is not None}


def new_lead(source_system: str, external_id: str, as_of: datetime) -> Lead:
    """A lead not yet stored."""
    return Lead(
        source_system=source_system,
        external_id=external_id,
        attributes={},
        first_seen=as_of,
        updated_at=as_of,
    )


def apply_input(lead: Lead, sent: LeadInput, as_of: datetime) -> bool:
    """Put what was sent onto a row (not stored here). Returns whether anything changed."""
    before = (lead.attributes, lead.created, lead.owner, lead.stage)
    lead.attributes = merged(lead.attributes, sent.attributes)
    if sent.created_at is not None:
        lead.created = sent.created_at
    if sent.owner is not None:
        lead.owner = sent.owner
    if sent.stage is not None:
        lead.stage = sent.stage
    changed = before != (lead.attributes, lead.created, lead.owner, lead.stage)
    if changed:
        lead.updated_at = as_of
        lead.told_anew = True
    return changed


WRITTEN = [
    "attributes",
    "created",
    "owner",
    "stage",
    "updated_at",
    "awaiting_score",
    "score",
    "grade",
    "scored_at",
    "scored_by",
]


def store_leads(new: Sequence[Lead], changed: Sequence[Lead]) -> None:
    """Insert and update in as few statements as the database allows; call inside a transaction."""
    if new:
        # In one order for everybody: two batches with the same new leads would wait for each other's.
        ordered = sorted(new, key=lambda lead: lead.external_id)
        insert_rows(Lead, ordered)
    if len(changed) == 1:
        changed[0].save(update_fields=WRITTEN)
    elif changed:
        update_rows(Lead, changed, WRITTEN)
    index_leads(new, [lead for lead in changed if lead.told_anew])
