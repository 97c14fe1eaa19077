"""Checks of drift and of data quality, and the limits of single features."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class CheckKind(models.TextChoices):
    """What a check looks at."""

    DRIFT = "drift", "drift, seven days"
    QUALITY = "quality", "data quality, hourly"


class DriftCheck(models.Model):
    """One comparison of a version's leads with its reference. Written once for its moment, never edited."""

    kind = models.CharField(max_length=16, choices=CheckKind.choices)
    version = models.ForeignKey("scoring.ModelVersion", on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=16, default="champion")
    since = models.DateTimeField()
    until = models.DateTimeField()
    n = models.PositiveBigIntegerField(help_text="Leads in the window.")
    level = models.CharField(max_length=16, help_text="The worst level found.")
    found = models.JSONField(default=list, help_text="One entry for each thing compared, worst first.")
    summary = models.JSONField(default=dict)
    took_ms = models.FloatField()
    made_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-until", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "version", "role", "until"], name="drift_check_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["-until", "-id"], name="drift_check_newest")]
        permissions: ClassVar = [("run_driftcheck", "Can have drift and data quality checked now")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} until {self.until:%Y-%m-%d %H:%M}"


class FeatureLimit(models.Model):
    """Limits of the PSI of one feature of one feature set, in place of the rule's."""

    feature_set = models.ForeignKey("scoring.FeatureSet", on_delete=models.CASCADE, related_name="+")
    feature = models.CharField(max_length=500)
    warning = models.FloatField("warning from PSI", default=0.25)
    critical = models.FloatField("critical from PSI", default=0.5)
    reason = models.TextField()
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )
    set_at = models.DateTimeField(editable=False)

    class Meta:
        ordering: ClassVar = ["feature_set", "feature"]
        verbose_name = "limit of a feature"
        verbose_name_plural = "limits of features"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["feature_set", "feature"], name="feature_limit_once"),
            models.CheckConstraint(
                condition=models.Q(warning__gt=0, critical__gte=models.F("warning")),
                name="feature_limit_ordered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.feature}: warning {self.warning:g}, critical {self.critical:g}"
