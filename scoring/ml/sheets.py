"""Which sheet of a workbook holds the leads: the one whose columns look like theirs, and that has rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from scoring.ml.column_roles import guess_roles
from scoring.ml.tables import find_header

ENOUGH_ROWS = 200
ENOUGH_COLUMNS = 8


def likeness_to_leads(records: Sequence[Sequence[str | None]]) -> float:
    """How much the first rows of a sheet look like a list of leads: 0 where nothing stands under a header.

    An outcome counts as much as all rows and columns together nearly do, any other known role as a third of it.

    >>> likeness_to_leads([["Made by", "the CRM"]])
    0.0
    """
    if not any(map(any, records)):
        return 0.0
    at = find_header(records)
    body = [cells for cells in records[at + 1 :] if any(cells)]
    if not body:
        return 0.0
    values = {
        f"{name or ''}\0{place}": Counter(
            text for cells in body if place < len(cells) and (text := (cells[place] or "").strip())
        )
        for place, name in enumerate(records[at])
    }
    roles = guess_roles(values, rows=len(body))
    width = sum(1 for counts in values.values() if counts)
    return (
        2 * min(len(body) / ENOUGH_ROWS, 1.0)
        + 2 * min(width / ENOUGH_COLUMNS, 1.0)
        + sum(3.0 if role == "converted" else 1.0 for role in roles)
    )
