"""Every other service, by Apprise: Teams, Discord, Telegram, Matrix, ntfy and so on.

Apprise makes its own connections, some of them by other protocols than HTTP. So it runs in a process of its own, whose
sockets refuse internal addresses whatever the protocol; the address goes there by standard input, where no list of
processes shows it.
"""

from __future__ import annotations

import json
import subprocess  # our own module, no shell, fixed arguments
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from leadscoring.common.errors import FixConfiguration, RetryLater
from leadscoring.common.http import allowed_addresses
from leadscoring.common.text import line, plain
from monitoring.channels.base import Channel, Message, Setting, keep_as_file
from monitoring.contracts import AlertLevel

CHILD = "monitoring.channels.apprise_child"
SECONDS = 45
LONGEST_BODY = 3000


class Apprise(Channel):
    label = "Another service (Apprise)"
    least_level = AlertLevel.CRITICAL
    seconds_between = 1.0
    keeps_incidents = False
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            "url",
            "Apprise address",
            "Such as tgram://token/chat or ntfys://topic; see appriseit.com. It is a secret.",
            secret=True,
        ),
    )

    def check(self, config: Mapping[str, Any]) -> dict[str, str]:
        url = str(config.get("url", ""))
        return {} if "://" in url else {"url": "expected service://…"}

    def send(self, config: Mapping[str, Any], message: Message) -> str:
        body = body_of(message)
        document = {"title": line(message.headline, 200), "body": body}
        if not config:
            return keep_as_file("apprise", document)
        asked = {**document, "url": config["url"], "allow": allowed_addresses()}
        try:
            done = subprocess.run(  # noqa: S603  # our own module
                [sys.executable, "-m", CHILD],
                input=json.dumps(asked),
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RetryLater("The service did not answer in time.", retry_after=None) from None
        outcome = done.stdout.strip()
        if outcome == "sent":
            return "The service took it."
        if outcome == "unknown":
            raise FixConfiguration("Apprise does not know this kind of address, or a part of it is missing.")
        if outcome == "refused":
            raise FixConfiguration(
                "The address leads to an internal one, which is not called. An operator may allow the host in "
                "OUTBOUND_ALLOW."
            )
        raise RetryLater("The service did not take it.", retry_after=None)


def body_of(message: Message) -> str:
    """The message as plain text."""
    lines = [message.happened, *(f"{name}: {value}" for name, value in message.facts if value), message.url]
    return plain("\n\n".join(lines), LONGEST_BODY)
