"""Saved views: filters, search and order of the lead list under a name."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """One view of the lead list, of one person, perhaps shown to everybody."""

    name = models.CharField(max_length=60)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    query = models.TextField(
        blank=True, default="", help_text="Filters, search and order, as in the address."
    )
    is_shared = models.BooleanField("shown to everybody", default=False)
    is_default = models.BooleanField(
        "opens first", default=False, help_text="The list opens with this view. One for each person."
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["name", "id"]
        permissions: ClassVar = [("share_savedview", "Can show a saved view to everybody")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "name"], name="saved_view_name_once_per_person"),
            models.UniqueConstraint(
                fields=["owner"], condition=models.Q(is_default=True), name="saved_view_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name
