"""The stream for others: a CSV as a CRM exports it, and leads as a web form would post them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from leadscoring.simulation.columns import CREATION_COLUMNS, ID, NUMBER_COLUMNS
from leadscoring.simulation.stream import Stream

CHUNK = 50_000


def write_crm_csv(stream: Stream, path: str | Path) -> None:
    """Write `stream.leads` as UTF-8 CSV (comma, CRLF as spreadsheets write it, quotes where needed)."""
    leads = stream.leads
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(leads.columns)
        for at in range(0, len(leads), CHUNK):
            part = leads.iloc[at : at + CHUNK]
            writer.writerows(zip(*(part[name].to_list() for name in part.columns), strict=True))


def api_leads(stream: Stream) -> Iterator[dict[str, object]]:
    """Leads as a caller of the API sends them, oldest first: `{"external_id": …, "attributes": {…}}`.

    Attributes hold what is known at creation and nothing later. Numbers are JSON numbers where the
    cell reads as one; blanks are left out; other cells stay as the CRM shows them.
    """
    columns = [stream.leads[name].to_list() for name in CREATION_COLUMNS]
    for external_id, *cells in zip(stream.leads[ID].to_list(), *columns, strict=True):
        attributes = {
            name: _value(name, cell) for name, cell in zip(CREATION_COLUMNS, cells, strict=True) if cell
        }
        yield {"external_id": external_id, "attributes": attributes}


def _value(name: str, cell: str) -> str | int | float:
    if name not in NUMBER_COLUMNS:
        return cell
    try:
        number = float(cell.replace(",", ""))
    except ValueError:
        return cell
    return int(number) if number.is_integer() else number
