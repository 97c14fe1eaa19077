"""Storing a compared chunk: COPY and set-wise updates on PostgreSQL, bulk inserts elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from scoring import signals
from scoring.models import Lead, Outcome


class LeadRow(NamedTuple):
    """What a file tells of a lead; `position` is its row in the file."""

    id: UUID
    external_id: str
    attributes: dict[str, Any]
    created: datetime | None
    owner: str
    stage: str
    position: int


class OutcomeRow(NamedTuple):
    """An outcome to add."""

    lead_id: UUID
    kind: str
    occurred_at: datetime | None
    revenue: Decimal | None
    currency: str


@dataclass(frozen=True, slots=True)
class Place:
    """What all rows of a chunk have in common."""

    source: str
    run_id: int | None
    as_of: datetime
    reported_by: str


def store_chunk(
    place: Place,
    new: Sequence[LeadRow],
    changed: Sequence[LeadRow],
    added: Sequence[OutcomeRow],
    withdrawn: Sequence[int],
) -> None:
    """Write it all; call inside the transaction that found out what is new and what changed."""
    # In one order for everybody: two callers with the same new leads would wait for each other's.
    new = sorted(new, key=lambda lead: lead.external_id)
    copies = connection.vendor == "postgresql"
    if new:
        (_copy_leads if copies else _insert_leads)(place, new)
    if changed:
        (_set_leads if copies else _upsert_leads)(place, changed)
    if withdrawn:
        Outcome.objects.filter(pk__in=withdrawn).update(is_current=False)
    if added:
        ids = (_copy_outcomes if copies else _insert_outcomes)(place, added)
        signals.outcomes_recorded.send(sender=Outcome, ids=ids)


# --- PostgreSQL ---------------------------------------------------------------------------------------


def _copy_leads(place: Place, new: Iterable[LeadRow]) -> None:
    as_of = place.as_of.isoformat()
    source, run = _text(place.source), _or_null(place.run_id)
    fixed = f"f\t\\N\t\t\\N\t\\N\t{as_of}\t{as_of}\n"
    _copy(
        "scoring_lead (id, source_system, external_id, attributes, created, owner, stage, file_position, "
        "import_run_id, awaiting_score, score, grade, scored_at, scored_by_id, first_seen, updated_at)",
        [
            f"{lead.id}\t{source}\t{_text(lead.external_id)}\t{_text(_json(lead.attributes))}\t"
            f"{_moment(lead.created)}\t{_text(lead.owner)}\t{_text(lead.stage)}\t{lead.position}\t{run}\t{fixed}"
            for lead in new
        ],
    )


def _copy_outcomes(place: Place, added: Sequence[OutcomeRow]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('scoring_outcome', 'id')) FROM generate_series(1, %s)",
            [len(added)],
        )
        ids = [int(row[0]) for row in cursor.fetchall()]
    as_of, reporter = place.as_of.isoformat(), _text(place.reported_by)
    _copy(
        "scoring_outcome (id, lead_id, kind, occurred_at, revenue, currency, is_current, recorded_at, reported_by)",
        [
            f"{pk}\t{row.lead_id}\t{row.kind}\t{_moment(row.occurred_at)}\t{_or_null(row.revenue)}\t"
            f"{row.currency}\tt\t{as_of}\t{reporter}\n"
            for pk, row in zip(ids, added, strict=True)
        ],
    )
    return ids


def _set_leads(place: Place, changed: Sequence[LeadRow]) -> None:
    # One statement for all of them; the rows are locked already, in the order of their ids.
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE scoring_lead AS lead
            SET attributes = sent.attributes, created = sent.created, owner = sent.owner, stage = sent.stage,
                file_position = sent.position, import_run_id = %s, updated_at = %s
            FROM unnest(%s::uuid[], %s::jsonb[], %s::timestamptz[], %s::text[], %s::text[], %s::bigint[])
                AS sent (id, attributes, created, owner, stage, position)
            WHERE lead.id = sent.id
            """,
            [
                place.run_id,
                place.as_of,
                [lead.id for lead in changed],
                [_json(lead.attributes) for lead in changed],
                [lead.created for lead in changed],
                [lead.owner for lead in changed],
                [lead.stage for lead in changed],
                [lead.position for lead in changed],
            ],
        )


def _copy(target: str, lines: Sequence[str]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        copy.write("".join(lines))


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _text(value: str) -> str:
    """A text as COPY's text format has it."""
    return value if value.isprintable() and "\\" not in value else value.translate(_ESCAPES)


_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _json(attributes: dict[str, Any]) -> str:
    return _dumps(attributes)


def _moment(value: datetime | None) -> str:
    return "\\N" if value is None else value.isoformat()


def _or_null(value: object) -> str:
    return "\\N" if value is None else str(value)


# --- Any database -------------------------------------------------------------------------------------


def _lead(place: Place, row: LeadRow) -> Lead:
    return Lead(
        id=row.id,
        source_system=place.source,
        external_id=row.external_id,
        attributes=row.attributes,
        created=row.created,
        owner=row.owner,
        stage=row.stage,
        file_position=row.position,
        import_run_id=place.run_id,
        first_seen=place.as_of,
        updated_at=place.as_of,
    )


def _insert_leads(place: Place, new: Sequence[LeadRow]) -> None:
    Lead.objects.bulk_create([_lead(place, row) for row in new], batch_size=500)


def _upsert_leads(place: Place, changed: Sequence[LeadRow]) -> None:
    # An upsert writes all changed rows in one statement; bulk_update's CASE grows with rows times columns.
    Lead.objects.bulk_create(
        [_lead(place, row) for row in changed],
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


def _insert_outcomes(place: Place, added: Sequence[OutcomeRow]) -> list[int]:
    made = Outcome.objects.bulk_create(
        [
            Outcome(
                lead_id=row.lead_id,
                kind=row.kind,
                occurred_at=row.occurred_at,
                revenue=row.revenue,
                currency=row.currency,
                recorded_at=place.as_of,
                reported_by=place.reported_by,
            )
            for row in added
        ],
        batch_size=500,
    )
    return [outcome.pk for outcome in made]
