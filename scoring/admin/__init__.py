"""Pages of the core: one module for each aggregate."""

from scoring.admin import (
    features,
    grades,
    imports,
    keys,
    leads,
    outcomes,
    policies,
    predictions,
    readiness,
    releases,
    rescores,
    saved_views,
    training,
    versions,
)

__all__ = [
    "features",
    "grades",
    "imports",
    "keys",
    "leads",
    "outcomes",
    "policies",
    "predictions",
    "readiness",
    "releases",
    "rescores",
    "saved_views",
    "training",
    "versions",
]
