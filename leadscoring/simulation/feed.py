"""The CRM's event feed: what happened to each lead, when, and when word of it arrived.

    for batch in event_feed(stream):
        for event in batch.records():
            ...     # {"event_id": …, "kind": "updated", "external_id": …, "attributes": {…}, …}

Events come in the order of arrival. Taken once per event id and in the order of their own time, they make
the CRM's table as it is on `as_of`, cell by cell.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from leadscoring.simulation.columns import OPENS_WITHIN, closing_at, response_at, seen_second
from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.draws import Codes, Floats, hashed
from leadscoring.simulation.events import EventBatch, Events, Family, Writer
from leadscoring.simulation.mess import LateEvents, RepeatedEvents
from leadscoring.simulation.stream import Stream

BATCH = 50_000
# Mean seconds until an event arrives, and until it arrives again.
USUAL_DELAY, REPEAT_DELAY = 4.0, 3_600.0


def event_feed(stream: Stream, batch: int = BATCH) -> Iterator[EventBatch]:
    """All events before `as_of`, in batches of so many. Raises ValueError for a batch below 1."""
    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}")
    return _batches(stream, batch)


def _batches(stream: Stream, batch: int) -> Iterator[EventBatch]:
    events = _delivered(stream.config, _all_events(stream))
    order = np.lexsort((events.key, events.occurred_at, events.arrived_at))
    writer = Writer(stream)
    for start in range(0, order.size, batch):
        yield writer.batch(events.take(order[start : start + batch]))


def event_count(stream: Stream) -> int:
    """How many events the feed will deliver, repeated ones among them."""
    return int(_delivered(stream.config, _all_events(stream)).key.size)


def _all_events(stream: Stream) -> Events:
    config, rows, history = stream.config, stream.rows, stream.history
    seen, everyone = seen_second(config), np.arange(rows.size)
    outcomes = rows.outcomes
    opens = outcomes.email_opens.astype(np.int64)
    opener = np.repeat(everyone, opens)
    opened = np.arange(opener.size) - np.repeat(np.cumsum(opens) - opens, opens) + 1
    families: list[tuple[int, Codes, Codes, Floats]] = [
        (Family.CREATED, everyone, everyone * 0, rows.created),
        (Family.RESPONSE, everyone, everyone * 0, response_at(config, rows)),
        (
            Family.OPEN,
            opener,
            opened,
            rows.created[opener] - (-OPENS_WITHIN * opened // np.maximum(opens[opener], 1)),
        ),
        (Family.REPLY, everyone, everyone * 0, np.where(outcomes.replied, outcomes.replied_at, np.inf)),
        (Family.FIELD, everyone, everyone * 0, history.fix_at),
        *(
            (Family.STAGE, everyone, everyone * 0 + stage, history.stage_at[:, stage - 1])
            for stage in (1, 2, 3)
        ),
        (Family.CLOSED, everyone, everyone * 0, closing_at(rows)),
        (Family.CORRECTED, everyone, everyone * 0, history.outcome_fix_at),
        (Family.MERGED, everyone, everyone * 0, np.where(history.into >= 0, history.gone_at, np.inf)),
        (Family.DELETED, everyone, everyone * 0, np.where(history.into < 0, history.gone_at, np.inf)),
    ]
    parts = []
    for family, place, part, at in families:
        # Nothing happens to a row that is gone but its going itself.
        end = np.inf if family in {Family.MERGED, Family.DELETED} else history.gone_at[place]
        there = np.flatnonzero((at < seen) & (at < end))
        key = rows.number[place[there]] * 1024 + family * 64 + part[there]
        parts.append((place[there], np.full(there.size, family), part[there], key, at[there]))
    places, kinds, numbers, keys, times = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Events(places, kinds.astype(np.int8), numbers.astype(np.int16), keys, times, times)


def _delivered(config: SimulationConfig, events: Events) -> Events:
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
    return Events(
        columns.place, columns.family, columns.part, columns.key, columns.occurred_at,
        np.concatenate([arrived, second[again]]),
    )  # fmt: skip
