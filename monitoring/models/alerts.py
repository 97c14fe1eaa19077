"""Rules, the alerts they raise, and what happened to each."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from monitoring.contracts import RULES, AlertLevel, AlertState, HappenedKind, RuleDefault, RuleKind

LEVELS = [(level.value, level.value) for level in AlertLevel]
KINDS = [(default.kind.value, default.name) for default in RULES]
DEFAULTS = {default.kind: default for default in RULES}


class AlertRule(models.Model):
    """From which value on one kind of reading warns or is critical. One row for each kind, made once."""

    kind = models.CharField(max_length=32, unique=True, choices=KINDS, editable=False)
    enabled = models.BooleanField(default=True, help_text="Off: nothing of this kind raises an alert.")
    warning = models.FloatField(null=True, blank=True, help_text="Empty: it never warns.")
    critical = models.FloatField(null=True, blank=True, help_text="Empty: it is never critical.")
    quiet_checks = models.PositiveSmallIntegerField(
        "quiet checks before it clears",
        default=1,
        help_text="How many checks in a row must find nothing before an alert clears by itself.",
    )
    note = models.TextField(
        blank=True, default="", max_length=2000, help_text="Why the limits are what they are."
    )
    judged_at = models.DateTimeField(null=True, blank=True, editable=False)
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )

    class Meta:
        verbose_name = "alert rule"

    def __str__(self) -> str:
        return self.default.name

    @property
    def default(self) -> RuleDefault:
        """What the program brings along for this kind: name, unit, meaning, limits."""
        return DEFAULTS[RuleKind(self.kind)]


class Alert(models.Model):
    """One thing that is wrong, from its onset to its end. At most one for each fingerprint stands at a time."""

    fingerprint = models.CharField(max_length=400, editable=False)
    kind = models.CharField(max_length=32, choices=KINDS, editable=False)
    subject = models.CharField(max_length=300, editable=False)
    cause = models.CharField(max_length=300, blank=True, default="", editable=False)
    state = models.CharField(
        max_length=16,
        default=AlertState.OPEN.value,
        choices=[(state.value, state.value) for state in AlertState],
        editable=False,
    )
    level = models.CharField(max_length=16, choices=LEVELS, editable=False)
    level_rank = models.PositiveSmallIntegerField(editable=False)
    highest_level = models.CharField(max_length=16, choices=LEVELS, editable=False)
    onset = models.DateTimeField(editable=False)
    last_seen = models.DateTimeField(editable=False)
    value = models.FloatField(null=True, blank=True, editable=False)
    limit = models.FloatField(null=True, blank=True, editable=False)
    n = models.PositiveBigIntegerField(default=0, editable=False)
    p = models.FloatField(null=True, blank=True, editable=False)
    title = models.CharField(max_length=300, editable=False)
    what = models.TextField(blank=True, default="", editable=False)
    sure = models.TextField(blank=True, default="", editable=False)
    consequence = models.TextField(blank=True, default="", editable=False)
    next_step = models.TextField(blank=True, default="", editable=False)
    link = models.CharField(max_length=500, blank=True, default="", editable=False)
    parts = models.JSONField(
        default=list, editable=False, help_text="Every reading it consists of, with its words."
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True, editable=False)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )
    snoozed_until = models.DateTimeField(null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )
    close_reason = models.TextField(blank=True, default="", editable=False)
    fence = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=Q(state__in=[AlertState.OPEN.value, AlertState.HELD.value]),
                name="alert_stands_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "-level_rank", "-onset"], name="alert_by_weight"),
            models.Index(fields=["-onset"], name="alert_newest"),
        ]
        permissions: ClassVar = [("handle_alert", "Can acknowledge, take, snooze and close alerts")]

    def __str__(self) -> str:
        return f"alert {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state == AlertState.OPEN.value

    @property
    def members(self) -> list[dict[str, Any]]:
        """The other readings of its cause: those beside the one that speaks."""
        return [part for part in self.parts if (part["kind"], part["subject"]) != (self.kind, self.subject)]


class AlertEvent(models.Model):
    """One line of an alert's history; written once, never changed."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in HappenedKind])
    level = models.CharField(max_length=16, choices=LEVELS)
    text = models.TextField(blank=True, default="")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.kind} of alert {self.alert_id}"
