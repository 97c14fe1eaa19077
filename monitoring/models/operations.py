"""How the service runs: what its web processes counted, and what a look at it found."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

MINUTE, HOUR = 60, 3600


class RequestTally(models.Model):
    """Calls of the REST interface that one process answered within one minute, or of all processes within one hour.

    A process writes its own rows with absolute numbers, so writing one twice changes nothing.
    """

    process = models.CharField(max_length=40, help_text="Who counted; empty for an hour of all processes.")
    minute = models.DateTimeField(help_text="When the stretch of time begins.")
    seconds = models.PositiveSmallIntegerField(default=MINUTE, help_text="How long it is.")
    route = models.CharField(max_length=64)
    kind = models.CharField(max_length=64, help_text="ok, refused, no-model or error:<type of problem>.")
    count = models.PositiveBigIntegerField(default=0)
    total_ms = models.FloatField(default=0.0)
    buckets = models.JSONField(default=dict, help_text="Answers by bucket of their time.")

    class Meta:
        verbose_name = "count of calls"
        verbose_name_plural = "counts of calls"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["process", "minute", "route", "kind"], name="tally_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["seconds", "minute"], name="tally_minute")]

    def __str__(self) -> str:
        return f"{self.count} × {self.route}"


class RequestTotal(models.Model):
    """Calls of hours that are no longer kept: with the tallies, all that were ever answered."""

    route = models.CharField(max_length=64)
    kind = models.CharField(max_length=64)
    count = models.PositiveBigIntegerField(default=0)
    total_ms = models.FloatField(default=0.0)
    buckets = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["route", "kind"], name="total_once")]

    def __str__(self) -> str:
        return f"{self.count} × {self.route}"


class PredictionTotal(models.Model):
    """One row: all predictions before `until`, by version, role and grade, and their times."""

    until = models.DateTimeField()
    totals = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"Predictions before {self.until:%d %b %Y, %H:%M} UTC"


class OperationsCheck(models.Model):
    """One look at how the service runs. One for each minute, however many workers look."""

    slot = models.DateTimeField(unique=True)
    calls = models.PositiveIntegerField(default=0, help_text="Calls in the five minutes before.")
    queue_lag_s = models.FloatField("queue lag (s)", default=0.0)
    p95_ms = models.FloatField(
        "p95 (ms)", null=True, blank=True, help_text="Of score-lead, over the five minutes before."
    )
    results = models.JSONField(default=dict)

    class Meta:
        verbose_name = "operations check"
        ordering: ClassVar = ["-slot"]

    def __str__(self) -> str:
        return f"Look at {self.slot:%d %b %Y, %H:%M} UTC"
