"""Profiles as rows: what each hour and day looked like to a version, for all leads and for each watched value."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from scoring.contracts import Role


class Span(models.TextChoices):
    """How long a stretch a row covers."""

    # Of the last hours only: what has just broken or been mended shows within minutes.
    SLICE = "slice", "five minutes"
    HOUR = "hour", "hour"
    DAY = "day", "day"


class StoredProfile(models.Model):
    """One stretch of time of one version in one role.

    First scores of leads and later ones are apart: a lead that its CRM sends ten times is still one lead. Scorings
    again in bulk are not counted at all: they bring nothing new from outside.
    """

    version = models.ForeignKey(
        "scoring.ModelVersion", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    role = models.CharField(max_length=16, choices=[(r.value, r.value) for r in Role])
    first = models.BooleanField(help_text="Leads scored for the first time; else scored again.")
    span = models.CharField(max_length=8, choices=Span.choices)
    start = models.DateTimeField()
    feature = models.CharField(
        max_length=500,
        blank=True,
        default="",
        help_text="A feature watched value by value; empty: all leads.",
    )
    bin = models.PositiveIntegerField(default=0, help_text="Its value, as a bin of the reference.")
    layout = models.CharField(max_length=16, help_text="Digest of the features and bins the counts are of.")
    n = models.PositiveBigIntegerField()
    counts = models.BinaryField()
    moments = models.BinaryField()
    sketches = models.BinaryField(default=b"")

    class Meta:
        verbose_name = "profile"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "role", "span", "start", "first", "feature", "bin"], name="profile_once"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["span", "start"], name="profile_span_start")]

    def __str__(self) -> str:
        return f"{self.span} of {self.start:%Y-%m-%d %H:%M}: {self.n} leads"


class FoldState(models.Model):
    """How far predictions are counted: every prediction before `folded_until` is in a profile. One row.

    It moves by a conditional UPDATE within the transaction that writes the profiles, so two workers cannot count one
    stretch twice, and a killed one leaves nothing half-counted.
    """

    only = models.BooleanField(default=True, unique=True, editable=False)
    folded_until = models.DateTimeField()
    rolled_until = models.DateTimeField(help_text="Days before this are summed from their hours.")
    updated_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(only=True), name="fold_state_one_row"),
        ]

    def __str__(self) -> str:
        return f"Counted until {self.folded_until:%Y-%m-%d %H:%M}"
