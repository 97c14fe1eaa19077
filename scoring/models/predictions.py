"""Predictions: one row for each scoring, never changed."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models

from leadscoring.common.ids import uuid7
from scoring.contracts import Cause, Role


class Prediction(models.Model):
    """One immutable scoring event: what was seen, what was said, by which version and why."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    lead = models.ForeignKey("scoring.Lead", on_delete=models.PROTECT, related_name="predictions")
    version = models.ForeignKey("scoring.ModelVersion", on_delete=models.PROTECT, related_name="+")
    release = models.ForeignKey("scoring.Release", on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=16, choices=[(r.value, r.value) for r in Role])
    cause = models.CharField(max_length=16, choices=[(c.value, c.value) for c in Cause])
    values = models.JSONField(help_text="Feature values as scored.")
    warnings = models.JSONField(default=list)
    raw_probability = models.FloatField()
    probability = models.FloatField()
    score = models.PositiveSmallIntegerField()
    grade = models.CharField(max_length=1)
    reasons = models.JSONField()
    propensity = models.FloatField(default=1.0, help_text="Chance that this version scored this lead.")
    first = models.BooleanField(
        "first score of its lead",
        null=True,
        help_text="Whether the lead had no score before; empty: made before this was kept.",
    )
    latency_ms = models.FloatField(help_text="Time of the model and its reasons, in milliseconds.")
    scored_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["lead", "-scored_at", "-id"], name="prediction_of_lead"),
            models.Index(fields=["version", "role", "scored_at"], name="prediction_of_version"),
            # As the list sorts: an old version's predictions lie far down the list of all.
            models.Index(fields=["version", "-scored_at", "-id"], name="prediction_version_newest"),
            # With what the dashboard counts, so that counting reads the index alone.
            models.Index(fields=["-scored_at"], include=["grade", "role"], name="prediction_scored_at"),
            # Rare kinds: a list that filters them would otherwise walk through all the others.
            models.Index(
                fields=["role", "-scored_at"],
                condition=~models.Q(role=Role.CHAMPION.value),
                name="prediction_not_champion",
            ),
            models.Index(
                fields=["cause", "-scored_at"],
                condition=~models.Q(cause=Cause.API.value),
                name="prediction_not_api",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(probability__gte=0.0, probability__lte=1.0),
                name="prediction_probability_is_one",
            ),
            models.CheckConstraint(
                condition=models.Q(score__gte=1, score__lte=99), name="prediction_score_1_to_99"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.score} ({self.grade})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert only: a prediction is a record of what was said."""
        if not self._state.adding:
            raise TypeError("A prediction is never changed; score the lead again instead.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: history is kept."""
        raise TypeError("A prediction is never deleted by hand; erasure has its own service.")
