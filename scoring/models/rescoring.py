"""Leads to be scored again, asked for in the lead list."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from leadscoring.common.claims import Work


class RescoreRun(Work):
    """Score leads again with what serves: the ones named, or all that a filter finds.

    `last_lead` is the checkpoint: leads are taken in the order of their keys, and it moves in the transaction
    that writes their predictions. So a run that is picked up by another worker scores no lead twice.
    """

    max_attempts = 10

    filters = models.JSONField(default=dict, help_text="Filters and search of the list, as in its address.")
    owner_names = models.JSONField(default=list, help_text="Who “mine” is, as of the request.")
    lead_ids = models.JSONField(
        default=list, help_text="Leads chosen one by one; empty: all the filters find."
    )
    leads_expected = models.PositiveBigIntegerField(default=0, editable=False)
    leads_done = models.PositiveBigIntegerField(default=0, editable=False)
    last_lead = models.UUIDField(null=True, blank=True, editable=False)
    grade_changes = models.JSONField(
        default=dict, editable=False, help_text="Leads by grade before and after."
    )
    reason = models.TextField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta(Work.Meta):
        ordering: ClassVar = ["-id"]
        verbose_name = "rescoring"
        verbose_name_plural = "rescorings"

    def __str__(self) -> str:
        return f"Rescoring {self.pk}"
