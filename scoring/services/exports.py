"""Leads as a file: written as it is read, so that ten million rows need no more memory than ten."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from scoring.contracts import FeatureSetState, ScoringError
from scoring.ml.cells import harmless
from scoring.models import Feature, Lead, ModelVersion, Outcome

CHUNK = 2000
ATTRIBUTE = "attribute:"


class ExportRefused(ScoringError):
    """The file cannot be made as asked; the sentence says why."""

    code = "export-refused"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key, its heading, and whether it is personal data."""

    key: str
    heading: str
    sensitive: bool = False


FIELDS: tuple[Column, ...] = (
    Column("external_id", "External id"),
    Column("source_system", "Source"),
    Column("owner", "Owner"),
    Column("stage", "Stage"),
    Column("created", "Created at the source"),
    Column("first_seen", "First seen"),
    Column("score", "Score"),
    Column("grade", "Grade"),
    Column("scored_at", "Scored at"),
    Column("version", "Scored by version"),
    Column("outcome", "Outcome"),
    Column("occurred_at", "Outcome at"),
    Column("revenue", "Revenue"),
    Column("currency", "Currency"),
)
FROM_OUTCOME = ("outcome", "occurred_at", "revenue", "currency")
USUAL = tuple(column.key for column in FIELDS if column.key not in {"first_seen", "occurred_at"})


def columns_offered() -> list[Column]:
    """The lead's own columns, then those of the active feature set."""
    features = Feature.objects.filter(feature_set__state=FeatureSetState.ACTIVE).order_by("position")
    taken = {column.heading.casefold() for column in FIELDS}
    return [
        *FIELDS,
        *(
            Column(
                f"{ATTRIBUTE}{f.name}",
                # Two columns of one file must not have one heading.
                f"{f.label} (attribute)" if f.label.casefold() in taken else f.label,
                f.sensitive,
            )
            for f in features
        ),
    ]


def export_leads(rows: QuerySet[Lead], keys: Sequence[str]) -> Iterator[str]:
    """The leads as lines of CSV with a heading, in the order of their keys (the order in which they came).

    Texts that a spreadsheet would run as a formula get an apostrophe; times are ISO 8601 in UTC. Rows are read
    in chunks by key, so no transaction and no cursor stays open while a slow reader takes its time.

    Raises:
        ExportRefused: no column is chosen, or one that is not offered.
    """
    offered = {column.key: column for column in columns_offered()}
    unknown = [key for key in keys if key not in offered]
    if unknown or not keys:
        said = f"Columns {', '.join(unknown)[:200]} are not offered" if unknown else "No column is chosen"
        raise ExportRefused(f"{said}; expected one or more of the columns on the page.")
    return _lines(rows, [offered[key] for key in keys])


def _lines(rows: QuerySet[Lead], columns: Sequence[Column]) -> Iterator[str]:
    keys = [column.key for column in columns]
    writer = csv.writer(_Echo())
    # The mark tells spreadsheets that this is UTF-8.
    yield "\ufeff" + writer.writerow([harmless(column.heading) for column in columns])
    cells = [_cell(key) for key in keys]
    wants_outcome = any(key in FROM_OUTCOME for key in keys)
    wanted = {"pk", *(k for k in keys if k in _PLAIN)} | ({"scored_by_id"} if "version" in keys else set())
    if any(key.startswith(ATTRIBUTE) for key in keys):
        wanted.add("attributes")
    numbers = dict(ModelVersion.objects.values_list("pk", "number")) if "version" in keys else {}
    last: Any = None
    ordered = rows.order_by("pk").values(*sorted(wanted))
    while True:
        chunk = list((ordered if last is None else ordered.filter(pk__gt=last))[:CHUNK])
        if not chunk:
            return
        last = chunk[-1]["pk"]
        outcomes = _outcomes([row["pk"] for row in chunk]) if wants_outcome else {}
        lines = []
        for row in chunk:
            row.update(outcomes.get(row["pk"], {}))
            row["version"] = numbers.get(row.get("scored_by_id"))
            lines.append(writer.writerow([cell(row) for cell in cells]))
        yield "".join(lines)
        if len(chunk) < CHUNK:
            return


_PLAIN = {column.key for column in FIELDS} - {"version", *FROM_OUTCOME}


def _outcomes(keys: Sequence[Any]) -> dict[Any, dict[str, Any]]:
    found = Outcome.objects.filter(lead_id__in=keys, is_current=True)
    return {
        row["lead_id"]: {**row, "outcome": row["kind"]}
        for row in found.values("lead_id", "kind", "occurred_at", "revenue", "currency")
    }


def _cell(key: str) -> Callable[[dict[str, Any]], object]:
    if key.startswith(ATTRIBUTE):
        name = key.removeprefix(ATTRIBUTE)
        return lambda row: _plain(row["attributes"].get(name))
    return lambda row: _plain(row.get(key))


def _plain(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, str):
        return harmless(value)
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text
