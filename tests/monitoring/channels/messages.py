"""Messages as the services make them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from monitoring.channels.base import Message
from monitoring.contracts import AlertLevel, MessageKind
from tests.factories.watch import START

PLAIN = Message(
    what=MessageKind.TRIGGER,
    level=AlertLevel.CRITICAL,
    headline="Critical: leads of Website stopped coming",
    happened="Since 02 Nov 2026, 09:00 UTC.",
    facts=(
        ("What changed", "95 % of the expected leads did not come."),
        ("How sure", "n = 1,200, p below 0.001."),
    ),
    members=("feature=budget moved", "feature=country moved"),
    url="https://leads.example/admin/monitoring/alert/7/change/",
    at=START,
    dedup_key="leadscore:abc:volume:all:7",
    kind="volume",
    subject="source=Website",
    source="leads.example",
)


def a_message(**changes: Any) -> Message:
    """The message, with changes."""
    return replace(PLAIN, **changes)
