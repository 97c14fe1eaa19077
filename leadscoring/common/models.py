"""Rows that every app may write."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.db import models

from leadscoring.common.claims import Work, WorkState


def new_token() -> str:
    """Twelve random characters; no two installations draw the same."""
    return secrets.token_hex(6)


class Installation(models.Model):
    """The one row that names this installation; see `leadscoring.common.installation`."""

    token = models.CharField(max_length=32, default=new_token, editable=False)
    worker_prefix = models.CharField(
        max_length=80, default="", editable=False, help_text="The Redis prefix of the worker started last."
    )
    beat_prefix = models.CharField(
        max_length=80, default="", editable=False, help_text="The Redis prefix of the beat started last."
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(pk=1), name="common_installation_one"),
        ]

    def __str__(self) -> str:
        return self.token

    @classmethod
    def this(cls) -> Installation:
        """The row, made when it is not there. Of several that make it at once, one wins."""
        row, _ = cls.objects.get_or_create(pk=1)
        return row


class IdempotencyRecord(models.Model):
    """The answer to one request with an `Idempotency-Key`, written in the transaction of its effect.

    There is no state "in flight": a request that has not been committed has left no row.
    """

    caller = models.CharField(
        max_length=64, help_text="The API key's id: one caller never sees another's answer."
    )
    method = models.CharField(max_length=8)
    route = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the canonical request.")
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=list)
    body = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["caller", "method", "route", "key"], name="common_idempotency_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.route} → {self.status}"


class JobState(models.TextChoices):
    """As other work, and skipped: nobody began it in its time, and its rule does not make it up."""

    QUEUED = WorkState.QUEUED.value, "Waiting"
    RUNNING = WorkState.RUNNING.value, "Running"
    DONE = WorkState.DONE.value, "Done"
    FAILED = WorkState.FAILED.value, "Failed"
    SKIPPED = "skipped", "Skipped"


class JobRun(Work):
    """One slot of a scheduled job; see `leadscoring.common.jobs`."""

    job = models.CharField(max_length=100, editable=False)
    slot = models.DateTimeField(editable=False, help_text="When the slot begins, UTC.")
    state = models.CharField(max_length=16, choices=JobState.choices, default=JobState.QUEUED, editable=False)

    class Meta(Work.Meta):
        verbose_name = "scheduled run"
        ordering: ClassVar = ["-slot", "job"]
        constraints: ClassVar = [
            *Work.Meta.constraints,
            models.UniqueConstraint(fields=["job", "slot"], name="common_jobrun_once"),
        ]
        indexes: ClassVar = [
            *Work.Meta.indexes,
            models.Index(fields=["-slot", "job"], name="common_jobrun_newest"),
            models.Index(fields=["state", "-slot"], name="common_jobrun_state"),
        ]

    def __str__(self) -> str:
        return f"{self.job} of {self.slot:%Y-%m-%d %H:%M} UTC"
