"""What activating a version does to the grades of recent leads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.safestring import SafeString

from leadscoring.common.charts import Bar, shares
from scoring.contracts import VersionUnusable
from scoring.loader import load_version
from scoring.models import ModelVersion
from scoring.models.releases import ranked_among
from scoring.selectors.versions import grade_limits
from scoring.services.scale import cut_scale, grade_change


def scale_context(version: ModelVersion, *, as_of: datetime) -> dict[str, Any]:
    """Grades of the newest leads before and after, how many would change, and which leads scores rank among."""
    try:
        scale = cut_scale(load_version(version), as_of=as_of)
    except VersionUnusable as error:
        # The version cannot be activated either: the press of the button says so.
        return {"scale_error": error.detail}
    limits = grade_limits()
    change = grade_change(scale, limits)
    return {
        "scale_leads": len(scale.leads),
        "scale_population": ranked_among(scale.population),
        "scale_why": scale.population["why"],
        "scale_recent": scale.population["kind"] == "recent",
        "grades_before": _bars(change.before),
        "grades_after": _bars(change.after),
        "grades_changed": change.changed,
        "grades_unscored": change.unscored,
        "grades_graded": len(scale.leads) - change.unscored,
        "limits": limits,
    }


def _bars(counts: dict[str, int]) -> SafeString:
    return shares([Bar(grade, counts[grade], f"ls-tone-{grade}") for grade in "ABCD"], noun="recent leads")
