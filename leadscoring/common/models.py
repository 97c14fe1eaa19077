"""Rows that every app may write."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


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
