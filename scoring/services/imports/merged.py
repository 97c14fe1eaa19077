"""Rows of a file whose lead was merged into another: they tell the one that stands for it.

A file goes on naming both ids, and importing it again must change nothing. So a merged id's row gives way to the
surviving lead's own row beside it, and its outcome adds to what is known but takes nothing back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from scoring.contracts import OutcomeKind
from scoring.services.imports.rows import FileLead
from scoring.services.imports.store import LeadRow


def is_merged_id(row: FileLead, lead: LeadRow) -> bool:
    """Whether the row names a lead that another one stands for."""
    return row.external_id != lead.external_id


def give_way(rows: Sequence[FileLead], known: Mapping[str, LeadRow]) -> Sequence[FileLead]:
    """The rows, those of merged ids without what the surviving lead's own row says. Usually the same list."""
    if all(lead.external_id == external_id for external_id, lead in known.items()):
        return rows
    own = {row.external_id: row for row in rows}
    return [
        _behind(row, own.get(known[row.external_id].external_id)) if row.external_id in known else row
        for row in rows
    ]


def _behind(row: FileLead, first: FileLead | None) -> FileLead:
    if first is None or first is row:
        return row
    return replace(
        row,
        attributes={name: value for name, value in row.attributes.items() if name not in first.attributes},
        created=None if first.created else row.created,
        owner="" if first.owner else row.owner,
        stage="" if first.stage else row.stage,
    )


def reported_through(reported_by: str, row: FileLead) -> str:
    """Who reported an outcome under a merged id."""
    return f"{reported_by} via {row.external_id}"[:255]


def holds_against(kind: str, told_by: str, row: FileLead, *, via: bool, reported_by: str) -> bool:
    """Whether the current outcome, of this kind and told by this reporter, stays whatever the row says, because the
    two ids of one lead disagree: a conversion known under one id is not taken back by the other."""
    if via:
        return row.outcome is None or kind in {OutcomeKind.CONVERTED, row.outcome}
    through = told_by.startswith(f"{reported_by} via ")
    return through and kind == OutcomeKind.CONVERTED and row.outcome is not OutcomeKind.CONVERTED
