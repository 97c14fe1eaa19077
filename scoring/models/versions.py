"""Model versions: what was trained, how it was judged, and which file it is."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from scoring.contracts import VersionOrigin, VersionState

MODEL_NAME = "leadscoring"


class ModelVersion(models.Model):
    """One trained or adopted model. Its file lives in the registry and is used only when the digest matches."""

    number = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=64, default=MODEL_NAME)
    state = models.CharField(
        max_length=16, choices=[(s.value, s.value) for s in VersionState], default=VersionState.READY.value
    )
    feature_set = models.ForeignKey("scoring.FeatureSet", on_delete=models.PROTECT, related_name="+")
    training_run = models.OneToOneField(
        "scoring.TrainingRun", null=True, blank=True, on_delete=models.PROTECT, related_name="version"
    )
    adoption_run = models.OneToOneField(
        "scoring.AdoptionRun", null=True, blank=True, on_delete=models.PROTECT, related_name="version"
    )
    origin = models.CharField(
        max_length=16,
        choices=[(o.value, o.value) for o in VersionOrigin],
        default=VersionOrigin.TRAINED.value,
    )
    source = models.JSONField(
        default=dict,
        blank=True,
        help_text="Of an adopted one: MLflow name, version and run, form, digest, size.",
    )
    estimator = models.CharField(max_length=32, help_text="The rung of the ladder that won.")
    metrics = models.JSONField(default=dict, help_text="Test metrics, each with n and a 95 % interval.")
    report = models.JSONField(default=dict, help_text="Split, candidates, curves, other splits, notes.")
    importance = models.JSONField(default=list)
    reference_profile = models.JSONField(default=dict)
    training_rows = models.PositiveIntegerField(default=0)
    training_conversions = models.PositiveIntegerField(default=0)
    data_fingerprint = models.CharField(max_length=64, blank=True, default="")
    code_revision = models.CharField(max_length=64, blank=True, default="")
    artefact_digest = models.CharField(max_length=64, help_text="SHA-256 of the model document.")
    artefact_size = models.PositiveBigIntegerField()
    mlflow_run_id = models.CharField(max_length=64, blank=True, default="")
    mlflow_version = models.CharField(max_length=32, blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-number"]

    def __str__(self) -> str:
        return f"{self.name} v{self.number} ({self.estimator.replace('_', ' ')})"
