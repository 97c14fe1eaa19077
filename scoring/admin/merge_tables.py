"""Two leads side by side: what differs, and what the merged lead will be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from leadscoring.common.admin.words import NOTHING, moment
from scoring.admin.attributes import shown
from scoring.models import FeatureSet, Lead, Outcome
from scoring.services.merge_plans import Line, Plan


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison. `won` names the column whose value the merged lead takes, where they differ."""

    label: str
    survivor: str
    merged: str
    result: str
    differs: bool
    won: str = ""


def compare(plan: Plan) -> tuple[list[Row], list[Row]]:
    """What the leads are, and what is known about them; differing lines first among the latter."""
    labels = _labels()
    facts = [
        _fact("External id", plan.survivor.external_id, plan.merged.external_id, plan.survivor.external_id),
        _fact("Source", plan.survivor.source_system, plan.merged.source_system, plan.survivor.source_system),
        *(_row(_FIELD_LABELS[line.name], line) for line in plan.fields),
        _fact("First seen here", *_times(plan, "first_seen")),
        _fact("Updated", *_times(plan, "updated_at"), "now"),
        _fact("Score", _score(plan.survivor), _score(plan.merged), _scored_again(plan)),
        _outcome(plan),
    ]
    known = [_row(labels.get(line.name, line.name), line) for line in plan.attributes]
    return facts, sorted(known, key=lambda row: (not row.differs, row.label.casefold()))


_FIELD_LABELS = {"owner": "Owner", "stage": "Stage", "created": "Created at the source"}


def _labels() -> Mapping[str, str]:
    active = FeatureSet.objects.filter(state="active").prefetch_related("features").first()
    return {f.name: f.label for f in active.features.all()} if active is not None else {}


def _cell(value: object) -> str:
    return moment(value) if isinstance(value, datetime) else shown(value) or NOTHING


def _row(label: str, line: Line) -> Row:
    differs = line.conflict or line.taken
    won = ("merged" if line.taken else "survivor") if line.conflict else ""
    return Row(label, _cell(line.survivor), _cell(line.merged), _cell(line.result), differs, won)


def _fact(label: str, survivor: str, merged: str, result: str = "") -> Row:
    return Row(label, survivor, merged, result or survivor, differs=False)


def _times(plan: Plan, name: str) -> tuple[str, str]:
    return moment(getattr(plan.survivor, name)), moment(getattr(plan.merged, name))


def _score(lead: Lead) -> str:
    if lead.score is None:
        return "waiting for a model" if lead.awaiting_score else "not scored"
    return f"{lead.score} ({lead.grade})"


def _scored_again(plan: Plan) -> str:
    changes = any(line.taken for line in plan.attributes)
    return "scored again with what both know" if changes else _score(plan.survivor)


def _outcome(plan: Plan) -> Row:
    kept = plan.outcome or plan.own_outcome
    both = plan.own_outcome is not None and plan.merged_outcome is not None
    won = ("merged" if plan.outcome is not None else "survivor") if both else ""
    texts = [_outcome_words(row) for row in (plan.own_outcome, plan.merged_outcome, kept)]
    return Row(
        "Outcome", texts[0], texts[1], texts[2], texts[0] != texts[1], won if texts[0] != texts[1] else ""
    )


def _outcome_words(row: Outcome | None) -> str:
    if row is None:
        return "none yet"
    revenue = f", {row.revenue:,.2f} {row.currency}".rstrip() if row.revenue is not None else ""
    return f"{row.kind}{revenue}" + (f" on {row.occurred_at:%d %b %Y}" if row.occurred_at else "")
