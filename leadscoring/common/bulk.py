"""Many rows in one statement, where the ORM's own way costs more than the work around it.

`bulk_create` hands PostgreSQL one array per column, whose text psycopg escapes twice in Python, and
`bulk_update` builds a CASE of rows times columns: both took longer than scoring the leads. Values are taken
from the rows as they are, so fields must already hold what the database stores; a JSON field is never None.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection, models

if TYPE_CHECKING:
    Field = models.Field[Any, Any]

COPY_FROM = 20
"""COPY starts with an exchange of its own; for fewer rows a plain INSERT is as quick."""

_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _as_text(value: object) -> str:
    if isinstance(value, datetime | UUID | Decimal):
        return str(value)
    raise TypeError(f"A {type(value).__name__} cannot be written as JSON.")


_json_of_fields = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_text
).encode


def insert_rows(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Insert new rows in the order given, all or none; call inside a transaction.

    Rows whose key the database gives out stay without it here.

    Raises:
        IntegrityError: a row breaks a constraint, as `bulk_create` would say it.
    """
    if connection.vendor != "postgresql" or len(rows) < COPY_FROM:
        model._default_manager.bulk_create(rows)
        return
    fields = [
        field for field in model._meta.concrete_fields if not (field.primary_key and rows[0].pk is None)
    ]
    read = attrgetter(*(field.attname for field in fields))
    documents = _documents(fields)
    names = ", ".join(_quoted(field) for field in fields)
    statement = f"COPY {connection.ops.quote_name(model._meta.db_table)} ({names}) FROM STDIN"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            values = list(read(row))
            for place in documents:
                values[place] = _json(values[place])
            copy.write_row(values)
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def update_rows(model: type[models.Model], rows: Sequence[models.Model], names: Sequence[str]) -> None:
    """Write these fields of rows that exist, each found by its primary key; call inside a transaction.

    The caller has locked the rows: the database is free to take them in any order here.
    """
    by_name = {field.name: field for field in model._meta.concrete_fields}
    key, fields = model._meta.pk, [by_name[name] for name in names]
    if connection.vendor == "postgresql":
        _update_from_document(model, rows, [key, *fields])
        return
    table = connection.ops.quote_name(model._meta.db_table)
    changes = ", ".join(f"{_quoted(field)} = %s" for field in fields)
    statement = f"UPDATE {table} SET {changes} WHERE {_quoted(key)} = %s"  # noqa: S608  names of our own
    ordered = [*fields, key]
    with connection.cursor() as cursor:
        cursor.executemany(
            statement,
            [
                [field.get_db_prep_save(getattr(row, field.attname), connection) for field in ordered]
                for row in rows
            ],
        )


def _update_from_document(
    model: type[models.Model], rows: Sequence[models.Model], fields: Sequence[Field]
) -> None:
    read = attrgetter(*(field.attname for field in fields))
    columns = [field.column for field in fields]
    document = _json_of_fields([dict(zip(columns, read(row), strict=True)) for row in rows])
    types = ", ".join(f"{_quoted(field)} {field.db_type(connection)}" for field in fields)
    changes = ", ".join(f"{_quoted(field)} = sent.{_quoted(field)}" for field in fields[1:])
    table, key = connection.ops.quote_name(model._meta.db_table), _quoted(fields[0])
    statement = (
        f"UPDATE {table} SET {changes} FROM json_to_recordset(%s::json) AS sent({types}) "  # noqa: S608
        f"WHERE {table}.{key} = sent.{key}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [document])


def _quoted(field: Field) -> str:
    return connection.ops.quote_name(str(field.column))


def _documents(fields: Sequence[Field]) -> list[int]:
    return [place for place, field in enumerate(fields) if isinstance(field, models.JSONField)]
