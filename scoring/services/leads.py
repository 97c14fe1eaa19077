"""Writing leads: upsert by identity, attributes merged.

What a caller leaves out stays as it was, what it sends as null is cleared; so a system that knows only two fields
never wipes out what another one told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from scoring.contracts import LeadInput, LeadRefused
from scoring.models import Lead

MAX_ATTRIBUTES = 500
MAX_TEXT = 8192
MAX_ID = 255
MAX_NAME = 500


def check_lead(lead: LeadInput) -> None:
    """Refuse what cannot be stored or read, naming the field, its value and what was expected.

    Raises:
        LeadRefused: one or more fields are not what they should be.
    """
    errors: list[dict[str, object]] = []
    if not lead.external_id.strip() or len(lead.external_id) > MAX_ID:
        errors.append(
            {
                "field": "external_id",
                "value": lead.external_id[:80],
                "expected": f"1 to {MAX_ID} characters, not only blanks",
            }
        )
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
    field = f"attributes.{name[:80]}"
    if not name or len(name) > MAX_NAME:
        return {
            "field": field,
            "value": f"a name of {len(name):,} characters",
            "expected": f"1 to {MAX_NAME}",
        }
    if value is None or isinstance(value, bool | int | float):
        return None
    if isinstance(value, str):
        if len(value) <= MAX_TEXT:
            return None
        return {
            "field": field,
            "value": f"a text of {len(value):,} characters",
            "expected": f"at most {MAX_TEXT:,} characters",
        }
    kind = (
        "an object"
        if isinstance(value, Mapping)
        else "a list"
        if isinstance(value, list)
        else type(value).__name__
    )
    return {"field": field, "value": kind, "expected": "text, a number, true or false, or null"}


def find_leads(source_system: str, external_ids: Sequence[str], *, lock: bool) -> dict[str, Lead]:
    """Known leads by external id. On PostgreSQL the rows are locked in one order until the transaction ends, so
    that two callers with the same leads queue up instead of deadlocking; SQLite has one writer at a time anyway."""
    rows = Lead.objects.filter(source_system=source_system, external_id__in=external_ids).order_by("id")
    if lock and connection.vendor == "postgresql":
        rows = rows.select_for_update(no_key=True)
    return {lead.external_id: lead for lead in rows}


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
        Lead.objects.bulk_create(new)
    if len(changed) == 1:
        changed[0].save(update_fields=WRITTEN)
    elif changed:
        Lead.objects.bulk_update(changed, WRITTEN, batch_size=200)
