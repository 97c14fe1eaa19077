"""Rows written many at once are the rows that the ORM would have written, and all of them or none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from leadscoring.common.bulk import COPY_FROM, insert_rows, update_rows
from scoring.models import Lead

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
MANY = COPY_FROM + 5
# What has a meaning of its own in COPY, in JSON or in SQL.
TEXTS = [
    "",
    "\\N",
    "\\.",
    "\\",
    "\\\\n",
    "tab\there",
    "line\nbreak\r\n",
    "'; DROP TABLE scoring_lead; --",
    '{"a": 1}',
    "NULL",
    "%s %(a)s %%",
    "Ωmega 🦆 \u200f\u2028",
    "\x01\x1f\x7f",
    "ß" * 200,
]
VALUES: list[Any] = [*TEXTS, None, True, False, 0, -1, 2**63 - 1, 0.1 + 0.2, 1e22, -1e-300, 5e-324]

pytestmark = pytest.mark.django_db


def a_row(number: int, **fields: Any) -> Lead:
    text = TEXTS[number % len(TEXTS)]
    return Lead(
        source_system="bulk",
        external_id=f"{text[:40]}-{number}",
        owner=text,
        attributes={f"{text[:20]}{i}": value for i, value in enumerate(VALUES)} if number % 3 else {},
        created=None if number % 2 else NOW - timedelta(days=number),
        file_position=None if number % 4 else number,
        first_seen=NOW,
        updated_at=NOW,
        **fields,
    )


def stored(prefix: str = "bulk") -> dict[str, dict[str, Any]]:
    rows = Lead.objects.filter(source_system=prefix).values()
    return {row["external_id"]: {name: row[name] for name in row if name != "id"} for row in rows}


def as_orm_would(rows: list[Lead]) -> dict[str, dict[str, Any]]:
    """What is stored when the ORM saves the same rows one by one."""
    with transaction.atomic():
        for row in rows:
            row.save(force_insert=True)
        found = stored()
        transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("n", [0, 1, COPY_FROM - 1, MANY])
def test_inserted_rows_are_those_the_orm_would_insert(n: int) -> None:
    expected = as_orm_would([a_row(i) for i in range(n)])
    rows = [a_row(i) for i in range(n)]
    insert_rows(Lead, rows)
    assert stored() == expected
    assert len(expected) == n
    assert all(not row._state.adding and row._state.db == "default" for row in rows)
    assert {row.pk for row in rows} == set(Lead.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("n", [2, MANY])
def test_one_row_that_cannot_be_stored_stops_all_of_them(n: int) -> None:
    rows = [a_row(i) for i in range(n)]
    rows[-1].external_id = rows[0].external_id
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_rows(Lead, rows)
    assert stored() == {}


@pytest.mark.parametrize("value", [float("nan"), object(), NOW])
def test_what_json_cannot_hold_is_refused_before_anything_is_stored(value: object) -> None:
    rows = [a_row(i) for i in range(MANY)]
    rows[-1].attributes = {"bad": value}
    with pytest.raises((ValueError, TypeError, IntegrityError)), transaction.atomic():
        insert_rows(Lead, rows)
    assert stored() == {}


@pytest.mark.parametrize("n", [1, MANY])
def test_an_update_writes_the_named_fields_of_the_named_rows_only(n: int) -> None:
    rows = [a_row(i) for i in range(n)]
    others = [a_row(1000 + i) for i in range(3)]
    insert_rows(Lead, [*rows, *others])
    before = stored()
    names = ["attributes", "owner", "created", "score", "grade", "scored_at", "scored_by", "awaiting_score"]
    for number, row in enumerate(rows):
        twin = a_row(number + 1)
        row.attributes, row.owner, row.created = twin.attributes, twin.owner, twin.created
        row.score, row.grade, row.scored_at = number % 99 + 1, "B", NOW
        row.awaiting_score = True
        row.stage = "not named, not written"
    update_rows(Lead, rows, names)
    after = stored()
    for row in rows:
        expected = {name: getattr(row, Lead._meta.get_field(name).attname) for name in names}
        expected["scored_by_id"] = expected.pop("scored_by")
        assert after[row.external_id] == before[row.external_id] | expected
    assert {row.external_id: before[row.external_id] for row in others} == {
        row.external_id: after[row.external_id] for row in others
    }


def test_a_row_that_is_gone_is_not_brought_back_by_an_update() -> None:
    rows = [a_row(i) for i in range(3)]
    insert_rows(Lead, rows)
    Lead.objects.filter(pk=rows[1].pk).delete()
    update_rows(Lead, rows, ["owner", "attributes"])
    assert Lead.objects.count() == 2


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite runs one statement for each row")
def test_an_update_is_one_statement_on_postgresql() -> None:
    rows = [a_row(i) for i in range(MANY)]
    insert_rows(Lead, rows)
    with CaptureQueriesContext(connection) as queries:
        update_rows(Lead, rows, ["owner", "attributes", "updated_at"])
    assert len(queries) == 1
