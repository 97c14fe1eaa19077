"""How versions did, check by check: what was measured and what it rests on."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Exposure(models.TextChoices):
    """Which predictions of a version are judged."""

    SERVING = "serving", "serving"
    SHADOW = "shadow", "shadow"


class PerformanceCheck(models.Model):
    """One version judged at one moment, on leads whose outcome is known and, by estimate, on those that wait.

    `results` says of every metric its n, value, interval and method, or why there is none; how many leads were left
    out and why; and the maturity windows in force. Written once, never edited.
    """

    slot = models.DateTimeField("as of", help_text="Only what was known by then counts.")
    version = models.ForeignKey("scoring.ModelVersion", on_delete=models.PROTECT, related_name="+")
    role = models.CharField(
        "predictions", max_length=16, choices=Exposure.choices, default=Exposure.SERVING.value
    )
    serves = models.BooleanField(default=False, help_text="Whether the version served at the time.")
    ripe = models.PositiveBigIntegerField(default=0)
    conversions = models.PositiveBigIntegerField(default=0)
    waiting = models.PositiveBigIntegerField(default=0, help_text="Scored leads that are too young.")
    results = models.JSONField(default=dict)
    took_ms = models.FloatField(default=0.0)

    class Meta:
        ordering: ClassVar = ["-slot", "-serves", "-version_id", "role"]
        permissions: ClassVar = [("run_performancecheck", "Can have performance checked now")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["slot", "version", "role"], name="performance_checked_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["version", "role", "-slot"], name="performance_of_version")]

    def __str__(self) -> str:
        return f"Performance as of {self.slot:%d %b %Y, %H:%M} UTC"
