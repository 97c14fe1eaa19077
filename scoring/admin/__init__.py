"""Pages of the core: one module for each aggregate."""

from scoring.admin import (
    features,
    grades,
    identity_scans,
    imports,
    keys,
    lead_merges,
    lead_overrides,
    leads,
    merges,
    outcomes,
    policies,
    predictions,
    readiness,
    releases,
    training,
    versions,
)

__all__ = [
    "features",
    "grades",
    "identity_scans",
    "imports",
    "keys",
    "lead_merges",
    "lead_overrides",
    "leads",
    "merges",
    "outcomes",
    "policies",
    "predictions",
    "readiness",
    "releases",
    "training",
    "versions",
]
