"""Models of other tools: what MLflow was seen to hold, and requests to adopt one of them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from leadscoring.common.claims import OPEN, Work
from scoring.ml.adoption.mlmodel import FLAVOUR_WORDS
from scoring.ml.adoption.signature import Input, Signature


class ForeignVersion(models.Model):
    """A version registered in MLflow by another tool, as it was when last looked at. Nothing here serves."""

    name = models.CharField(max_length=256)
    version = models.CharField(max_length=32)
    run_id = models.CharField(max_length=64, blank=True, default="")
    flavour = models.CharField(max_length=16, blank=True, default="")
    tool_version = models.CharField(max_length=40, blank=True, default="")
    inputs = models.JSONField(default=list, help_text="The signature's columns: name and type.")
    output = models.CharField(max_length=40, blank=True, default="")
    problems = models.JSONField(default=list, help_text="Why it cannot be read, whatever the feature set.")
    digest = models.CharField(max_length=64, blank=True, default="", help_text="SHA-256 of its MLmodel file.")
    registered_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-registered_at", "name", "-version"]
        verbose_name = "model of another tool"
        verbose_name_plural = "models of other tools"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "version"], name="foreign_version_once"),
        ]
        permissions: ClassVar = [("adopt_model", "Can adopt a model of another tool")]

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"

    @property
    def signature(self) -> Signature:
        """What it takes and gives, with what is wrong with it on its own account."""
        inputs = tuple(Input(str(one["name"]), str(one["type"])) for one in self.inputs)
        return Signature(inputs, self.output, tuple(self.problems))

    @property
    def flavour_words(self) -> str:
        """The form it is stored in, for people."""
        return FLAVOUR_WORDS.get(self.flavour, "cannot be read")


class AdoptionRun(Work):
    """One request to adopt a registered version; claimed by a worker or run by the command."""

    source_name = models.CharField("model", max_length=256)
    source_version = models.CharField("version", max_length=32)
    seen_digest = models.CharField(max_length=64, blank=True, default="")
    feature_set = models.ForeignKey("scoring.FeatureSet", on_delete=models.PROTECT, related_name="+")
    recalibrate = models.BooleanField(default=False)
    reason = models.TextField(blank=True, default="")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    report = models.JSONField(default=dict, blank=True, help_text="Reasons of a refusal, or what was judged.")

    class Meta(Work.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar[list[Any]] = [
            *Work.Meta.constraints,
            models.UniqueConstraint(
                fields=["source_name", "source_version"],
                condition=models.Q(state__in=[str(state) for state in OPEN]),
                name="adoption_open_once",
            ),
        ]

    def __str__(self) -> str:
        return f"Adoption {self.pk}: {self.source_name} version {self.source_version}"
