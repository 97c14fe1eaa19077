"""Where alerts are told, and each message on its way there."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from leadscoring.common.claims import OPEN, Work, WorkState
from leadscoring.common.crypto import seal, unseal
from monitoring.contracts import AlertLevel, MessageKind
from monitoring.models.alerts import LEVELS, Alert, AlertEvent

FAILURES_OF_DEATH = 3


class NotificationChannel(models.Model):
    """One way to people. Its settings are sealed; without settings its messages become files."""

    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=20)
    least_level = models.CharField(
        max_length=16,
        choices=LEVELS,
        default=AlertLevel.CRITICAL.value,
        help_text="Alerts below this level are not told here.",
    )
    sealed = models.TextField(blank=True, default="", editable=False)
    enabled = models.BooleanField(default=True)
    consecutive_failures = models.PositiveIntegerField(default=0, editable=False)
    last_success = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True, default="", editable=False)
    dead_since = models.DateTimeField(null=True, blank=True, editable=False)
    # Set where only a person can help: messages wait until the settings change or a test arrives.
    broken = models.BooleanField(default=False, editable=False)
    next_send_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "channel"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        """What it is called where its own failing is read."""
        return f"channel={self.pk}"

    def config(self) -> dict[str, Any]:
        """Its settings in the clear. Raises `CannotOpen`."""
        return unseal(self.sealed)

    def keep(self, config: dict[str, Any]) -> None:
        """Seal new settings; the caller saves the row."""
        self.sealed = seal(config) if config else ""


class Delivery(Work):
    """One message to one channel."""

    # Together about fourteen hours of back-off.
    max_attempts = 20

    alert = models.ForeignKey(
        Alert, null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    event = models.ForeignKey(AlertEvent, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    channel = models.ForeignKey(NotificationChannel, on_delete=models.CASCADE, related_name="deliveries")
    what = models.CharField(max_length=16, choices=[(kind.value, kind.value) for kind in MessageKind])
    dedup_key = models.CharField(max_length=255)
    outcome = models.TextField(blank=True, default="", editable=False)

    class Meta(Work.Meta):
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            *Work.Meta.constraints,
            models.UniqueConstraint(fields=["event", "channel"], name="delivery_once"),
        ]
        indexes: ClassVar = [
            *Work.Meta.indexes,
            models.Index(
                fields=["alert", "channel", "id"], condition=Q(state__in=list(OPEN)), name="delivery_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} through {self.channel}"

    @property
    def is_sent(self) -> bool:
        return self.state == WorkState.DONE.value
