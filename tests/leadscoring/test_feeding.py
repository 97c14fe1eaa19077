"""The leads of a scenario on their way to a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from leadscoring import feeding
from leadscoring.feeding import Feed, answers, scenario_leads
from tests.factories.watch import OtherSide, other_side

TODAY = date(2026, 3, 2)


@pytest.fixture
def server() -> Iterator[OtherSide]:
    with other_side() as side:
        yield side


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, without making them."""
    made: list[float] = []
    monkeypatch.setattr(feeding.time, "sleep", made.append)
    return made


def leads(name: str = "quiet", n: int = 20) -> list[dict[str, Any]]:
    return list(scenario_leads(name, world=1, n=n, today=TODAY, run="r1"))


def answer(*items: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, json.dumps({"results": list(items)}).encode()


SCORED: dict[str, Any] = {"result": {"score": 50}}
REFUSED: dict[str, Any] = {"problem": {"status": 422}}


def test_a_broken_field_is_missing_in_every_lead_and_usual_otherwise() -> None:
    assert not [lead for lead in leads("broken-field", 60) if "Timeline" in lead["attributes"]]
    assert len([lead for lead in leads("quiet", 60) if "Timeline" in lead["attributes"]]) > 40


def test_ids_are_of_the_run() -> None:
    ids = [lead["external_id"] for lead in leads()]
    assert len(set(ids)) == 20
    assert all(str(one).startswith("r1-") for one in ids)


def test_it_sends_all_in_calls_of_ten_and_counts_what_became_of_them(
    server: OtherSide, pauses: list[float]
) -> None:
    server.says(answer(*[SCORED] * 10), answer(*[SCORED] * 8, REFUSED, REFUSED))
    feed = Feed(server.url, "key", per_minute=600)
    assert list(feed.run(iter(leads()))) == [10, 20]
    assert (feed.scored, feed.refused, feed.errors) == (18, 2, [])
    assert [len(body["leads"]) for body in server.got] == [10, 10]
    assert set(server.paths) == {"/api/v1/score-leads"}


def test_a_server_that_is_away_gets_the_same_call_again(server: OtherSide, pauses: list[float]) -> None:
    server.says((503, {}, b"not now"), (0, {}, b""), answer(*[SCORED] * 10))
    feed = Feed(server.url, "key", per_minute=600)
    assert list(feed.run(iter(leads(n=10)))) == [10]
    assert feed.scored == 10
    assert server.got[0] == server.got[1] == server.got[2]
    assert len(feed.errors) == 2


def test_a_call_that_is_refused_is_told_and_not_repeated(server: OtherSide, pauses: list[float]) -> None:
    server.says((403, {}, b"no such key"), answer(*[SCORED] * 10))
    feed = Feed(server.url, "key", per_minute=600)
    assert list(feed.run(iter(leads()))) == [10, 20]
    assert feed.scored == 10
    assert "no such key" in feed.errors[0]


def test_it_knows_whether_a_server_answers(server: OtherSide) -> None:
    assert not answers("http://127.0.0.1:9")
    assert Feed("http://127.0.0.1:9", "key", 60).errors == []
