"""Predictions: what was said about which lead, by which version and why. Never edited."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import DayRangeFilter, choice_filter
from leadscoring.common.admin.words import chance, grade_badge, link, moment
from leadscoring.common.charts import PushBar, pushes
from scoring.admin.attributes import attribute_rows
from scoring.admin.lead_filters import VersionFilter
from scoring.admin.lead_search import OfLeadsPage
from scoring.admin.lead_words import cause_words
from scoring.contracts import Cause, Role
from scoring.models import FeatureSet, Prediction
from scoring.selectors.lead_list import GRADES


@admin.register(Prediction)
class PredictionAdmin(OfLeadsPage[Prediction]):
    """Newest first."""

    list_display = (
        "scored_shown",
        "lead_shown",
        "score",
        "grade_shown",
        "probability_shown",
        "version_shown",
        "role",
        "cause_shown",
        "latency_shown",
    )
    list_select_related = ("lead", "version")
    list_filter = (
        VersionFilter,
        choice_filter("role", "role", tuple((r.value, r.value) for r in Role)),
        choice_filter("cause", "cause", tuple((c.value, cause_words(c.value)) for c in Cause)),
        choice_filter("grade", "grade", GRADES),
        ("scored_at", DayRangeFilter),
    )
    newest = "scored_at"
    empty_words = "Each time a lead is scored a prediction is added here. Nothing was scored yet."
    fields: ClassVar[Any] = ()
    change_form_template = "scoring/admin/prediction.html"

    @admin.display(description="Scored at", ordering="scored_at")
    def scored_shown(self, prediction: Prediction) -> str:
        return moment(prediction.scored_at)

    @admin.display(description="Lead")
    def lead_shown(self, prediction: Prediction) -> SafeString:
        return link("scoring_lead", prediction.lead_id, prediction.lead.external_id)

    @admin.display(description="Grade", ordering="grade")
    def grade_shown(self, prediction: Prediction) -> SafeString:
        return grade_badge(prediction.grade)

    @admin.display(description="Probability", ordering="probability")
    def probability_shown(self, prediction: Prediction) -> str:
        return chance(prediction.probability)

    @admin.display(description="Version", ordering="version__number")
    def version_shown(self, prediction: Prediction) -> str:
        return f"v{prediction.version.number}"

    @admin.display(description="Cause", ordering="cause")
    def cause_shown(self, prediction: Prediction) -> str:
        return cause_words(prediction.cause)

    @admin.display(description="Model time", ordering="latency_ms")
    def latency_shown(self, prediction: Prediction) -> str:
        return f"{prediction.latency_ms:.1f} ms"

    def page_context(self, request: HttpRequest, row: Prediction) -> dict[str, Any]:
        features = (
            FeatureSet.objects.prefetch_related("features").filter(pk=row.version.feature_set_id).first()
        )
        bars = [PushBar(str(r["text"]), float(r["contribution"])) for r in row.reasons]
        return {
            "chance": chance(row.probability),
            "raw_chance": chance(row.raw_probability),
            "grade_shown": grade_badge(row.grade),
            "push_chart": pushes(sorted(bars, key=lambda bar: -bar.push)),
            "values": attribute_rows(row.values, features, row.warnings),
            "cause_shown": cause_words(row.cause),
            "sees_versions": request.user.has_perm("scoring.view_modelversion"),
            "sees_releases": request.user.has_perm("scoring.view_release"),
        }
