"""Which version serves whom, since when, by whose decision; and the limits of the grades."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from leadscoring.common.claims import Work
from scoring.contracts import GradeLimits, GradeMode, ReleaseMode


class Release(models.Model):
    """A period in which one champion (and perhaps a challenger) serves. The open row serves now."""

    champion = models.ForeignKey("scoring.ModelVersion", on_delete=models.PROTECT, related_name="+")
    challenger = models.ForeignKey(
        "scoring.ModelVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    mode = models.CharField(
        max_length=16,
        choices=[(m.value, m.value) for m in ReleaseMode],
        default=ReleaseMode.CHAMPION.value,
    )
    share = models.FloatField(default=0.0, help_text="Share of leads the challenger scores, 0 to 1.")
    salt = models.CharField(max_length=64, blank=True, default="")
    is_open = models.BooleanField(default=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.TextField()
    in_registry = models.BooleanField(
        default=False, editable=False, help_text="Whether MLflow's alias points at its champion."
    )
    score_cuts = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text="99 probabilities between the scores; empty: those of the version's file.",
    )
    score_population = models.JSONField(
        default=dict, blank=True, editable=False, help_text="Which leads the scores are ranks among."
    )

    class Meta:
        ordering: ClassVar = ["-opened_at"]
        permissions: ClassVar = [("activate_release", "Can put a model version into service")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_open"], condition=models.Q(is_open=True), name="release_one_open"
            ),
            models.CheckConstraint(
                condition=models.Q(share__gte=0.0, share__lte=1.0), name="release_share_is_a_share"
            ),
            models.CheckConstraint(
                condition=models.Q(is_open=True, closed_at__isnull=True)
                | models.Q(is_open=False, closed_at__isnull=False),
                name="release_closed_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return f"Release {self.pk}: v{self.champion.number}"

    def ranked_among(self) -> str:
        """The leads that a score of this release is a rank among, in words that follow "of"."""
        return ranked_among(self.score_population)


def ranked_among(population: dict[str, Any]) -> str:
    """The same from a release's `score_population`."""
    if population.get("kind") != "recent":
        return "the leads the version learned from"
    first, last = (datetime.fromisoformat(str(population[end])) for end in ("from", "to"))
    return f"the {population['n']:,} leads created from {first:%-d %b %Y} to {last:%-d %b %Y}"


class GradeBand(models.Model):
    """The grade limits in force and the ones before them: the least score of A, B and C."""

    a = models.PositiveSmallIntegerField("least score of grade A", default=75)
    b = models.PositiveSmallIntegerField("least score of grade B", default=50)
    c = models.PositiveSmallIntegerField("least score of grade C", default=25)
    mode = models.CharField(
        max_length=16,
        choices=[(m.value, m.value) for m in GradeMode],
        default=GradeMode.LIMITS.value,
        editable=False,
    )
    shares = models.JSONField(
        default=dict, blank=True, editable=False, help_text="Target share of each grade in per cent."
    )
    is_current = models.BooleanField(default=True, editable=False)
    set_at = models.DateTimeField(editable=False)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )
    reason = models.TextField()

    class Meta:
        ordering: ClassVar = ["-set_at"]
        verbose_name = "set of grade limits"
        verbose_name_plural = "sets of grade limits"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_current"], condition=models.Q(is_current=True), name="grade_band_one_current"
            ),
            models.CheckConstraint(
                condition=models.Q(a__gt=models.F("b"), b__gt=models.F("c"), c__gte=2, a__lte=99),
                name="grade_band_ordered",
            ),
        ]

    def __str__(self) -> str:
        return f"A ≥ {self.a}, B ≥ {self.b}, C ≥ {self.c}"

    def limits(self) -> GradeLimits:
        """The pure value."""
        return GradeLimits(a=self.a, b=self.b, c=self.c)

    def shares_shown(self) -> str:
        """The target shares in words; empty with fixed limits."""
        return ", ".join(f"{grade} {self.shares[grade]} %" for grade in "ABCD") if self.shares else ""


class Regrade(Work):
    """One pass over all scored leads that gives each the grade its score has under new limits. Predictions keep
    the grade that was said."""

    grade_band = models.ForeignKey(GradeBand, on_delete=models.PROTECT, related_name="+")
    after_lead = models.UUIDField(
        null=True, blank=True, editable=False, help_text="The last lead that was looked at: where to go on."
    )
    leads_total = models.PositiveBigIntegerField(default=0, editable=False)
    leads_seen = models.PositiveBigIntegerField(default=0, editable=False)
    leads_changed = models.PositiveBigIntegerField(default=0, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta(Work.Meta):
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"Regrade {self.pk}"


class GradeTally(Work):
    """One count for the pages of the grade limits: at a million leads a page view cannot count them. Without
    `taken_at` and counts until it is done."""

    taken_at = models.DateTimeField(null=True, editable=False)
    counts = models.JSONField(
        default=dict, editable=False, help_text="Leads by grade and score, in all, of late and by owner."
    )
    weeks = models.JSONField(
        default=list, editable=False, help_text="Grades given in each of the last weeks."
    )

    class Meta(Work.Meta):
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"Count {self.pk} of the grades"
