"""Identifiers that leave the system: UUIDv7 (RFC 9562 §5.7), ordered by the time they were made."""

from __future__ import annotations

from uuid import UUID

from uuid_utils import compat


def uuid7() -> UUID:
    """A new UUIDv7: 48 bits of Unix time in milliseconds, then a counter and random bits."""
    return compat.uuid7()
