"""What happened to a lead: events as they came, and the scores that a rep put in place of the machine's."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import Q

from scoring.contracts import EventKind, Grade, OverrideEnd


class LeadEvent(models.Model):
    """One change of a lead, added where the change is written and never edited afterwards.

    Scorings and outcomes are rows of their own; the lead's page shows all of them in one timeline.
    """

    lead = models.ForeignKey("scoring.Lead", on_delete=models.PROTECT, related_name="events", db_index=False)
    kind = models.CharField(max_length=24, choices=[(k.value, k.value.replace("_", " ")) for k in EventKind])
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    was = models.CharField(max_length=255, blank=True, default="")
    now = models.CharField(max_length=255, blank=True, default="")
    by = models.CharField(max_length=255, blank=True, default="", help_text="Who or what told it, in words.")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["lead", "-happened_at", "-id"], name="lead_event_of_lead")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.lead_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert only: the history is a record."""
        if not self._state.adding:
            raise TypeError("An event of a lead is never changed; add another one.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: history is kept."""
        raise TypeError("An event of a lead is never deleted by hand; erasure has its own service.")


class ScoreOverride(models.Model):
    """A rep's word against the machine's: a grade, perhaps a score, with a reason and an end.

    The machine's score at that moment is kept beside it, and the lead's own score columns stay the machine's.
    """

    lead = models.ForeignKey("scoring.Lead", on_delete=models.PROTECT, related_name="overrides")
    grade = models.CharField(max_length=1, choices=[(g.value, g.value) for g in Grade])
    score = models.PositiveSmallIntegerField(null=True, blank=True)
    machine_grade = models.CharField(max_length=1, blank=True, default="")
    machine_score = models.PositiveSmallIntegerField(null=True, blank=True)
    reason = models.TextField()
    set_by = models.CharField(max_length=255, help_text="Who set it, in words.")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    set_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_how = models.CharField(
        max_length=16,
        blank=True,
        default="",
        choices=[(e.value, e.value.replace("_", " ")) for e in OverrideEnd],
    )
    ended_by = models.CharField(max_length=255, blank=True, default="")
    end_reason = models.TextField(blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-set_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["lead"], condition=Q(ended_at__isnull=True), name="override_one_current_per_lead"
            ),
            models.CheckConstraint(
                condition=Q(score__isnull=True) | Q(score__gte=1, score__lte=99),
                name="override_score_1_to_99",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("set_at")), name="override_ends_later"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-set_at", "-id"], name="override_newest"),
            models.Index(fields=["expires_at"], name="override_due", condition=Q(ended_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.words} for {self.lead_id}"

    @property
    def words(self) -> str:
        """What was set: "grade A" or "score 90, grade A"."""
        return f"grade {self.grade}" if self.score is None else f"score {self.score}, grade {self.grade}"
