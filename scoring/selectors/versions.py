"""Reading releases and versions."""

from __future__ import annotations

from typing import Any

from scoring.contracts import GradeLimits
from scoring.models import GradeBand, ModelVersion, Release


def open_release() -> Release | None:
    """The release that serves now, with its versions."""
    return (
        Release.objects.filter(is_open=True)
        .select_related("champion__feature_set", "challenger", "opened_by")
        .first()
    )


def serves_now(version: ModelVersion) -> bool:
    """Whether this version is the one that scores every lead."""
    return Release.objects.filter(is_open=True, champion=version).exists()


def grade_limits() -> GradeLimits:
    """The grade limits in force: the ones a person set, else 75/50/25."""
    band = GradeBand.objects.filter(is_current=True).first()
    return band.limits() if band is not None else GradeLimits()


def _version_info(version: ModelVersion) -> dict[str, Any]:
    reference = version.report.get("split", {})
    return {
        "name": version.name,
        "version": version.number,
        "estimator": version.estimator,
        "trained_at": version.created_at.isoformat(),
        "training_rows": version.training_rows,
        "training_conversions": version.training_conversions,
        "digest": version.artefact_digest,
        "metrics": version.metrics,
        "split": reference,
        "features": _features(version),
        "reference_dates": version.report.get("dates", {}),
        "notes": version.report.get("notes", []),
    }


def _features(version: ModelVersion) -> list[dict[str, Any]]:
    share = {str(row["feature"]): row["share"] for row in version.importance}
    return [
        {
            "feature": spec.name,
            "label": spec.label,
            "kind": spec.kind.value,
            "unit": spec.unit,
            "known_at": spec.known_at.value,
            "importance": share.get(spec.name, 0.0),
        }
        for spec in version.feature_set.schema().trainable
    ]


def model_info() -> dict[str, Any]:
    """The open release and its versions, ready for JSON; `release` is null while nothing serves."""
    release = open_release()
    if release is None:
        return {"release": None, "champion": None, "grade_limits": _limits()}
    return {
        "release": {
            "id": release.pk,
            "mode": release.mode,
            "opened_at": release.opened_at.isoformat(),
            "reason": release.reason,
        },
        "champion": _version_info(release.champion),
        "grade_limits": _limits(),
    }


def _limits() -> dict[str, int]:
    limits = grade_limits()
    return {"A": limits.a, "B": limits.b, "C": limits.c, "D": 1}
