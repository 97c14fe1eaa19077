"""The different values of an indexed column, without reading the rows between them."""

from __future__ import annotations

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
