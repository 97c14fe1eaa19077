"""Channels: set up by people, their secrets sealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from leadscoring.common.crypto import CannotOpen, reseal
from monitoring.channels import CHANNELS
from monitoring.contracts import AlertLevel, MonitoringRefused
from monitoring.models import NotificationChannel


def save_channel(
    *,
    channel_id: int | None,
    name: str,
    kind: str,
    least_level: AlertLevel,
    enabled: bool,
    config: Mapping[str, Any] | None,
) -> NotificationChannel:
    """Make or change a channel. config None keeps the settings; {} makes it write files. New settings give it a fresh
    start: what waited because it was broken is sent.

    Raises:
        MonitoringRefused: a setting is not what it should be, or the name is taken.
    """
    if config:
        wrong = CHANNELS.get(kind).check(config)
        if wrong:
            raise MonitoringRefused(
                "The settings cannot be used.",
                errors=tuple(
                    # Never the value: it may be a secret with one letter wrong.
                    {"field": field, "value": "(hidden)", "expected": expected.removeprefix("expected ")}
                    for field, expected in wrong.items()
                ),
            )
    with transaction.atomic():
        row = NotificationChannel.objects.get(pk=channel_id) if channel_id else NotificationChannel(kind=kind)
        row.name, row.least_level, row.enabled = name, least_level.value, enabled
        fields = ["name", "least_level", "enabled"]
        if config is not None:
            row.keep(dict(config))
            row.broken, row.next_send_at = False, None
            fields += ["sealed", "broken", "next_send_at"]
        try:
            with transaction.atomic():
                row.save(update_fields=fields if channel_id else None)
        except IntegrityError:
            raise MonitoringRefused(
                f"There is a channel named {name!r} already; expected another name."
            ) from None
    return row


def reseal_channels() -> tuple[int, int]:
    """Seal every channel's settings with the newest key; returns how many were, and how many no key opens."""
    done = closed = 0
    for pk, sealed in list(NotificationChannel.objects.exclude(sealed="").values_list("pk", "sealed")):
        try:
            fresh = reseal(sealed)
        except CannotOpen:
            closed += 1
            continue
        # Settings that somebody saved meanwhile are sealed with the newest key already.
        done += NotificationChannel.objects.filter(pk=pk, sealed=sealed).update(sealed=fresh)
    return done, closed
