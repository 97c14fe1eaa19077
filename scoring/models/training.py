"""Training runs as rows, and the limits they read."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from leadscoring.common.claims import Work


class TrainingRun(Work):
    """One request to train; claimed by a worker or run by the command."""

    feature_set = models.ForeignKey("scoring.FeatureSet", on_delete=models.PROTECT, related_name="+")
    trials = models.PositiveIntegerField(default=25)
    timeout_s = models.PositiveIntegerField("time limit (s)", default=90)
    seed = models.PositiveIntegerField(default=0)
    reason = models.TextField(blank=True, default="")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    report = models.JSONField(
        default=dict, blank=True, help_text="Counts of what trained and what was left out."
    )
    held_by = models.CharField(
        max_length=255,
        blank=True,
        default="",
        editable=False,
        help_text="Machine and folder of the command that runs it; blank for a worker.",
    )

    class Meta(Work.Meta):
        ordering: ClassVar = ["-id"]
        permissions: ClassVar = [("start_training", "Can start a training run")]

    def __str__(self) -> str:
        return f"Training run {self.pk}"


class TrainingPolicy(models.Model):
    """The one row of limits that training reads; edited in the admin."""

    minimum_leads = models.PositiveIntegerField(default=1000)
    minimum_conversions = models.PositiveIntegerField(default=120)
    horizon_days = models.PositiveIntegerField(
        default=180,
        help_text="Longest time a lead is waited for; also the window where none can be estimated.",
    )
    segment_features = models.JSONField(
        "segments watched",
        default=list,
        blank=True,
        help_text="Category features whose values are counted one by one on the readiness page.",
    )

    class Meta:
        verbose_name = "training limits"
        verbose_name_plural = "training limits"

    def __str__(self) -> str:
        return f"at least {self.minimum_leads:,} leads and {self.minimum_conversions:,} conversions"


class MaturityWindow(models.Model):
    """How long leads of one source are waited for before they count as not converted."""

    source_system = models.CharField(max_length=64, unique=True)
    estimated_days = models.FloatField(null=True, blank=True, editable=False)
    estimate_note = models.TextField(blank=True, default="", editable=False)
    estimated_at = models.DateTimeField(null=True, blank=True, editable=False)
    set_days = models.FloatField(
        "days set by hand", null=True, blank=True, help_text="Overrides the estimate; leave empty to use it."
    )

    class Meta:
        ordering: ClassVar = ["source_system"]

    def __str__(self) -> str:
        return f"{self.source_system}: " + ("no window yet" if self.days is None else f"{self.days:.0f} days")

    @property
    def days(self) -> float | None:
        """The window in force, in days."""
        return self.set_days if self.set_days is not None else self.estimated_days


class ReadinessSnapshot(models.Model):
    """What was counted for the readiness page at one time: at a million leads a page view cannot count them."""

    taken_at = models.DateTimeField()
    took_ms = models.FloatField()
    counts = models.JSONField()

    class Meta:
        ordering: ClassVar = ["-taken_at", "-id"]
        verbose_name = "readiness"
        verbose_name_plural = "readiness"

    def __str__(self) -> str:
        return f"Readiness of {self.taken_at:%Y-%m-%d %H:%M} UTC"
