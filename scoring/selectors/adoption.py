"""Reads around models of other tools."""

from __future__ import annotations

from leadscoring.common.claims import OPEN
from scoring.ml.adoption.signature import Fit, fit
from scoring.ml.schema import FeatureSchema
from scoring.models import AdoptionRun, ForeignVersion, ModelVersion

NO_FEATURE_SET = "No feature set is active to compare it with."


def fit_of(row: ForeignVersion, schema: FeatureSchema | None) -> Fit:
    """Whether a registered version goes with a feature set, and everything against it."""
    if not row.flavour:
        return Fit(tuple(row.problems) or ("It cannot be read.",))
    if schema is None:
        return Fit((NO_FEATURE_SET,))
    return fit(row.signature, schema)


def open_adoption(row: ForeignVersion) -> AdoptionRun | None:
    """The adoption of this version that is under way."""
    return AdoptionRun.objects.filter(
        source_name=row.name, source_version=row.version, state__in=OPEN
    ).first()


def adopted_versions(row: ForeignVersion) -> list[ModelVersion]:
    """The versions this one became, newest first."""
    return list(
        ModelVersion.objects.filter(
            adoption_run__source_name=row.name, adoption_run__source_version=row.version
        ).defer("report", "importance", "reference_profile")
    )
