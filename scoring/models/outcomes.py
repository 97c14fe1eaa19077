"""What became of a lead."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from scoring.contracts import OutcomeKind


class Outcome(models.Model):
    """Converted or lost, with revenue. A correction adds a row and the older one stays, not current."""

    lead = models.ForeignKey("scoring.Lead", on_delete=models.CASCADE, related_name="outcomes")
    kind = models.CharField(max_length=16, choices=[(k.value, k.value) for k in OutcomeKind])
    occurred_at = models.DateTimeField(null=True, blank=True)
    revenue = models.DecimalField(max_digits=16, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    is_current = models.BooleanField(default=True)
    recorded_at = models.DateTimeField()
    reported_by = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["lead"], condition=models.Q(is_current=True), name="outcome_one_current_per_lead"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=[k.value for k in OutcomeKind]), name="outcome_kind_known"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["-recorded_at"], name="outcome_recorded")]

    def __str__(self) -> str:
        return f"Outcome {self.pk}: {self.kind}"
