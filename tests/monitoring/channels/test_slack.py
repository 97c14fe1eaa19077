"""Slack's webhook: what is sent, and what each answer asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from leadscoring.common.errors import FixConfiguration, RetryLater, Stop
from leadscoring.places import Places
from monitoring.channels import CHANNELS
from monitoring.channels.base import AskedToWait
from monitoring.channels.slack import document_of, escaped
from tests.factories.watch import OtherSide
from tests.monitoring.channels.messages import a_message

SLACK = CHANNELS.get("slack")
SECRET = "/services/T000/B000/secretsecretsecret"


def all_text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)


def test_it_sends_text_and_blocks_and_takes_ok_for_success(other: OtherSide) -> None:
    assert SLACK.send({"url": other.url + SECRET}, a_message()) == "Slack took it."
    document = other.got[0]
    assert document["text"] == "Critical: leads of Website stopped coming"
    assert [block["type"] for block in document["blocks"]] == ["header", *["section"] * 4, "context"]
    assert document["blocks"][-1]["elements"][0]["text"].startswith("<https://leads.example/")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b"invalid_payload", Stop),
        (403, b"action_prohibited", FixConfiguration),
        (404, b"no_service", FixConfiguration),
        (410, b"channel_is_archived", FixConfiguration),
        (401, b"", FixConfiguration),
        (408, b"", RetryLater),
        (500, b"rollup_error", RetryLater),
        (503, b"", RetryLater),
        (200, b"<html>hello</html>", FixConfiguration),
        (302, b"", FixConfiguration),
    ],
)
def test_each_answer_says_what_to_do(
    status: int, body: bytes, error: type[Exception], other: OtherSide
) -> None:
    other.says((status, {"Location": "http://169.254.169.254/"}, body))
    with pytest.raises(error) as found:
        SLACK.send({"url": other.url + SECRET}, a_message())
    assert type(found.value).__mro__[0] is error
    assert "secretsecret" not in str(found.value)
    assert len(other.got) == 1


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "17"}, 17),
        ({}, 30),
        ({"Retry-After": "soon"}, 30),
        ({"Retry-After": "99999999"}, 86_400),
    ],
)
def test_it_waits_as_long_as_slack_asks(headers: dict[str, str], wait: int, other: OtherSide) -> None:
    other.says((429, headers, b"rate_limited"))
    with pytest.raises(AskedToWait) as found:
        SLACK.send({"url": other.url + SECRET}, a_message())
    assert found.value.retry_after == wait


def test_it_hangs_up_without_a_word(other: OtherSide) -> None:
    other.says((0, {}, b""))
    with pytest.raises(RetryLater):
        SLACK.send({"url": other.url + SECRET}, a_message())


@pytest.mark.parametrize("nasty", ["<!channel>", "<@U123> & <https://evil.example|Click>", "&lt;!here&gt;"])
def test_words_of_a_lead_ping_nobody(nasty: str) -> None:
    document = document_of(
        a_message(headline=nasty, happened=nasty, facts=((nasty, nasty),), members=(nasty,), url="/admin/")
    )
    text = all_text(document)
    assert "<!" not in text
    assert "<@" not in text
    assert "<https" not in text
    assert nasty.startswith("&") or nasty not in text


def test_it_keeps_every_limit_whatever_the_words() -> None:
    long = "<&>𝕏" * 20_000
    document = document_of(
        a_message(headline=long, happened=long, facts=((long, long),) * 9, members=(long,) * 99)
    )
    blocks = document["blocks"]
    assert len(blocks) <= 50
    assert len(blocks[0]["text"]["text"]) <= 150
    texts = [block["text"]["text"] for block in blocks if block["type"] == "section"]
    assert all(len(text) <= 3000 for text in texts)
    assert len(document["text"]) + sum(map(len, texts)) + 150 <= 8000


@pytest.mark.parametrize("limit", range(1, 12))
def test_it_never_cuts_an_entity_in_two(limit: int) -> None:
    found = escaped("a<b&c>d", limit)
    assert len(found) <= limit
    rest = found.replace("&lt;", "").replace("&gt;", "").replace("&amp;", "")
    assert "&" not in rest


def test_without_settings_it_writes_a_file(settings: Settings, tmp_path: Path) -> None:
    settings.PLACES = Places(tmp_path)
    outcome = SLACK.send({}, a_message(headline="\ud800 lone"))
    (file,) = (tmp_path / "outbox").iterdir()
    assert file.name in outcome
    assert json.loads(file.read_text())["blocks"]


@pytest.mark.parametrize(
    "url", ["", "hooks.slack.com/x", "ftp://x/y", "https://user:pass@hooks.slack.com/x", "https:// x"]
)
def test_it_refuses_what_is_no_address(url: str) -> None:
    assert "url" in SLACK.check({"url": url})
    assert not SLACK.check({"url": "https://hooks.slack.com/services/T/B/x"})
