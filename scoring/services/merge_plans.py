"""What a merge would make of two leads: read for the preview, and followed to the letter by the merge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from scoring.contracts import OutcomeKind
from scoring.models import Lead, Outcome

PLAIN = ("owner", "stage")


@dataclass(frozen=True, slots=True)
class Line:
    """One field of a merge: what both say, what the surviving lead will say, and whose value that is."""

    name: str
    survivor: object
    merged: object
    result: object
    taken: bool
    conflict: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a merge would make of the surviving lead. `outcome` is the one it would take over, if any."""

    survivor: Lead
    merged: Lead
    attributes: tuple[Line, ...]
    fields: tuple[Line, ...]
    outcome: Outcome | None
    own_outcome: Outcome | None
    merged_outcome: Outcome | None

    @property
    def newer(self) -> Lead:
        """The lead that is believed where both say something else."""
        return _newer(self.survivor, self.merged)

    @property
    def taken(self) -> int:
        """How many values come from the merged lead."""
        return sum(line.taken for line in (*self.attributes, *self.fields))

    @property
    def conflicts(self) -> int:
        """How many fields both leads fill differently."""
        return sum(line.conflict for line in (*self.attributes, *self.fields))


def _newer(survivor: Lead, merged: Lead) -> Lead:
    return merged if merged.updated_at > survivor.updated_at else survivor


def older_first(one: Lead, other: Lead) -> tuple[Lead, Lead]:
    """The usual choice: the lead known longer stands for both."""

    def age(lead: Lead) -> tuple[datetime, UUID]:
        return (lead.created or lead.first_seen, lead.pk)

    return (one, other) if age(one) <= age(other) else (other, one)


def plan_merge(survivor: Lead, merged: Lead) -> Plan:
    """What the merge would do; writes nothing."""
    prefer_merged = _newer(survivor, merged) is merged
    names = sorted(survivor.attributes.keys() | merged.attributes.keys())
    attributes = tuple(
        _line(name, survivor.attributes.get(name), merged.attributes.get(name), prefer_merged)
        for name in names
    )
    fields = [
        _line(name, getattr(survivor, name) or None, getattr(merged, name) or None, prefer_merged)
        for name in PLAIN
    ]
    # A person who came twice came first when they came first.
    both = [at for at in (survivor.created, merged.created) if at is not None]
    earliest = min(both) if both else None
    fields.append(
        Line(
            "created",
            survivor.created,
            merged.created,
            earliest,
            taken=earliest != survivor.created,
            conflict=len(set(both)) == 2,
        )
    )
    current = {
        outcome.lead_id: outcome
        for outcome in Outcome.objects.filter(lead__in=[survivor, merged], is_current=True)
    }
    own, other = current.get(survivor.pk), current.get(merged.pk)
    return Plan(
        survivor, merged, attributes, tuple(fields), other if _takes(own, other) else None, own, other
    )


def _line(name: str, mine: object, theirs: object, prefer_merged: bool) -> Line:
    conflict = mine is not None and theirs is not None and (mine != theirs or type(mine) is not type(theirs))
    taken = theirs is not None and (mine is None or (conflict and prefer_merged))
    return Line(name, mine, theirs, theirs if taken else mine, taken=taken, conflict=conflict)


def _takes(own: Outcome | None, other: Outcome | None) -> bool:
    """Whether the merged lead's outcome becomes the survivor's. A conversion outweighs "lost", which is how a
    duplicate is often closed; otherwise the later report holds."""
    if own is None or other is None:
        return other is not None
    if own.kind != other.kind:
        return other.kind == OutcomeKind.CONVERTED
    return other.recorded_at > own.recorded_at and (own.occurred_at, own.revenue) != (
        other.occurred_at,
        other.revenue,
    )
