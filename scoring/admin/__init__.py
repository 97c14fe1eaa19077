"""Pages of the core: one module for each aggregate."""

from scoring.admin import (
    adoptions,
    features,
    foreign,
    grades,
    imports,
    keys,
    leads,
    outcomes,
    policies,
    predictions,
    readiness,
    releases,
    training,
    versions,
)

__all__ = [
    "adoptions",
    "features",
    "foreign",
    "grades",
    "imports",
    "keys",
    "leads",
    "outcomes",
    "policies",
    "predictions",
    "readiness",
    "releases",
    "training",
    "versions",
]
