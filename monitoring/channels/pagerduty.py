"""PagerDuty by Events API v2 (developer.pagerduty.com, "Send an alert event")."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from leadscoring.common.errors import RetryLater, Stop
from leadscoring.common.http import post_json
from leadscoring.common.text import line, plain
from monitoring.channels.base import AskedToWait, Channel, Message, Setting, bad_address, keep_as_file, refuse
from monitoring.contracts import AlertLevel, MessageKind

ADDRESS = "https://events.pagerduty.com/v2/enqueue"
LONGEST_SUMMARY = 1024
LARGEST_EVENT = 512 * 1024
# "Preferably with a backoff of a few minutes."
WAIT_SECONDS = 180
ACTIONS = {
    MessageKind.TRIGGER: "trigger",
    MessageKind.UPDATE: "trigger",
    MessageKind.TEST: "trigger",
    MessageKind.ACKNOWLEDGE: "acknowledge",
    MessageKind.RESOLVE: "resolve",
}
ROUTING_KEY = re.compile(r"\A[0-9A-Za-z]{32}\Z")


class PagerDuty(Channel):
    label = "PagerDuty"
    least_level = AlertLevel.CRITICAL
    seconds_between = 0.0
    keeps_incidents = True
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            "routing_key",
            "Integration key",
            "32 letters and digits, from the service's Events API V2 integration. It is a secret.",
            secret=True,
        ),
        Setting(
            "url",
            "Address",
            f"Empty: {ADDRESS}; for the European region https://events.eu.pagerduty.com/v2/enqueue.",
            required=False,
        ),
    )

    def check(self, config: Mapping[str, Any]) -> dict[str, str]:
        found = {}
        if not ROUTING_KEY.match(str(config.get("routing_key", ""))):
            found["routing_key"] = "expected 32 letters and digits"
        if config.get("url") and (wrong := bad_address(str(config["url"]), "events.pagerduty.com")):
            found["url"] = wrong
        return found

    def send(self, config: Mapping[str, Any], message: Message) -> str:
        event = document_of(message)
        if not config:
            return keep_as_file("pagerduty", event)
        where = str(config.get("url") or ADDRESS)
        answer = post_json(where, {"routing_key": config["routing_key"], **event})
        wait = answer.retry_after if answer.retry_after is not None else WAIT_SECONDS
        if answer.status == 429:
            raise AskedToWait("PagerDuty asks to wait (429).", retry_after=wait)
        if answer.status >= 500:
            raise RetryLater(f"PagerDuty answered {answer.status}.", retry_after=wait)
        if answer.status != 202:
            refuse(answer, "PagerDuty")
        if message.what is MessageKind.TEST:
            # A test leaves no incident behind: the same key, resolved at once.
            post_json(
                where,
                {
                    "routing_key": config["routing_key"],
                    "event_action": "resolve",
                    "dedup_key": message.dedup_key,
                },
            )
        return "PagerDuty took it (202)."


def document_of(message: Message) -> dict[str, Any]:
    """The event without its routing key. Summary cut by characters, the whole measured in bytes."""
    event: dict[str, Any] = {"event_action": ACTIONS[message.what], "dedup_key": message.dedup_key}
    if event["event_action"] != "trigger":
        return event
    details = {"happened": message.happened, **{name: plain(value, 4000) for name, value in message.facts}}
    event["payload"] = {
        "summary": line(message.headline, LONGEST_SUMMARY),
        "source": message.source,
        "severity": message.level.value,
        "timestamp": message.at.isoformat(),
        "component": line(message.subject, 255),
        "class": message.kind,
        "custom_details": details,
    }
    if message.has_address:
        event["links"] = [{"href": message.url, "text": "Open the alert"}]
    members = list(message.members)
    while members:
        details["same_cause"] = "\n".join(line(one, 300) for one in members)
        if _bytes(event) <= LARGEST_EVENT - 1024:
            return event
        del members[len(members) // 2 :]
        details.pop("same_cause")
    if _bytes(event) > LARGEST_EVENT - 1024:
        raise Stop(f"The event has {_bytes(event):,} bytes; expected at most {LARGEST_EVENT:,}.")
    return event


def _bytes(event: Mapping[str, Any]) -> int:
    return len(json.dumps(event).encode())
