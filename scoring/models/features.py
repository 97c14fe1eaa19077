"""Feature sets: which columns of a lead a model may see, and how each is read."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from scoring.contracts import FeatureSetState
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, KnownAt


class FeatureSet(models.Model):
    """A numbered set of features, drawn up from a file, edited by people, then activated."""

    number = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=255)
    state = models.CharField(
        max_length=16,
        choices=[(s.value, s.value) for s in FeatureSetState],
        default=FeatureSetState.DRAFT.value,
    )
    notes = models.JSONField(default=list, blank=True)
    rows_audited = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    activated_at = models.DateTimeField(null=True, blank=True)
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    activation_reason = models.TextField(blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-number"]
        permissions: ClassVar = [("activate_featureset", "Can activate a feature set")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["state"],
                condition=models.Q(state=FeatureSetState.ACTIVE.value),
                name="feature_set_one_active",
            ),
        ]

    def __str__(self) -> str:
        return f"Feature set {self.number}: {self.name}"

    def schema(self) -> FeatureSchema:
        """The pure description that parsing and training read; features in their order."""
        return FeatureSchema(features=tuple(f.spec() for f in self.features.all()))


class Feature(models.Model):
    """One column: its type, how it is written, when it is known, whether it may train, and its audit."""

    feature_set = models.ForeignKey(FeatureSet, on_delete=models.CASCADE, related_name="features")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=500, help_text="The key in a lead's attributes.")
    label = models.CharField(max_length=500, help_text="What people read.")
    kind = models.CharField(max_length=16, choices=[(k.value, k.value.replace("_", "/")) for k in Kind])
    unit = models.CharField(max_length=32, blank=True, default="")
    missing_tokens = models.JSONField(
        default=list, blank=True, help_text='Texts that mean "not known", as a JSON list. Blank always does.'
    )
    minimum = models.FloatField(null=True, blank=True)
    maximum = models.FloatField(null=True, blank=True)
    known_at = models.CharField(
        max_length=16,
        choices=[
            (KnownAt.CREATION.value, "when the lead is created"),
            (KnownAt.CONTACT.value, "during contact"),
            (KnownAt.OUTCOME.value, "only after the outcome"),
        ],
        default=KnownAt.CREATION.value,
    )
    known_at_reason = models.TextField(blank=True, default="")
    excluded = models.BooleanField("held out", default=False, help_text="Held out of training and scoring.")
    exclusion_reason = models.TextField(blank=True, default="")
    sensitive = models.BooleanField(default=False)
    segment = models.BooleanField(
        "watched value by value",
        default=False,
        help_text="Drift is also looked for among the leads of each of its values.",
    )
    decimal = models.CharField(max_length=1, blank=True, default=".")
    thousands = models.CharField(max_length=1, blank=True, default="")
    date_format = models.CharField(max_length=64, blank=True, default="")
    true_values = models.JSONField(default=list, blank=True)
    false_values = models.JSONField(default=list, blank=True)
    audit = models.JSONField(default=dict, blank=True, editable=False)
    notes = models.JSONField(default=list, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["feature_set", "name"], name="feature_name_once_per_set"),
        ]

    def __str__(self) -> str:
        return self.label

    def spec(self) -> FeatureSpec:
        """The pure description of this feature."""
        return FeatureSpec(
            name=self.name,
            label=self.label,
            kind=Kind(self.kind),
            unit=self.unit,
            missing_tokens=tuple(self.missing_tokens),
            minimum=self.minimum,
            maximum=self.maximum,
            known_at=KnownAt(self.known_at),
            known_at_reason=self.known_at_reason,
            excluded=self.excluded,
            exclusion_reason=self.exclusion_reason,
            sensitive=self.sensitive,
            segment=self.segment,
            decimal=self.decimal or ".",
            thousands=self.thousands,
            date_format=self.date_format,
            true_values=tuple(self.true_values),
            false_values=tuple(self.false_values),
        )
