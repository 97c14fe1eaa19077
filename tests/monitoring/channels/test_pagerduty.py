"""PagerDuty's events: what is sent, and what each answer asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leadscoring.common.errors import FixConfiguration, RetryLater, Stop
from monitoring.channels import CHANNELS
from monitoring.channels.base import AskedToWait
from monitoring.channels.pagerduty import document_of
from monitoring.contracts import MessageKind
from tests.factories.watch import OtherSide
from tests.monitoring.channels.messages import a_message

PAGERDUTY = CHANNELS.get("pagerduty")
KEY = "R" * 32


@pytest.fixture
def config(other: OtherSide) -> dict[str, Any]:
    other.says((202, {}, b'{"status":"success"}'))
    return {"routing_key": KEY, "url": other.url}


@pytest.mark.parametrize(
    ("what", "action"),
    [("trigger", "trigger"), ("update", "trigger"), ("acknowledge", "acknowledge"), ("resolve", "resolve")],
)
def test_each_message_is_an_event_with_the_same_key(
    what: str, action: str, config: dict[str, Any], other: OtherSide
) -> None:
    PAGERDUTY.send(config, a_message(what=MessageKind(what)))
    event = other.got[0]
    assert (event["event_action"], event["dedup_key"]) == (action, "leadscore:abc:volume:all:7")
    assert event["routing_key"] == KEY
    assert ("payload" in event) == (action == "trigger")


def test_a_trigger_says_what_where_and_how_serious(config: dict[str, Any], other: OtherSide) -> None:
    PAGERDUTY.send(config, a_message())
    payload = other.got[0]["payload"]
    assert payload["severity"] == "critical"
    assert payload["source"] == "leads.example"
    assert payload["custom_details"]["How sure"] == "n = 1,200, p below 0.001."
    assert other.got[0]["links"][0]["href"].endswith("/alert/7/change/")


def test_a_test_leaves_no_incident_behind(config: dict[str, Any], other: OtherSide) -> None:
    PAGERDUTY.send(config, a_message(what=MessageKind.TEST))
    assert [event["event_action"] for event in other.got] == ["trigger", "resolve"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Stop),
        (429, AskedToWait),
        (500, RetryLater),
        (503, RetryLater),
        (404, FixConfiguration),
        (301, FixConfiguration),
    ],
)
def test_each_answer_says_what_to_do(
    status: int, error: type[Exception], config: dict[str, Any], other: OtherSide
) -> None:
    other.says((status, {"Location": "http://10.0.0.1/"}, b'{"status":"invalid event"}'))
    with pytest.raises(error) as found:
        PAGERDUTY.send(config, a_message())
    assert type(found.value) is error
    if isinstance(found.value, RetryLater):
        assert found.value.retry_after == 180
    assert KEY not in str(found.value)


def test_the_summary_is_cut_by_characters_and_the_whole_kept_below_its_bytes() -> None:
    long = "ü𝕏" * 4000
    event = document_of(a_message(headline=long, facts=((long[:50], long),) * 9, members=(long,) * 5000))
    assert len(event["payload"]["summary"]) == 1024
    assert len(json.dumps(event).encode()) < 512 * 1024
    assert event["payload"]["custom_details"]["same_cause"]


@pytest.mark.parametrize(
    "config",
    [{}, {"routing_key": "short"}, {"routing_key": "R" * 33}, {"routing_key": KEY, "url": "nonsense"}],
)
def test_it_refuses_settings_that_cannot_work(config: dict[str, str]) -> None:
    assert PAGERDUTY.check(config)
    assert not PAGERDUTY.check({"routing_key": KEY})
