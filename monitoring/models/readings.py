"""What checks measured, one row for each thing at each moment: what rules are tried on."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from monitoring.contracts import AlertLevel, RuleKind


class StoredReading(models.Model):
    """A reading without its words. Kept so that a changed rule can be tried on the past."""

    kind = models.CharField(max_length=32, choices=[(k.value, k.value.replace("_", " ")) for k in RuleKind])
    subject = models.CharField(max_length=300)
    at = models.DateTimeField()
    value = models.FloatField(null=True, blank=True)
    n = models.PositiveBigIntegerField(default=0)
    p = models.FloatField(null=True, blank=True)
    sure = models.CharField(
        max_length=16, blank=True, default="", choices=[(level.value, level.value) for level in AlertLevel]
    )
    limits = models.JSONField(
        null=True, blank=True, help_text="Own limits of the subject, [warning, critical]; none: the rule's."
    )
    cause = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        verbose_name = "reading"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "subject", "at"], name="reading_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["kind", "at"], name="reading_of_kind")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject}"
