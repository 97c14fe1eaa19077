"""Writing a chunk of file leads: what is new, what changed, and what stays untouched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from leadscoring.common.ids import uuid7
from scoring.models import Lead, LeadEvent, Outcome
from scoring.services import events
from scoring.services.imports import store
from scoring.services.imports.merged import give_way, holds_against, is_merged_id, reported_through
from scoring.services.imports.rows import FileLead
from scoring.services.imports.store import LeadRow, OutcomeRow
from scoring.services.leads import locked, merged

COLUMNS = ("id", "external_id", "attributes", "created", "owner", "stage")


@dataclass(frozen=True, slots=True)
class Written:
    """Counts of one chunk."""

    created: int
    updated: int
    unchanged: int
    outcomes: int


class _Said(NamedTuple):
    """What an outcome says; two that say the same are one."""

    kind: str
    occurred_at: datetime | None
    revenue: Decimal | None
    currency: str


class _Current(NamedTuple):
    """The outcome that holds; without a key while it is one of this chunk."""

    pk: int | None
    said: _Said
    reported_by: str


def write_chunk(
    rows: Sequence[FileLead],
    *,
    source: str,
    currency: str,
    run_id: int | None,
    reported_by: str,
    as_of: datetime,
    dry_run: bool,
) -> Written:
    """Upsert leads and their outcomes; call inside a transaction, and again in a new one after an IntegrityError:
    another caller brought the same new lead. Rows that say what is known already write nothing."""
    known = _known(source, [row.external_id for row in rows], lock=not dry_run)
    rows = give_way(rows, known)
    new: list[LeadRow] = []
    changed: dict[UUID, LeadRow] = {}
    history: list[LeadEvent] = []
    leads: dict[str, LeadRow] = {}
    for row in rows:
        found = known.get(row.external_id)
        if found is None:
            leads[row.external_id] = fresh = _fresh(row)
            new.append(fresh)
            continue
        leads[row.external_id] = found
        # Another row of this chunk may have told of the same lead: two ids of a merged one.
        was = changed.get(found.id, found)
        after = _after(was, row)
        if after is not None:
            changed[found.id] = after
            history += events.differences(
                found.id,
                events.Before(was.stage, was.owner, was.attributes),
                events.Before(after.stage, after.owner, after.attributes),
                by=reported_by,
                as_of=as_of,
                details={"import_run": run_id},
            )
    added, withdrawn = _outcomes(rows, leads, known, currency, reported_by)
    if not dry_run:
        place = store.Place(source=source, run_id=run_id, as_of=as_of)
        store.store_chunk(place, new, list(changed.values()), added, list(withdrawn))
        events.store_events(history)
    fresh_ids = {lead.id for lead in new}
    touched = {outcome.lead_id for outcome in added} | set(withdrawn.values())
    updated = set(changed) | (touched - fresh_ids)
    return Written(
        created=len(new),
        updated=len(updated),
        # Two ids of a merged lead are one lead that changed.
        unchanged=max(len(rows) - len(new) - len(updated), 0),
        outcomes=len(added),
    )


def _known(source: str, external_ids: Sequence[str], *, lock: bool) -> dict[str, LeadRow]:
    rows = Lead.objects.filter(source_system=source, external_id__in=external_ids)
    here: dict[UUID, LeadRow] = {}
    into: dict[str, UUID] = {}
    for *told, merged_into in (locked(rows) if lock else rows).values_list(*COLUMNS, "merged_into_id"):
        row = LeadRow._make((*told, 0))
        here[row.id] = row
        into[row.external_id] = merged_into or row.id
    away = set(into.values()) - here.keys()
    if away:
        # Only a merged lead costs a second query: its rows tell the lead that stands for it.
        others = Lead.objects.filter(pk__in=away)
        here |= {
            told[0]: LeadRow._make((*told, 0))
            for told in (locked(others) if lock else others).values_list(*COLUMNS)
        }
    return {external_id: here[lead_id] for external_id, lead_id in into.items()}


def _fresh(row: FileLead) -> LeadRow:
    return LeadRow(uuid7(), row.external_id, row.attributes, row.created, row.owner, row.stage, row.number)


def _after(was: LeadRow, row: FileLead) -> LeadRow | None:
    """The lead as it is after this row, or None when the row says nothing new."""
    now = was._replace(
        attributes=merged(was.attributes, row.attributes),
        created=row.created or was.created,
        owner=row.owner or was.owner,
        stage=row.stage or was.stage,
    )
    return None if now == was else now._replace(position=row.number)


def _outcomes(
    rows: Sequence[FileLead],
    leads: dict[str, LeadRow],
    known: dict[str, LeadRow],
    currency: str,
    reported_by: str,
) -> tuple[list[OutcomeRow], dict[int, UUID]]:
    """Outcomes to add, and current ones to withdraw (by key, with their lead)."""
    current = _current([lead.id for lead in known.values()])
    added: dict[UUID, OutcomeRow] = {}
    withdrawn: dict[int, UUID] = {}
    for row in rows:
        lead = leads[row.external_id]
        was = current.get(lead.id)
        via = is_merged_id(row, lead)
        if was is not None and holds_against(
            was.said.kind, was.reported_by, row, via=via, reported_by=reported_by
        ):
            continue
        if row.outcome is None:
            # The file says "not (yet)". It takes back only what a file said: other reporters know better.
            if was is not None and was.pk is not None and was.reported_by == reported_by:
                withdrawn[was.pk] = lead.id
                del current[lead.id]
            continue
        money = currency if row.revenue is not None else ""
        said = _Said(row.outcome.value, row.occurred_at, row.revenue, money)
        if was is not None:
            if was.said == said:
                continue
            # Without a key it was said by another row of this chunk about the same merged lead, and is replaced.
            if was.pk is not None:
                withdrawn[was.pk] = lead.id
        by = reported_through(reported_by, row) if via else reported_by
        added[lead.id] = OutcomeRow(lead.id, *said, by)
        current[lead.id] = _Current(None, said, by)
    return list(added.values()), withdrawn


def _current(lead_ids: Sequence[UUID]) -> dict[UUID, _Current]:
    if not lead_ids:
        return {}
    found = Outcome.objects.filter(lead_id__in=lead_ids, is_current=True).values_list(
        "lead_id", "pk", "reported_by", "kind", "occurred_at", "revenue", "currency"
    )
    return {row[0]: _Current(row[1], _Said(*row[3:]), row[2]) for row in found}
