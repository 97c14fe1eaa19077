"""API keys: who may call what, as which source system, until when."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models


class ApiKey(models.Model):
    """A machine's key. Only a hash of the secret is kept; it is shown once, when made."""

    name = models.CharField(max_length=255)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    secret_hash = models.CharField(max_length=128, editable=False)
    scopes = models.JSONField(default=list)
    source_system = models.CharField(
        max_length=64, help_text="The system whose external ids this key speaks."
    )
    per_minute = models.PositiveIntegerField("calls a minute", default=6000)
    created_at = models.DateTimeField(editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def usable(self, at: datetime) -> bool:
        """Whether the key may be used at this time."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)
