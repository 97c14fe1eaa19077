"""The CRM's event feed: replayed in the order of events it is the CRM's table."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date

import numpy as np
import pandas as pd
import pytest

from leadscoring.simulation import SCENARIOS, Stream, event_count, event_feed, scenario
from leadscoring.simulation.events import KINDS
from leadscoring.simulation.mess import Corrections, LateEvents, RepeatedEvents
from tests.factories.business import ONSET, business, events_of

EVERYTHING = tuple(dial for name in SCENARIOS for dial in scenario(name, ONSET))


def replay(events: list[dict], columns: list[str]) -> pd.DataFrame:
    """What a careful receiver would hold: each event once, in the order in which things happened."""
    rows: dict[str, dict[str, str]] = {}
    known = set()
    for event in sorted(events, key=lambda event: event["occurred_at"]):
        if event["event_id"] in known:
            continue
        known.add(event["event_id"])
        lead = event["external_id"]
        if event["kind"] == "deleted":
            del rows[lead]
            continue
        if event["kind"] == "created":
            assert lead not in rows
            rows[lead] = dict.fromkeys(columns, "") | {"Lead ID": lead}
        row = rows[lead]
        assert set(event["attributes"]) <= set(columns)
        row.update(event["attributes"])
        for gone in event.get("merged_ids", []):
            del rows[gone]
        if "stage" in event:
            row["Stage"] = event["stage"]
        if "outcome" in event:
            assert event["outcome"] == event["kind"]
            row["Converted"] = {"converted": "Yes", "lost": "No"}[event["outcome"]]
            row["Converted At"], row["Revenue (AED)"] = event["converted_at"], event["revenue"]
    return pd.DataFrame(list(rows.values()), columns=columns, dtype="str")


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values("Lead ID").reset_index(drop=True)


@pytest.mark.parametrize("as_of", [None, date(2025, 9, 14), date(2027, 1, 1)])
@pytest.mark.parametrize("turned", [(), EVERYTHING], ids=["quiet", "everything"])
def test_replayed_in_the_order_of_events_it_is_the_crm_table_cell_by_cell(turned, as_of):
    stream = business(*turned, leads=3_000, as_of=as_of)
    pd.testing.assert_frame_equal(
        in_order(replay(events_of(stream), list(stream.leads.columns))), in_order(stream.leads)
    )


def test_it_has_every_kind_of_event_and_counts_what_it_delivers():
    stream = business(*EVERYTHING, leads=3_000)
    events = events_of(stream)
    assert set(Counter(event["kind"] for event in events)) == set(KINDS)
    assert len(events) == event_count(stream)
    assert json.loads(json.dumps(events, allow_nan=False)) == events


def test_events_arrive_in_order_of_arrival_and_never_before_they_happen():
    events = events_of(business(*EVERYTHING, leads=3_000))
    arrived = [event["arrived_at"] for event in events]
    assert arrived == sorted(arrived)
    assert all(event["arrived_at"] >= event["occurred_at"] for event in events)
    assert all("2025-01-01" <= event["occurred_at"] < "2026-01-01" for event in events)
    occurred = [event["occurred_at"] for event in events]
    assert occurred != sorted(occurred)


def test_batches_of_any_size_hold_the_same_events():
    stream = business(leads=600)
    whole = [event for batch in event_feed(stream) for event in batch.records()]
    batches = list(event_feed(stream, batch=97))
    assert [event for batch in batches for event in batch.records()] == whole
    assert {len(batch) for batch in batches[:-1]} == {97}
    for batch in batches:
        assert (
            len(batch.event_id)
            == len(batch.kind)
            == len(batch.occurred_at)
            == len(batch.payload)
            == len(batch)
        )
    with pytest.raises(ValueError, match="batch must be at least 1, not 0"):
        event_feed(stream, batch=0)


def test_read_earlier_the_feed_is_the_beginning_of_the_later_one():
    early = business(*EVERYTHING, leads=2_000, as_of=date(2025, 10, 1))
    late = business(*EVERYTHING, leads=2_000)
    begun = [event for event in events_of(late) if event["occurred_at"] < "2025-10"]
    assert sorted(map(json.dumps, events_of(early))) == sorted(map(json.dumps, begun))


def waits(stream: Stream) -> np.ndarray:
    """Seconds between an event and its arrival, of events since the onset."""
    since = [event for event in events_of(stream) if event["occurred_at"] >= "2025-07"]
    arrived, occurred = (
        np.array([event[name][:-1] for event in since], dtype="datetime64[s]")
        for name in ("arrived_at", "occurred_at")
    )
    return (arrived - occurred).astype(np.int64)


def test_late_events_are_as_many_and_as_late_as_said():
    assert (waits(business(leads=3_000)) > 60).mean() < 0.001
    late = waits(business(LateEvents(size=0.2, hours=10.0, onset=ONSET), leads=3_000))
    assert (late > 60).mean() == pytest.approx(0.2, abs=0.01)
    assert late[late > 60].mean() / 3600 == pytest.approx(10.0, abs=0.8)


def test_repeated_events_come_twice_under_one_id_and_say_the_same():
    stream = business(RepeatedEvents(size=0.1, onset=ONSET), leads=3_000)
    by_id: dict[str, list[dict]] = {}
    for event in events_of(stream):
        by_id.setdefault(event["event_id"], []).append(event)
    twice = [found for found in by_id.values() if len(found) > 1]
    since = sum(found[0]["occurred_at"] >= "2025-07" for found in by_id.values())
    assert len(twice) / since == pytest.approx(0.1, abs=0.01)
    for first, second in twice:
        assert first.pop("arrived_at") < second.pop("arrived_at")
        assert first == second


def test_stages_go_forward_and_end_with_the_outcome():
    order = ["New", "Contacted", "Qualified", "Proposal Sent", "Closed Won", "Closed Lost"]
    stages: dict[str, list[tuple[str, str]]] = {}
    for event in events_of(business(leads=3_000, as_of=date(2027, 1, 1))):
        if "stage" in event:
            stages.setdefault(event["external_id"], []).append((event["occurred_at"], event["stage"]))
    histories = [[order.index(stage) for _, stage in sorted(told)] for told in stages.values()]
    won = [history for history in histories if 4 in history]
    lost = [history for history in histories if 5 in history]
    assert won
    assert all(history == [0, 1, 2, 3, 4] for history in won)
    assert all(history == sorted(set(history)) for history in lost)
    assert len({len(history) for history in lost}) > 1


def test_nobody_can_change_one_event_through_another():
    stream = business(Corrections(what="outcome"), leads=600)
    batch = next(event_feed(stream))
    bodies = [id(payload["attributes"]) for payload in batch.payload]
    assert len(set(bodies)) == len(bodies)
