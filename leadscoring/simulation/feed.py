"""The CRM's event feed: what happened to each lead, when, and when word of it arrived.

    for batch in event_feed(stream):
        for event in batch.records():
            ...     # {"event_id": …, "kind": "updated", "external_id": …, "attributes": {…}, …}

Events come in the order of arrival. Taken once per event id and in the order of their own time, they make
the CRM's table as it is on `as_of`, cell by cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadscoring.simulation.columns import (
    CONVERTED,
    CONVERTED_AT,
    LEAK_COLUMNS,
    OPENS,
    OPENS_WITHIN,
    REPLIED,
    RESPONSE,
    REVENUE,
    STAGE,
    closing_at,
    closing_cells,
    fixed_cells,
    lead_ids,
    owner_cells,
    response_at,
    seen_second,
)
from leadscoring.simulation.catalogue import OPEN_STAGES
from leadscoring.simulation.columns import CREATION_COLUMNS, OWNER
from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.dirt import Cells, time_cells
from leadscoring.simulation.draws import Codes, Flags, Floats, hashed
from leadscoring.simulation.history import History
from leadscoring.simulation.mess import LateEvents, RepeatedEvents
from leadscoring.simulation.rows import Rows
from leadscoring.simulation.stream import Stream

KINDS = ("created", "updated", "stage_changed", "converted", "lost", "merged", "deleted")
BATCH = 50_000
# Families of events, in the code of an event's key; each has one name in the event id.
FAMILIES = (
    "created",
    "response",
    "open",
    "reply",
    "field",
    "stage",
    "closed",
    "corrected",
    "merged",
    "deleted",
)
CREATED_, RESPONSE_, OPEN_, REPLY_, FIELD_, STAGE_, CLOSED_, CORRECTED_, MERGED_, DELETED_ = range(10)
USUAL_DELAY, REPEAT_DELAY = 4.0, 3_600.0
Payload = dict[str, Any]


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
class _Events:
    """(m,) arrays: the row an event is about, its family, its number in the family, its key and its times."""

    place: Codes
    family: NDArray[np.int8]
    part: NDArray[np.int16]
    key: Codes
    occurred_at: Floats
    arrived_at: Floats

    def take(self, at: Codes | Flags) -> _Events:
        return _Events(*(getattr(self, name)[at] for name in self.__slots__))


def event_feed(stream: Stream, batch: int = BATCH) -> Iterator[EventBatch]:
    """All events before `as_of`, in batches of so many. Raises ValueError for a batch below 1."""
    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}")
    events = _delivered(stream.config, _all_events(stream))
    order = np.lexsort((events.key, events.occurred_at, events.arrived_at))
    writer = _Writer(stream)
    for start in range(0, order.size, batch):
        yield writer.batch(events.take(order[start : start + batch]))


def event_count(stream: Stream) -> int:
    """How many events the feed will deliver, repeated ones among them."""
    return int(_delivered(stream.config, _all_events(stream)).key.size)


def _all_events(stream: Stream) -> _Events:
    config, rows, history = stream.config, stream.rows, stream.history
    seen, everyone = seen_second(config), np.arange(rows.size)
    outcomes = rows.outcomes
    opens = outcomes.email_opens.astype(np.int64)
    opener = np.repeat(everyone, opens)
    opened = np.arange(opener.size) - np.repeat(np.cumsum(opens) - opens, opens) + 1
    families: list[tuple[int, Codes, Codes, Floats]] = [
        (CREATED_, everyone, everyone * 0, rows.created),
        (RESPONSE_, everyone, everyone * 0, response_at(config, rows)),
        (
            OPEN_,
            opener,
            opened,
            rows.created[opener] - (-OPENS_WITHIN * opened // np.maximum(opens[opener], 1)),
        ),
        (REPLY_, everyone, everyone * 0, np.where(outcomes.replied, outcomes.replied_at, np.inf)),
        (FIELD_, everyone, everyone * 0, history.fix_at),
        *((STAGE_, everyone, everyone * 0 + stage, history.stage_at[:, stage - 1]) for stage in (1, 2, 3)),
        (CLOSED_, everyone, everyone * 0, closing_at(rows)),
        (CORRECTED_, everyone, everyone * 0, history.outcome_fix_at),
        (MERGED_, everyone, everyone * 0, np.where(history.into >= 0, history.gone_at, np.inf)),
        (DELETED_, everyone, everyone * 0, np.where(history.into < 0, history.gone_at, np.inf)),
    ]
    parts = []
    for family, place, part, at in families:
        # Nothing happens to a row that is gone but its going itself.
        end = np.inf if family in {MERGED_, DELETED_} else history.gone_at[place]
        there = np.flatnonzero((at < seen) & (at < end))
        place, part, at = place[there], part[there], at[there]
        key = rows.number[place] * 1024 + family * 64 + part
        parts.append((place, np.full(place.size, family), part, key, at))
    place, families_, part, key, at = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return _Events(place, families_.astype(np.int8), part.astype(np.int16), key, at, at)


def _delivered(config: SimulationConfig, events: _Events) -> _Events:
    """The events with their arrivals: mostly seconds later, some late, some a second time."""
    seed, key, at = config.seed, events.key, events.occurred_at

    def waited(purpose: str, mean: float) -> Floats:
        return np.floor(-np.log(hashed(seed, purpose, key)) * mean)

    arrived = at + waited("arrival", USUAL_DELAY)
    for late in config.turned(LateEvents):
        hit = hashed(seed, "late", key) < late.strength(at)
        arrived = np.where(hit, arrived + waited("late by", late.hours * 3_600.0), arrived)
    again = np.zeros(key.size, dtype=bool)
    for repeat in config.turned(RepeatedEvents):
        again |= hashed(seed, "repeated", key) < repeat.strength(at)
    second = arrived + 1.0 + waited("repeated after", REPEAT_DELAY)
    twice = np.concatenate([np.arange(key.size), np.flatnonzero(again)])
    columns = events.take(twice)
    return _Events(
        columns.place, columns.family, columns.part, columns.key, columns.occurred_at,
        np.concatenate([arrived, second[again]]),
    )  # fmt: skip


class _Writer:
    """Writes batches of events; what all batches need is made once."""

    def __init__(self, stream: Stream) -> None:
        self._config: SimulationConfig = stream.config
        self._rows: Rows = stream.rows
        self._history: History = stream.history
        self._ids = lead_ids(self._rows.created, self._rows.number)
        self._fixed = fixed_cells(self._history)
        self._owners = owner_cells(self._rows)

    def batch(self, events: _Events) -> EventBatch:
        place, family = events.place, events.family
        kinds = np.array(
            ["created", *["updated"] * 4, "stage_changed", "", "", "merged", "deleted"], dtype=object
        )[family]
        payload: list[Payload] = [{}] * place.size
        for code in np.unique(family).tolist():
            at = np.flatnonzero(family == code)
            written = self._payloads(code, place[at], events.part[at])
            for where, what in zip(at.tolist(), written, strict=True):
                payload[where] = what
            if code in {CLOSED_, CORRECTED_}:
                kinds[at] = [what["outcome"] for what in written]
        subject = np.where(family == MERGED_, self._history.into[place], place)
        names = [
            f"{lead}:{FAMILIES[code]}{f'-{part}' if part else ''}"
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

    def _payloads(self, family: int, place: Codes, part: NDArray[np.int16]) -> list[Payload]:
        outcomes = self._rows.outcomes
        if family == CREATED_:
            return self._created(place)
        if family == RESPONSE_:
            values = outcomes.first_response[place].astype(np.int64).tolist()
            return [{"attributes": {RESPONSE: str(value)}} for value in values]
        if family == OPEN_:
            return [{"attributes": {OPENS: str(count)}} for count in part.tolist()]
        if family == REPLY_:
            return [{"attributes": {REPLIED: "Yes"}} for _ in range(place.size)]
        if family == FIELD_:
            return self._fixes(place)
        if family == STAGE_:
            return [{"attributes": {}, "stage": OPEN_STAGES[stage]} for stage in part.tolist()]
        if family in {CLOSED_, CORRECTED_}:
            return self._closings(place, corrected=family == CORRECTED_)
        if family == MERGED_:
            return [{"attributes": {}, "merged_ids": [gone]} for gone in self._ids[place].tolist()]
        return [{"attributes": {}} for _ in range(place.size)]

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
