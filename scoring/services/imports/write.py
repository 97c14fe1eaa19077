"""Writing a chunk of file leads: what is new, what changed, and what stays untouched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from scoring import signals
from scoring.models import Lead, LeadEvent, Outcome
from scoring.services import events
from scoring.services.imports.merged import give_way, holds_against, is_merged_id, reported_through
from scoring.services.imports.rows import FileLead
from scoring.services.leads import find_leads, merged, new_lead, retry_once
from scoring.services.outcomes import same_outcome
from scoring.services.search import index_leads


@dataclass(frozen=True, slots=True)
class Written:
    """Counts of one chunk."""

    created: int
    updated: int
    unchanged: int
    outcomes: int


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
    """Upsert leads and their outcomes in one transaction. Rows that say what is known already write nothing."""
    return retry_once(
        lambda: _write(
            rows,
            source=source,
            currency=currency,
            run_id=run_id,
            reported_by=reported_by,
            as_of=as_of,
            dry_run=dry_run,
        )
    )


def _write(
    rows: Sequence[FileLead],
    *,
    source: str,
    currency: str,
    run_id: int | None,
    reported_by: str,
    as_of: datetime,
    dry_run: bool,
) -> Written:
    known = find_leads(source, [row.external_id for row in rows], lock=not dry_run)
    rows = give_way(rows, known)
    new: list[Lead] = []
    touched_leads: dict[UUID, Lead] = {}
    history: list[LeadEvent] = []
    leads: dict[str, Lead] = {}
    for row in rows:
        lead = known.get(row.external_id)
        if lead is None:
            lead = new_lead(source, row.external_id, as_of)
            _apply(lead, row, run_id)
            new.append(lead)
        else:
            was = events.before(lead)
            if _apply(lead, row, run_id):
                lead.updated_at = as_of
                touched_leads[lead.pk] = lead
                history += events.changes(
                    lead, was, by=reported_by, as_of=as_of, details={"import_run": run_id}
                )
        leads[row.external_id] = lead
    changed = list(touched_leads.values())
    added, withdrawn = _outcomes(rows, leads, known, currency, reported_by, as_of)
    touched = {outcome.lead_id for outcome in added} | set(withdrawn.values())
    if not dry_run:
        _store(new, changed, added, list(withdrawn))
        events.store_events(history)
    updated = {lead.pk for lead in changed} | (touched - {lead.pk for lead in new})
    return Written(
        created=len(new),
        updated=len(updated),
        # Two ids of a merged lead are one lead that changed.
        unchanged=max(len(rows) - len(new) - len(updated), 0),
        outcomes=len(added),
    )


def _apply(lead: Lead, row: FileLead, run_id: int | None) -> bool:
    before = (lead.attributes, lead.created, lead.owner, lead.stage)
    lead.attributes = merged(lead.attributes, row.attributes)
    lead.created = row.created or lead.created
    lead.owner = row.owner or lead.owner
    lead.stage = row.stage or lead.stage
    changed = before != (lead.attributes, lead.created, lead.owner, lead.stage)
    if changed or lead._state.adding:
        lead.file_position = row.number
        lead.import_run_id = run_id
    return changed


def _outcomes(
    rows: Sequence[FileLead],
    leads: dict[str, Lead],
    known: dict[str, Lead],
    currency: str,
    reported_by: str,
    as_of: datetime,
) -> tuple[list[Outcome], dict[int, object]]:
    """Outcomes to add, and current ones to withdraw (by key, with their lead)."""
    current = {
        outcome.lead_id: outcome
        for outcome in Outcome.objects.filter(
            lead_id__in=[lead.pk for lead in known.values()], is_current=True
        )
    }
    added: list[Outcome] = []
    withdrawn: dict[int, object] = {}
    for row in rows:
        lead = leads[row.external_id]
        was = current.get(lead.pk)
        via = is_merged_id(row, lead)
        if was is not None and holds_against(was, row, via=via, reported_by=reported_by):
            continue
        if row.outcome is None:
            # The file says "not (yet)". It takes back only what a file said: other reporters know better.
            if was is not None and not was._state.adding and was.reported_by == reported_by:
                withdrawn[was.pk] = lead.pk
                del current[lead.pk]
            continue
        outcome = Outcome(
            lead=lead,
            kind=row.outcome.value,
            occurred_at=row.occurred_at,
            revenue=row.revenue,
            currency=currency if row.revenue is not None else "",
            recorded_at=as_of,
            reported_by=reported_through(reported_by, row) if via else reported_by,
        )
        if was is not None:
            if same_outcome(was, outcome):
                continue
            if was._state.adding:
                # Said by another row of this chunk about the same merged lead.
                added.remove(was)
            else:
                withdrawn[was.pk] = lead.pk
        added.append(outcome)
        current[lead.pk] = outcome
    return added, withdrawn


def _store(
    new: Sequence[Lead], changed: Sequence[Lead], added: Sequence[Outcome], withdrawn: Sequence[int]
) -> None:
    Lead.objects.bulk_create(sorted(new, key=lambda lead: lead.external_id), batch_size=500)
    if changed:
        # An upsert writes all changed rows in one statement; bulk_update's CASE grows with rows times columns.
        Lead.objects.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["source_system", "external_id"],
            update_fields=[
                "attributes",
                "created",
                "owner",
                "stage",
                "file_position",
                "import_run",
                "updated_at",
            ],
            batch_size=500,
        )
    index_leads(new, changed)
    if withdrawn:
        Outcome.objects.filter(pk__in=withdrawn).update(is_current=False)
    if added:
        Outcome.objects.bulk_create(added, batch_size=500)
        signals.outcomes_recorded.send(sender=Outcome, ids=[outcome.pk for outcome in added])
