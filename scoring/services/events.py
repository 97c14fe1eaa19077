"""A lead's history: what changed is noted where it is written, in the same transaction.

Nothing changed, nothing costs: a caller keeps `before` (three references, no copy) and asks afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import User

from scoring.contracts import EventKind
from scoring.models import Lead, LeadEvent

FIELDS_NAMED = 12
LONGEST = 255


class Before(NamedTuple):
    """What of a lead the history follows. Attributes are replaced by writers, never changed in place."""

    stage: str
    owner: str
    attributes: Mapping[str, Any]


def before(lead: Lead) -> Before:
    """The lead as it is now, to be compared after a change."""
    return Before(lead.stage, lead.owner, lead.attributes)


def changes(
    lead: Lead,
    was: Before,
    *,
    by: str,
    as_of: datetime,
    person: User | None = None,
    details: Mapping[str, object] | None = None,
) -> list[LeadEvent]:
    """Events for what differs from `was`, not stored: stage, owner, and the attributes as one summary."""
    return differences(lead.pk, was, before(lead), by=by, as_of=as_of, person=person, details=details)


def differences(
    lead_id: UUID,
    was: Before,
    now: Before,
    *,
    by: str,
    as_of: datetime,
    person: User | None = None,
    details: Mapping[str, object] | None = None,
) -> list[LeadEvent]:
    """The same for a caller that holds no row."""
    found: list[LeadEvent] = []

    def note(kind: EventKind, old: str, new: str, more: Mapping[str, object] | None = None) -> None:
        found.append(
            LeadEvent(
                lead_id=lead_id,
                kind=kind.value,
                happened_at=as_of,
                recorded_at=as_of,
                was=old[:LONGEST],
                now=new[:LONGEST],
                by=by[:LONGEST],
                person=person,
                details={**(details or {}), **(more or {})},
            )
        )

    if now.stage != was.stage:
        note(EventKind.STAGE, was.stage, now.stage)
    if now.owner != was.owner:
        note(EventKind.OWNER, was.owner, now.owner)
    if now.attributes is not was.attributes:
        names = changed_names(was.attributes, now.attributes)
        if names:
            note(EventKind.ATTRIBUTES, "", "", {"fields": names[:FIELDS_NAMED], "count": len(names)})
    return found


def changed_names(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Names of attributes that were added, changed or cleared, in order."""
    changed = [name for name, value in new.items() if name not in old or _differs(old[name], value)]
    return changed + [name for name in old if name not in new]


def _differs(one: object, other: object) -> bool:
    # True equals 1 in Python and is another thing in a lead; 3 and "3" are told by systems that write it differently.
    if isinstance(one, bool) is not isinstance(other, bool):
        return True
    return one != other and str(one) != str(other)


def store_events(events: Sequence[LeadEvent]) -> None:
    """Insert events in one statement for many; call inside the transaction of the change."""
    if events:
        LeadEvent.objects.bulk_create(events, batch_size=500)


def note_event(
    lead_id: Any,
    kind: EventKind,
    *,
    by: str,
    as_of: datetime,
    was: str = "",
    now: str = "",
    person: User | None = None,
    details: Mapping[str, object] | None = None,
) -> LeadEvent:
    """Store one event of a lead."""
    return LeadEvent.objects.create(
        lead_id=lead_id,
        kind=kind.value,
        happened_at=as_of,
        recorded_at=as_of,
        was=was[:LONGEST],
        now=now[:LONGEST],
        by=by[:LONGEST],
        person=person,
        details=dict(details or {}),
    )
