"""What a channel gets, and what it must be able to do."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from leadscoring.common import outbox
from leadscoring.common.errors import FixConfiguration, RetryLater, Stop
from leadscoring.common.http import Answer
from leadscoring.common.text import line
from monitoring.contracts import AlertLevel, MessageKind

LONGEST_ANSWER_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Message:
    """One message, as plain text: what it does, and what the alert says.

    headline: the first line; happened: the event that it tells. url: the alert's page, a path where no PUBLIC_URL is
    set. members: one line for each other reading of the same cause.
    """

    what: MessageKind
    level: AlertLevel
    headline: str
    happened: str
    facts: tuple[tuple[str, str], ...]
    members: tuple[str, ...]
    url: str
    at: datetime
    dedup_key: str
    kind: str
    subject: str
    source: str

    @property
    def has_address(self) -> bool:
        """Whether the link leads somewhere from outside the admin."""
        return self.url.startswith(("https://", "http://"))


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a channel, as its form asks for it. many: one value a line. secret: never shown again."""

    name: str
    label: str
    help_text: str
    secret: bool = False
    many: bool = False
    required: bool = True


class AskedToWait(RetryLater):
    """Too many messages: nothing is wrong with the channel, but all of its messages wait."""

    kind = "asked-to-wait"
    title = "Too many messages"


class Channel(ABC):
    """A way to people. `send` returns what became of it, in words, or raises what the caller must do: RetryLater, Stop
    (this message never) or FixConfiguration (no message until a person helps)."""

    label: ClassVar[str]
    settings: ClassVar[tuple[Setting, ...]]
    least_level: ClassVar[AlertLevel]
    # At most one message in so many seconds; 0: as fast as they come.
    seconds_between: ClassVar[float]
    # Whether the other side keeps an incident open until it is told of the end.
    keeps_incidents: ClassVar[bool]

    @abstractmethod
    def check(self, config: Mapping[str, Any]) -> dict[str, str]:
        """What is wrong with new settings: name of the setting → what was expected."""

    @abstractmethod
    def send(self, config: Mapping[str, Any], message: Message) -> str:
        """Send one message, or write it to a file where there are no settings."""


def refuse(answer: Answer, who: str) -> None:
    """Raise what an answer that is no success asks for; the special cases of a protocol come before."""
    words = line(answer.text, LONGEST_ANSWER_SHOWN) or "no words"
    if answer.is_redirect:
        raise FixConfiguration(
            f"{who} answered {answer.status} and points elsewhere; redirects are not followed. Enter the address it "
            "leads to."
        )
    if answer.status == 408 or answer.status >= 500:
        raise RetryLater(f"{who} answered {answer.status}: {words}", retry_after=answer.retry_after)
    if answer.status == 400:
        raise Stop(f"{who} refused the message (400): {words}")
    raise FixConfiguration(f"{who} answered {answer.status}: {words}")


def keep_as_file(kind: str, document: Mapping[str, Any]) -> str:
    """What would have been sent, as a file; the words of its outcome."""
    text = json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8", "replace")
    return f"Written to {outbox.write(kind, 'json', text)}: the channel has no settings yet."


def bad_address(value: str, host: str = "") -> str:
    """What is wrong with an https address, or nothing."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(value)
        found = parts.hostname if parts.scheme in {"https", "http"} and parts.username is None else None
    except ValueError:
        found = None
    if not found or any(letter.isspace() for letter in value):
        return f"expected an address such as https://{host or 'host'}/…"
    return ""
