"""The lead's page: should I call this lead first, and why?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import prefetch_related_objects
from django.http import HttpRequest
from django.utils import timezone

from leadscoring.common.admin.base import ListPage
from leadscoring.common.admin.confirm import signed_in
from leadscoring.common.admin.words import chance, grade_badge
from leadscoring.common.charts import HistoryPoint, HistorySpan, Mark, PushBar, history_plot, pushes
from scoring.admin.attributes import attribute_rows
from scoring.admin.lead_overrides import OverridePages
from scoring.admin.lead_timeline import SHOWN, marks, read_before, timeline
from scoring.admin.lead_words import (
    MONTH,
    ago,
    arrow,
    cause_words,
    chance_words,
    knowledge_words,
    reporter_words,
    trend_words,
    value_changes,
)
from scoring.contracts import FeatureSetState, GradeLimits
from scoring.ml.sufficiency import Sufficiency, judge_sufficiency
from scoring.models import FeatureSet, Lead, LeadMerge, Prediction, ScoreOverride
from scoring.selectors import histories
from scoring.selectors.histories import POINTS, Point
from scoring.selectors.versions import grade_limits
from scoring.services.leads import edit_lead

MERGED_SHOWN = 5
PROPOSALS_SHOWN = 3
FOUND_ENOUGH = 0.25


class LeadPage(OverridePages, ListPage[Lead]):
    """The page of one lead; the list is another class's."""

    fieldsets = (("Owner and stage", {"fields": ("owner", "stage")}),)
    change_form_template = "scoring/admin/lead.html"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Lead | None:
        """The lead with its version, read once for a page: the list's query hides merged ones and fetches more."""
        known: dict[str, Lead | None] = request.__dict__.setdefault("_leads", {})
        if object_id not in known or request.method != "GET":
            try:
                known[object_id] = (
                    Lead.objects.select_related("merged_into", "import_run__feature_set")
                    .filter(pk=UUID(str(object_id)))
                    .first()
                )
            except (ValueError, ValidationError):
                known[object_id] = None
        return known[object_id]

    def has_change_permission(self, request: HttpRequest, obj: Lead | None = None) -> bool:
        # A merged lead is a record: what is to be said about it is said about the one that stands for it.
        merged = obj is not None and obj.merged_into_id is not None
        return not merged and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Lead, form: Any, change: bool) -> None:
        edit_lead(
            lead_id=obj.pk,
            owner=obj.owner,
            stage=obj.stage,
            by=signed_in(request),
            as_of=timezone.now(),
        )

    def page_context(self, request: HttpRequest, row: Lead) -> dict[str, Any]:
        now = timezone.now()
        merges = histories.standing_merges(row)
        members = [row] if row.merged_into_id is not None else [row, *(merge.merged for merge in merges)]
        ids = [lead.pk for lead in members]
        newest = histories.newest_two(row.pk)
        features = _features_for(row, newest[0] if newest else None)
        labels = {f.name: f.label for f in features.features.all()} if features is not None else {}
        points = histories.points(ids)
        overrides = histories.last_overrides(row.pk)
        reported = histories.outcomes(ids)
        current = next((o for o in overrides if o.ended_at is None and o.expires_at > now), None)
        return {
            **_score(row, newest, points, labels, now),
            **_merges(request, row, merges),
            "grade_shown": grade_badge(row.grade),
            "override": current,
            "override_grade": grade_badge(current.grade) if current else "",
            "may_override": request.user.has_perm("scoring.override_lead") and row.merged_into_id is None,
            "history_chart": _chart(row, points, overrides, now),
            "scorings": [
                (p, chance(p.probability), cause_words(p.cause))
                for p in points[:SHOWN]
                if p.lead_id == row.pk
            ],
            "attributes": attribute_rows(
                row.attributes,
                features,
                newest[0].warnings if newest else [],
                own=_columns_of_its_file(row, features),
            ),
            "feature_set": features,
            "outcomes": [(o, reporter_words(o.reported_by)) for o in reported if o.lead_id == row.pk],
            "timeline": _timeline(request, row, members, labels, points, reported),
            "sees_versions": request.user.has_perm("scoring.view_modelversion"),
        }


def _features_for(row: Lead, newest: Prediction | None) -> FeatureSet | None:
    """The set the version read; before a first score the one that reads the lead's file, else the active one."""
    if newest is None:
        if row.import_run is not None and row.import_run.feature_set is not None:
            return row.import_run.feature_set
        active = FeatureSet.objects.filter(state=FeatureSetState.ACTIVE.value)
        return active.prefetch_related("features").first()
    read = newest.version.feature_set
    prefetch_related_objects([read], "features")
    return read


def _columns_of_its_file(row: Lead, shown: FeatureSet | None) -> frozenset[str] | None:
    """The columns of the set that reads the lead's file, where the page shows another set."""
    read = row.import_run.feature_set if row.import_run is not None else None
    if read is None or read == shown:
        return None
    return frozenset(feature.name for feature in read.features.all())


def _score(
    lead: Lead,
    newest: Sequence[Prediction],
    points: Sequence[Point],
    labels: Mapping[str, str],
    now: datetime,
) -> dict[str, Any]:
    """The score's card: what it is, how it moved, how much is known, and what moved it."""
    if not newest:
        return {"prediction": None}
    prediction = newest[0]
    own = [p for p in points if p.lead_id == lead.pk]
    last = own[0] if own else None
    before = own[1] if len(own) > 1 else None
    verdict = _verdict(prediction)
    changes, changed = value_changes(prediction, newest[1], labels) if len(newest) > 1 else ([], 0)
    bars = [PushBar(str(r["text"]), float(r["contribution"])) for r in prediction.reasons]
    lacking = {lack.feature for lack in verdict.lacking}
    found = [
        str(row.get("label", ""))
        for row in prediction.version.importance
        if row.get("feature") not in lacking
    ]
    return {
        "prediction": prediction,
        "cause_shown": cause_words(prediction.cause),
        "chance": chance(prediction.probability),
        "chance_words": chance_words(prediction, prediction.version),
        "arrow": arrow(last, before) if last else "",
        "trends": _trends(last, before, own, now) if last else [],
        "little_known": knowledge_words(found, verdict) if verdict.enough is False else [],
        "lacking": verdict.lacking[:5],
        "push_chart": pushes(sorted(bars, key=lambda bar: -bar.push)),
        "value_changes": changes,
        "values_changed": changed,
        "previous": newest[1] if len(newest) > 1 else None,
    }


def _trends(last: Point, before: Point | None, own: Sequence[Point], now: datetime) -> list[str]:
    month_ago = next((p for p in own if p.at <= now - MONTH), None)
    if month_ago is None and len(own) >= POINTS:
        month_ago = histories.point_at(last.lead_id, now - MONTH)
    words = []
    if before is not None:
        words.append(trend_words(last, before, f"the score before, {ago(before.at, now)}"))
    if month_ago is not None and month_ago not in (before, last):
        words.append(trend_words(last, month_ago, "30 days ago"))
    elif month_ago is None:
        words.append("It had no score 30 days ago.")
    elif month_ago == last:
        words.append("That score is more than 30 days old.")
    return words


def _verdict(prediction: Prediction) -> Sufficiency:
    verdict = judge_sufficiency(prediction.version.importance, prediction.warnings)
    if verdict.missing_share < FOUND_ENOUGH:
        return verdict
    # Only now is the large profile worth reading: what does a usual lead lack?
    usual = histories.usually_missing(prediction.version_id)
    return judge_sufficiency(prediction.version.importance, prediction.warnings, usually_missing=usual)


def _chart(lead: Lead, points: Sequence[Point], overrides: Sequence[ScoreOverride], now: datetime) -> Any:
    own = [p for p in points if p.lead_id == lead.pk]
    why = marks(own)
    drawn = [
        HistoryPoint(
            p.at,
            p.score,
            p.grade,
            f"version {p.version}",
            why.get(p.prediction_id, Mark.OTHER),
            f"v{p.version}" if why.get(p.prediction_id) is Mark.MODEL else "",
        )
        for p in points
    ]
    oldest = points[-1].at if points else now
    shown = [o for o in overrides if (o.ended_at or now) >= oldest]
    limits = grade_limits() if any(o.score is None for o in shown) else GradeLimits()
    spans = [_span(o, limits, now) for o in shown]
    cut = len(points) >= POINTS
    of = f"The newest {len(points):,} scorings; older ones are in the list of predictions." if cut else ""
    return history_plot(drawn, spans, of=of)


def _span(override: ScoreOverride, limits: GradeLimits, now: datetime) -> HistorySpan:
    a, b, c = limits.a, limits.b, limits.c
    low, high = {"A": (a, 99), "B": (b, a - 1), "C": (c, b - 1), "D": (1, c - 1)}[override.grade]
    if override.score is not None:
        low = high = override.score
    end = override.ended_at or min(override.expires_at, now)
    words = (
        f"{override.words}, set by {override.set_by} on {override.set_at:%d %b %Y}: {override.reason[:200]}"
    )
    return HistorySpan(override.set_at, max(end, override.set_at), low, high, words)


def _merges(request: HttpRequest, lead: Lead, merges: Sequence[LeadMerge]) -> dict[str, Any]:
    away = merges[0] if lead.merged_into_id is not None and merges else None
    proposals = (
        list(histories.open_proposals(lead.pk)[:PROPOSALS_SHOWN])
        if lead.merged_into_id is None and request.user.has_perm("scoring.view_mergeproposal")
        else []
    )
    return {
        "merged_here": [] if away is not None else merges[:MERGED_SHOWN],
        "merged_away": away,
        "standing": lead.merged_into,
        "sees_merges": request.user.has_perm("scoring.view_leadmerge"),
        "proposals": [(p, p.second if p.first_id == lead.pk else p.first) for p in proposals],
    }


def _timeline(
    request: HttpRequest,
    lead: Lead,
    members: Sequence[Lead],
    labels: Mapping[str, str],
    points: Sequence[Point],
    outcomes: Sequence[Any],
) -> Any:
    before = read_before(request)
    ids = [member.pk for member in members]
    # The scores of the chart serve the first page; an older page reads its own.
    scores = points if before is None else histories.points(ids, before=before)
    return timeline(
        lead,
        names={member.pk: member.external_id for member in members[1:]},
        labels=labels,
        points=scores,
        events=histories.events(ids, before=before),
        outcomes=outcomes,
        before=before,
        without_scores=request.GET.get("scores") == "no",
    )
