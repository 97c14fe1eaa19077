"""Storing a compared chunk of leads and outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import connection, models

from leadscoring.common.bulk import insert_rows, update_rows
from scoring import signals
from scoring.models import Lead, Outcome
from scoring.services.search import index_leads

Row = TypeVar("Row", bound=models.Model)
CHANGED = ("attributes", "created", "owner", "stage", "file_position", "import_run", "updated_at")


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
    reported_by: str


@dataclass(frozen=True, slots=True)
class Place:
    """What all rows of a chunk have in common."""

    source: str
    run_id: int | None
    as_of: datetime


def store_chunk(
    place: Place,
    new: Sequence[LeadRow],
    changed: Sequence[LeadRow],
    added: Sequence[OutcomeRow],
    withdrawn: Sequence[int],
) -> None:
    """Write it all; call inside the transaction that found out what is new, and that locked what changed.

    Raises:
        IntegrityError: another caller brought one of the new leads meanwhile.
    """
    # In one order for everybody: two callers with the same new leads would wait for each other's.
    fresh = _leads(place, sorted(new, key=lambda lead: lead.external_id))
    other = _leads(place, changed)
    if fresh:
        insert_rows(Lead, fresh)
    if other:
        update_rows(Lead, other, CHANGED)
    index_leads(fresh, other)
    if withdrawn:
        Outcome.objects.filter(pk__in=withdrawn).update(is_current=False)
    if added:
        outcomes = _outcomes(place, added)
        _number(outcomes)
        insert_rows(Outcome, outcomes)
        signals.outcomes_recorded.send(sender=Outcome, ids=[outcome.pk for outcome in outcomes])


def _leads(place: Place, rows: Sequence[LeadRow]) -> list[Lead]:
    common = _blank(Lead) | {
        "source_system": place.source,
        "import_run_id": place.run_id,
        "first_seen": place.as_of,
        "updated_at": place.as_of,
    }
    return [
        _made(
            Lead,
            common
            | {
                "id": row.id,
                "external_id": row.external_id,
                "attributes": row.attributes,
                "created": row.created,
                "owner": row.owner,
                "stage": row.stage,
                "file_position": row.position,
            },
        )
        for row in rows
    ]


def _outcomes(place: Place, rows: Sequence[OutcomeRow]) -> list[Outcome]:
    common = _blank(Outcome) | {"recorded_at": place.as_of}
    return [_made(Outcome, common | row._asdict()) for row in rows]


def _blank(model: type[Row]) -> dict[str, Any]:
    """The values of a new row by column, in the order of the model; without a key."""
    return {
        field.attname: None if field.primary_key else field.get_default()
        for field in model._meta.concrete_fields
    }


def _made(model: type[Row], values: dict[str, Any]) -> Row:
    # As rows are made that come from the database: by position, in a third of the time of keyword arguments.
    return model.from_db(None, list(values), list(values.values()))


def _number(outcomes: Sequence[Outcome]) -> None:
    """COPY answers with no keys, and receivers are told them: PostgreSQL gives them out beforehand."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('scoring_outcome', 'id')) FROM generate_series(1, %s)",
            [len(outcomes)],
        )
        for outcome, (key,) in zip(outcomes, cursor.fetchall(), strict=True):
            outcome.pk = key
