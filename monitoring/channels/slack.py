"""Slack by incoming webhook (docs.slack.dev, "Sending messages using incoming webhooks"), and what speaks the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from leadscoring.common.errors import FixConfiguration
from leadscoring.common.http import post_json
from leadscoring.common.text import line
from monitoring.channels.base import AskedToWait, Channel, Message, Setting, bad_address, keep_as_file, refuse
from monitoring.contracts import AlertLevel

# The limit of one block is 3,000 and of a header 150; the sum has one too, seen near 13,200 (bolt-js#2509).
LONGEST_HEADER, LONGEST_SECTION, LONGEST_WHOLE = 150, 2900, 8000
MOST_MEMBERS = 20
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
WAIT_SECONDS = 30


class Slack(Channel):
    label = "Slack"
    least_level = AlertLevel.WARNING
    seconds_between = 1.0
    keeps_incidents = False
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            "url",
            "Webhook address",
            "From Slack: Incoming Webhooks, https://hooks.slack.com/services/… It is a secret.",
            secret=True,
        ),
    )

    def check(self, config: Mapping[str, Any]) -> dict[str, str]:
        wrong = bad_address(str(config.get("url", "")), "hooks.slack.com")
        return {"url": wrong} if wrong else {}

    def send(self, config: Mapping[str, Any], message: Message) -> str:
        document = document_of(message)
        if not config:
            return keep_as_file("slack", document)
        answer = post_json(config["url"], document)
        if answer.status == 429:
            raise AskedToWait(
                "Slack asks to wait (429).",
                retry_after=answer.retry_after if answer.retry_after is not None else WAIT_SECONDS,
            )
        if answer.status != 200:
            refuse(answer, "Slack")
        if answer.text.strip() != "ok":
            raise FixConfiguration("The address answered 200 but not “ok”: it is no Slack webhook.")
        return "Slack took it."


def escaped(text: str, limit: int) -> str:
    """The text with Slack's three special characters escaped, at most `limit` characters of result, no entity cut.

    >>> escaped("<!channel> & more", 100), escaped("a<b", 3)
    ('&lt;!channel&gt; &amp; more', 'a…')
    """
    found: list[str] = []
    room = limit
    for letter in text:
        piece = ENTITIES.get(letter, letter)
        if (len(piece) > room - 1 and len(found) < len(text) - 1) or len(piece) > room:
            return "".join(found) + "…"
        found.append(piece)
        room -= len(piece)
    return "".join(found)


def document_of(message: Message) -> dict[str, Any]:
    """The message as Slack wants it: text for notifications, blocks for the channel."""
    left = LONGEST_WHOLE
    text = escaped(line(message.headline, 400), 500)
    header = escaped(line(message.headline, LONGEST_HEADER), LONGEST_HEADER)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": header, "emoji": False}}
    ]
    left -= len(text) + len(header)
    sections = [message.happened, *(f"{name}: {value}" for name, value in message.facts if value)]
    if message.members:
        shown = "\n".join(f"- {line(one, 200)}" for one in message.members[:MOST_MEMBERS])
        more = len(message.members) - MOST_MEMBERS
        sections.append("Same cause:\n" + shown + (f"\nand {more} more" if more > 0 else ""))
    for section in sections:
        room = min(LONGEST_SECTION, left - 600)
        if room < 100:
            break
        words = escaped(section, room)
        left -= len(words)
        blocks.append(
            # verbatim: names, channels and addresses in a lead's words stay words.
            {"type": "section", "text": {"type": "mrkdwn", "text": words, "verbatim": True}}
        )
    where = f"<{message.url}|Open the alert>" if message.has_address else escaped(message.url, 500)
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": where, "verbatim": True}]})
    return {"text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}
