"""From what the services return to what callers read. `design.md` fixes the shape of a score."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scoring.api.problems import core_document
from scoring.contracts import Refusal, ScoredLead
from scoring.models import Lead, Outcome, Prediction, ScoreOverride
from scoring.services.outcomes import OutcomeRecorded

Json = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """An instant as RFC 3339 in UTC."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def scored(answer: ScoredLead) -> Json:
    """One score with its reasons."""
    return {
        "prediction_id": str(answer.prediction_id),
        "external_id": answer.external_id,
        "probability": answer.probability,
        "score": answer.score,
        "grade": answer.grade.value,
        "reasons": [reason._asdict() for reason in answer.reasons],
        "warnings": [dict(warning) for warning in answer.warnings],
        "model": {"name": answer.model_name, "version": answer.model_version, "role": answer.role.value},
        "scored_at": moment(answer.scored_at),
    }


def refused(refusal: Refusal) -> Json:
    """Why one item of a batch was not done."""
    return core_document(refusal.code, refusal.detail, refusal.errors)


def recorded(outcome: OutcomeRecorded) -> Json:
    """What is known about a lead's outcome now."""
    return {
        "outcome_id": outcome.outcome_id,
        "external_id": outcome.external_id,
        "outcome": outcome.kind,
        "changed": outcome.changed,
        "warnings": [dict(warning) for warning in outcome.warnings],
    }


def prediction(row: Prediction, external_id: str) -> Json:
    """One stored score with what caused it; `external_id` is that of the lead it was made for."""
    return {
        "prediction_id": str(row.pk),
        "external_id": external_id,
        "probability": row.probability,
        "score": row.score,
        "grade": row.grade,
        "reasons": row.reasons,
        "warnings": row.warnings,
        "model": {"name": row.version.name, "version": row.version.number, "role": row.role},
        "cause": row.cause,
        "scored_at": moment(row.scored_at),
    }


def override(row: ScoreOverride) -> Json:
    """What a rep set in place of the machine's score."""
    return {
        "grade": row.grade,
        "score": row.score,
        "reason": row.reason,
        "set_by": row.set_by,
        "set_at": moment(row.set_at),
        "expires_at": moment(row.expires_at),
        "machine": {"score": row.machine_score, "grade": row.machine_grade or None},
    }


def overridden(
    asked_id: str, row: Lead, current: ScoreOverride | None, *, changed: bool, warnings: list[dict[str, str]]
) -> Json:
    """What holds for a lead after a call about its override: the rep's word and the machine's beside it."""
    return {
        "external_id": asked_id,
        "override": None if current is None else override(current),
        "score": row.score,
        "grade": row.grade or None,
        "changed": changed,
        "warnings": warnings,
    }


def lead(
    row: Lead, outcome: Outcome | None, current: ScoreOverride | None, warnings: list[dict[str, str]]
) -> Json:
    """A lead as it is known now; `warnings` say so when it was asked for by the id of a merged one."""
    version = row.scored_by
    return {
        "external_id": row.external_id,
        "source_system": row.source_system,
        "created_at": moment(row.created),
        "owner": row.owner,
        "stage": row.stage,
        "attributes": row.attributes,
        "score": row.score,
        "grade": row.grade or None,
        "scored_at": moment(row.scored_at),
        "model": None if version is None else {"name": version.name, "version": version.number},
        "awaiting_score": row.awaiting_score,
        "outcome": None if outcome is None else _outcome(outcome),
        "override": None if current is None else override(current),
        "warnings": warnings,
        "first_seen": moment(row.first_seen),
        "updated_at": moment(row.updated_at),
    }


def _outcome(row: Outcome) -> Json:
    return {
        "outcome": row.kind,
        "occurred_at": moment(row.occurred_at),
        "revenue": None if row.revenue is None else f"{row.revenue:f}",
        "currency": row.currency or None,
        "recorded_at": moment(row.recorded_at),
    }


def item(
    index: int, external_id: str | None, *, result: Json | None = None, problem: Json | None = None
) -> Json:
    """The answer to one item of a batch: a result or a problem, never both."""
    found: Json = {"index": index, "external_id": external_id}
    return found | ({"result": result} if problem is None else {"problem": problem})


def claimed_id(sent: object) -> str | None:
    """The external id of an item that could not be read, if it is at least text."""
    value = sent.get("external_id") if isinstance(sent, Mapping) else None
    return value[:255] if isinstance(value, str) else None
