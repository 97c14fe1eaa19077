"""Feature sets: drawn up from a file, edited, exchanged as JSON, activated."""

from scoring.services.features.drafts import Audited, draft_audited, settle_feature_set, would_settle
from scoring.services.features.sets import (
    activate_feature_set,
    copy_feature_set,
    export_feature_set,
    import_feature_set,
)

__all__ = [
    "Audited",
    "activate_feature_set",
    "copy_feature_set",
    "draft_audited",
    "export_feature_set",
    "import_feature_set",
    "settle_feature_set",
    "would_settle",
]
