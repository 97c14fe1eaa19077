"""The different values of an indexed column, and how often they come, without reading every row."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.db.models import Model


def first_values(model: type[Model], field: str, *, most: int) -> list[str]:
    """The first `most` different texts of an indexed column that are not empty, in order.

    Jumps from each value to the next larger one through the index (PostgreSQL's "loose index scan", which
    SQLite answers as well): the cost grows with the number of values, not of rows.
    """
    quote = connection.ops.quote_name
    table, column = quote(model._meta.db_table), quote(str(vars(model._meta.get_field(field))["column"]))
    # Names come from the model, never from a caller; the only value is a parameter.
    sql = (
        f"WITH RECURSIVE jump(v) AS (SELECT MIN({column}) FROM {table} WHERE {column} > '' "  # noqa: S608
        f"UNION ALL SELECT (SELECT MIN({column}) FROM {table} WHERE {column} > jump.v) FROM jump "
        "WHERE jump.v IS NOT NULL) SELECT v FROM jump WHERE v IS NOT NULL LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [most])
        return [str(row[0]) for row in cursor.fetchall()]


def counted_values(model: type[Model], field: str, values: Sequence[str], *, most: int) -> dict[str, int]:
    """How many rows hold each of these values of an indexed column, counted up to `most`; one query."""
    if not values:
        return {}
    quote = connection.ops.quote_name
    table, column = quote(model._meta.db_table), quote(str(vars(model._meta.get_field(field))["column"]))
    # As above: only names of the model in the text.
    one = f"SELECT %s, (SELECT COUNT(*) FROM (SELECT 1 FROM {table} WHERE {column} = %s LIMIT %s) few)"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join([one] * len(values)),
            [told for value in values for told in (value, value, most)],
        )
        return {str(value): int(n) for value, n in cursor.fetchall()}
