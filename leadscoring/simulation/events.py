"""Events of the CRM and what each of them says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leadscoring.simulation.catalogue import OPEN_STAGES
from leadscoring.simulation.columns import (
    CONVERTED,
    CONVERTED_AT,
    CREATION_COLUMNS,
    LEAK_COLUMNS,
    OPENS,
    OWNER,
    REPLIED,
    RESPONSE,
    REVENUE,
    STAGE,
    closing_cells,
    fixed_cells,
    lead_ids,
    owner_cells,
)
from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.dirt import Cells, time_cells
from leadscoring.simulation.draws import Codes, Flags, Floats
from leadscoring.simulation.history import History
from leadscoring.simulation.rows import Rows
from leadscoring.simulation.stream import Stream

KINDS: Final = ("created", "updated", "stage_changed", "converted", "lost", "merged", "deleted")
Payload = dict[str, Any]


class Family(IntEnum):
    """What an event comes from; part of its key and, in lower case, of its id."""

    CREATED = 0
    RESPONSE = 1
    OPEN = 2
    REPLY = 3
    FIELD = 4
    STAGE = 5
    CLOSED = 6
    CORRECTED = 7
    MERGED = 8
    DELETED = 9


_NAMES = [family.name.lower() for family in Family]
# The kind of each family; that of a closing depends on how it closed.
_KINDS = ("created", *["updated"] * 4, "stage_changed", "", "", "merged", "deleted")


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Some events, in the order of arrival; columns of equal length.

    kind: one of KINDS; occurred_at, arrived_at: whole UTC seconds since 1970-01-01, arrived_at never the earlier.
    payload: what changed: `attributes` (columns of the CRM, "" for a cell that was cleared), and where they changed
    `stage`, `outcome` (converted, lost), `converted_at`, `revenue` and `merged_ids` (rows that are no more).
    """

    event_id: Cells
    kind: Cells
    external_id: Cells
    occurred_at: Floats
    arrived_at: Floats
    payload: list[Payload]

    def __len__(self) -> int:
        return len(self.payload)

    def records(self) -> Iterator[Payload]:
        """The events as JSON objects, times as 2025-03-04T10:22:05Z."""
        columns = (self.event_id, self.kind, self.external_id)
        times = (time_cells(self.occurred_at), time_cells(self.arrived_at))
        names = ("event_id", "kind", "external_id", "occurred_at", "arrived_at")
        for *values, payload in zip(*columns, *times, self.payload, strict=True):
            yield dict(zip(names, values, strict=True)) | payload


@dataclass(frozen=True, slots=True)
class Events:
    """(m,) arrays: the row an event is about, its family, its number in the family, its key and its times."""

    place: Codes
    family: NDArray[np.int8]
    part: NDArray[np.int16]
    key: Codes
    occurred_at: Floats
    arrived_at: Floats

    def take(self, at: Codes | Flags) -> Events:
        return Events(*(getattr(self, name)[at] for name in self.__slots__))


class Writer:
    """Writes batches of events; what all batches need is made once."""

    def __init__(self, stream: Stream) -> None:
        self._config: SimulationConfig = stream.config
        self._rows: Rows = stream.rows
        self._history: History = stream.history
        self._ids = lead_ids(self._rows.created, self._rows.number)
        self._fixed = fixed_cells(self._history)
        self._owners = owner_cells(self._rows)

    def batch(self, events: Events) -> EventBatch:
        place, family = events.place, events.family
        kinds = np.array(_KINDS, dtype=object)[family]
        payload: list[Payload] = [{}] * place.size
        for code in map(Family, np.unique(family).tolist()):
            at = np.flatnonzero(family == code)
            written = self._payloads(code, place[at], events.part[at])
            for where, what in zip(at.tolist(), written, strict=True):
                payload[where] = what
            if code in {Family.CLOSED, Family.CORRECTED}:
                kinds[at] = [what["outcome"] for what in written]
        subject = np.where(family == Family.MERGED, self._history.into[place], place)
        names = [
            f"{lead}:{_NAMES[code]}{f'-{part}' if part else ''}"
            for lead, code, part in zip(
                self._ids[place].tolist(), family.tolist(), events.part.tolist(), strict=True
            )
        ]
        return EventBatch(
            event_id=np.array(names, dtype=object),
            kind=kinds,
            external_id=self._ids[subject],
            occurred_at=events.occurred_at,
            arrived_at=events.arrived_at,
            payload=payload,
        )

    def _payloads(self, family: Family, place: Codes, part: NDArray[np.int16]) -> list[Payload]:
        outcomes, ids = self._rows.outcomes, self._ids
        if family is Family.CREATED:
            written = self._created(place)
        elif family is Family.RESPONSE:
            values = outcomes.first_response[place].astype(np.int64).tolist()
            written = [{"attributes": {RESPONSE: str(value)}} for value in values]
        elif family is Family.OPEN:
            written = [{"attributes": {OPENS: str(count)}} for count in part.tolist()]
        elif family is Family.REPLY:
            written = [{"attributes": {REPLIED: "Yes"}} for _ in range(place.size)]
        elif family is Family.FIELD:
            written = self._fixes(place)
        elif family is Family.STAGE:
            written = [{"attributes": {}, "stage": OPEN_STAGES[stage]} for stage in part.tolist()]
        elif family in {Family.CLOSED, Family.CORRECTED}:
            written = self._closings(place, corrected=family is Family.CORRECTED)
        elif family is Family.MERGED:
            written = [{"attributes": {}, "merged_ids": [gone]} for gone in ids[place].tolist()]
        else:
            written = [{"attributes": {}} for _ in range(place.size)]
        return written

    def _created(self, place: Codes) -> list[Payload]:
        cells = {name: self._rows.cells[name][place] for name in CREATION_COLUMNS}
        for column, fixed in self._fixed.items():
            cells[column] = np.where(fixed[place], self._history.wrong[place], cells[column])
        cells[OWNER] = self._owners[place]
        names = tuple(cells)
        start = {OPENS: "0", REPLIED: "No"}
        return [
            {
                "attributes": {name: cell for name, cell in zip(names, row, strict=True) if cell} | start,
                "stage": OPEN_STAGES[0],
            }
            for row in zip(*(column.tolist() for column in cells.values()), strict=True)
        ]

    def _fixes(self, place: Codes) -> list[Payload]:
        columns = list(self._fixed)
        written = []
        for at in place.tolist():
            column = next(name for name in columns if self._fixed[name][at])
            written.append({"attributes": {column: self._rows.cells[column][at]}})
        return written

    def _closings(self, place: Codes, *, corrected: bool) -> list[Payload]:
        rows = self._rows.take(place)
        wrong = np.isfinite(self._history.outcome_fix_at[place]) & (not corrected)
        won = rows.outcomes.converts ^ wrong
        cells = closing_cells(self._config, rows, won, ~won)
        names = LEAK_COLUMNS if self._config.leaks else ()
        columns = [cells[name].tolist() for name in names]
        rest = (cells[name].tolist() for name in (STAGE, CONVERTED, CONVERTED_AT, REVENUE))
        return [
            {
                "attributes": {
                    name: column[at]
                    for name, column in zip(names, columns, strict=True)
                    if column[at] or corrected
                },
                "stage": stage,
                "outcome": "converted" if converted == "Yes" else "lost",
                "converted_at": converted_at,
                "revenue": revenue,
            }
            for at, (stage, converted, converted_at, revenue) in enumerate(zip(*rest, strict=True))
        ]
