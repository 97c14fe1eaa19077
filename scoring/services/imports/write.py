"""Writing a chunk of file leads: what is new, what changed, and what stays untouched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from leadscoring.common.ids import uuid7
from scoring.models import Lead, Outcome
from scoring.services.imports import store
from scoring.services.imports.rows import FileLead
from scoring.services.imports.store import LeadRow, OutcomeRow
from scoring.services.leads import locked, merged


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
    pk: int
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
    new: list[LeadRow] = []
    changed: list[LeadRow] = []
    ids: dict[str, UUID] = {}
    for row in rows:
        was = known.get(row.external_id)
        if was is None:
            fresh = _fresh(row)
            new.append(fresh)
            ids[row.external_id] = fresh.id
            continue
        ids[row.external_id] = was.id
        after = _after(was, row)
        if after is not None:
            changed.append(after)
    added, withdrawn = _outcomes(rows, ids, known, currency, reported_by)
    if not dry_run:
        place = store.Place(source=source, run_id=run_id, as_of=as_of, reported_by=reported_by)
        store.store_chunk(place, new, changed, added, list(withdrawn))
    fresh_ids = {lead.id for lead in new}
    touched = {outcome.lead_id for outcome in added} | set(withdrawn.values())
    updated = {lead.id for lead in changed} | (touched - fresh_ids)
    return Written(
        created=len(new),
        updated=len(updated),
        unchanged=len(rows) - len(new) - len(updated),
        outcomes=len(added),
    )


def _known(source: str, external_ids: Sequence[str], *, lock: bool) -> dict[str, LeadRow]:
    rows = Lead.objects.filter(source_system=source, external_id__in=external_ids)
    found = (locked(rows) if lock else rows).values_list(
        "id", "external_id", "attributes", "created", "owner", "stage"
    )
    return {row[1]: LeadRow(*row, 0) for row in found}


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
    ids: dict[str, UUID],
    known: dict[str, LeadRow],
    currency: str,
    reported_by: str,
) -> tuple[list[OutcomeRow], dict[int, UUID]]:
    """Outcomes to add, and current ones to withdraw (by key, with their lead)."""
    current = _current([lead.id for lead in known.values()])
    added: list[OutcomeRow] = []
    withdrawn: dict[int, UUID] = {}
    for row in rows:
        lead_id = ids[row.external_id]
        was = current.get(lead_id)
        if row.outcome is None:
            # The file says "not (yet)". It takes back only what a file said: other reporters know better.
            if was is not None and was.reported_by == reported_by:
                withdrawn[was.pk] = lead_id
            continue
        money = currency if row.revenue is not None else ""
        said = _Said(row.outcome.value, row.occurred_at, row.revenue, money)
        if was is not None:
            if was.said == said:
                continue
            withdrawn[was.pk] = lead_id
        added.append(OutcomeRow(lead_id, *said))
    return added, withdrawn


def _current(lead_ids: Sequence[UUID]) -> dict[UUID, _Current]:
    if not lead_ids:
        return {}
    found = Outcome.objects.filter(lead_id__in=lead_ids, is_current=True).values_list(
        "lead_id", "pk", "reported_by", "kind", "occurred_at", "revenue", "currency"
    )
    return {row[0]: _Current(row[1], _Said(*row[3:]), row[2]) for row in found}
