"""Scoring: the one way a lead becomes a prediction.

Lead, prediction and whatever receivers add commit together or not at all. The model runs inside the transaction,
because the lead's stored attributes are part of what is scored; it takes a millisecond.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from leadscoring.common.bulk import insert_rows
from scoring import loader, signals
from scoring.contracts import (
    MAX_REASONS,
    Cause,
    Grade,
    LeadInput,
    LeadRefused,
    NoModelReleased,
    Refusal,
    Role,
    ScoredLead,
)
from scoring.loader import Serving
from scoring.ml.compile import RowScore
from scoring.ml.reasons import Reason, reasons
from scoring.ml.schema import Kind, ValueWarning, parse_row
from scoring.models import Lead, LeadEvent, Prediction
from scoring.selectors.leads import merged_warning
from scoring.services import events
from scoring.services import leads as lead_rows

WAITING_BATCH = 500


def score_lead(lead: LeadInput, *, source_system: str, cause: Cause, as_of: datetime) -> ScoredLead:
    """Store and score one lead.

    Raises:
        LeadRefused: the lead as sent cannot be read; nothing is stored.
        NoModelReleased: nothing serves; the lead is stored and scored when a model is released.
    """
    answer = score_leads([lead], source_system=source_system, cause=cause, as_of=as_of)[0]
    if isinstance(answer, Refusal):
        raise LeadRefused(answer.detail, errors=answer.errors)
    return answer


def score_leads(
    leads: Sequence[LeadInput], *, source_system: str, cause: Cause, as_of: datetime
) -> list[ScoredLead | Refusal]:
    """Store and score leads; each answers for itself, in the order sent.

    Raises:
        NoModelReleased: nothing serves; the readable leads are stored and scored when a model is released.
    """
    answers: dict[int, ScoredLead | Refusal] = {}
    readable: dict[int, LeadInput] = {}
    seen: set[str] = set()
    for index, lead in enumerate(leads):
        try:
            lead_rows.check_lead(lead)
        except LeadRefused as refused:
            answers[index] = Refusal(refused.code, refused.detail, refused.errors)
            continue
        if lead.external_id in seen:
            answers[index] = Refusal(
                "duplicate-in-call",
                f"Lead {lead.external_id!r} occurs twice in this call; the first one was scored.",
                (
                    {
                        "field": "external_id",
                        "value": lead.external_id,
                        "expected": "each external id once in a call",
                    },
                ),
            )
            continue
        seen.add(lead.external_id)
        readable[index] = lead
    if readable:
        scored = _store_and_score(
            list(readable.values()), source_system=source_system, cause=cause, as_of=as_of
        )
        answers.update(zip(readable, scored, strict=True))
    return [answers[index] for index in range(len(leads))]


def _store_and_score(
    sent: list[LeadInput], *, source_system: str, cause: Cause, as_of: datetime
) -> list[ScoredLead]:
    try:
        serving = loader.serving()
    except NoModelReleased:
        lead_rows.retried(lambda: _store_waiting(sent, source_system=source_system, as_of=as_of))
        raise
    return lead_rows.retried(
        lambda: _in_transaction(sent, serving, source_system=source_system, cause=cause, as_of=as_of)
    )


def _rows_of(
    sent: Sequence[LeadInput], source_system: str, as_of: datetime
) -> tuple[list[Lead], list[Lead], list[Lead]]:
    """Rows in the order sent, with what was sent applied; and which of them are new, and which known.

    After a merge two ids may name one lead: it is in `rows` for both of them, and in `old` once.
    """
    known = lead_rows.find_leads(source_system, [lead.external_id for lead in sent], lock=True)
    rows, new, old = [], [], {}
    changed: list[LeadEvent] = []
    for lead in sent:
        row = known.get(lead.external_id)
        if row is None:
            row = lead_rows.new_lead(source_system, lead.external_id, as_of)
            # A caller that gives no date brings the lead as it arises; without one it could never count as ripe.
            row.created = as_of
            new.append(row)
            lead_rows.apply_input(row, lead, as_of)
        else:
            old[row.pk] = row
            was = events.before(row)
            if lead_rows.apply_input(row, lead, as_of):
                changed += events.changes(row, was, by=f"API: {source_system}", as_of=as_of)
        rows.append(row)
    events.store_events(changed)
    return rows, new, list(old.values())


def _store_waiting(sent: Sequence[LeadInput], *, source_system: str, as_of: datetime) -> None:
    rows, new, old = _rows_of(sent, source_system, as_of)
    for row in rows:
        row.awaiting_score = True
    lead_rows.store_leads(new, old)


def _in_transaction(
    sent: Sequence[LeadInput], serving: Serving, *, source_system: str, cause: Cause, as_of: datetime
) -> list[ScoredLead]:
    rows, new, old = _rows_of(sent, source_system, as_of)
    distinct = rows if len(rows) == len(new) + len(old) else list({row.pk: row for row in rows}.values())
    scored = _predict(distinct, serving, cause=cause, as_of=as_of)
    lead_rows.store_leads(new, old)
    _store_predictions(scored)
    made = {one.prediction.lead_id: one for one in scored}
    return [
        _answer(made[row.pk], row, serving, lead.external_id, source_system)
        for lead, row in zip(sent, rows, strict=True)
    ]


def _store_predictions(scored: Sequence[_Scored]) -> None:
    predictions = [one.prediction for one in scored]
    insert_rows(Prediction, predictions)
    signals.predictions_recorded.send(sender=Prediction, ids=[p.pk for p in predictions])


class _Scored(NamedTuple):
    """A prediction not yet stored, and its reasons as they are answered."""

    prediction: Prediction
    reasons: tuple[Reason, ...]


def _predict(rows: Sequence[Lead], serving: Serving, *, cause: Cause, as_of: datetime) -> list[_Scored]:
    """Predictions for rows, and the rows' score columns set; neither is stored here."""
    version = serving.champion
    begin = perf_counter()
    parsed = [parse_row(version.schema, row.attributes) for row in rows]
    scores = version.score([values for values, _ in parsed], [row.attributes for row in rows])
    shared_ms = (perf_counter() - begin) * 1000 / max(len(rows), 1)
    found = []
    for row, (values, remarks), score in zip(rows, parsed, scores, strict=True):
        begin = perf_counter()
        why = reasons(
            version.schema, values, score.contributions, unseen=score.unseen, up=MAX_REASONS, down=MAX_REASONS
        )
        grade = serving.limits.grade(score.score)
        prediction = Prediction(
            lead_id=row.pk,
            version_id=version.version_id,
            release_id=serving.release_id,
            role=Role.CHAMPION.value,
            cause=cause.value,
            values=_as_scored(serving, row),
            warnings=_warnings(serving, score, remarks, values),
            raw_probability=score.raw_probability,
            probability=score.probability,
            score=score.score,
            grade=grade.value,
            reasons=[reason._asdict() for reason in why],
            first=row.scored_at is None,
            latency_ms=round(shared_ms + (perf_counter() - begin) * 1000, 3),
            scored_at=as_of,
        )
        found.append(_Scored(prediction, why))
        row.awaiting_score = False
        row.score, row.grade, row.scored_at = score.score, grade.value, as_of
        row.scored_by_id = version.version_id
    return found


def _as_scored(serving: Serving, row: Lead) -> dict[str, Any]:
    # Raw values, so that a later feature set can read them its own way; held-out columns too, since a person may
    # let one in later and training then needs its value as it was at this moment.
    return {
        spec.name: row.attributes[spec.name]
        for spec in serving.champion.schema.features
        if spec.kind is not Kind.IDENTIFIER and spec.name in row.attributes
    }


def _warnings(
    serving: Serving, score: RowScore, remarks: Sequence[ValueWarning], values: dict[str, Any]
) -> list[dict[str, str]]:
    # What the version does not look at cannot have changed its answer.
    found = [
        {"feature": r.feature, "code": r.code, "value": r.value, "message": r.message}
        for r in remarks
        if r.feature not in serving.champion.unread
    ]
    for name in score.unseen:
        label = serving.champion.schema.by_name[name].label
        value = str(values.get(name, ""))[:80]
        found.append(
            {
                "feature": name,
                "code": "unseen",
                "value": value,
                "message": f"{label}: “{value}” did not occur in training; scored like an average value",
            }
        )
    return found


def _answer(scored: _Scored, row: Lead, serving: Serving, sent_id: str, source_system: str) -> ScoredLead:
    prediction = scored.prediction
    warnings = tuple(prediction.warnings)
    if sent_id != row.external_id or row.source_system != source_system:
        warnings = (merged_warning(sent_id, row), *warnings)
    return ScoredLead(
        prediction_id=prediction.pk,
        external_id=sent_id,
        probability=prediction.probability,
        score=prediction.score,
        grade=Grade(prediction.grade),
        reasons=scored.reasons,
        warnings=warnings,
        model_name=serving.champion.name,
        model_version=serving.champion.number,
        role=Role(prediction.role),
        scored_at=prediction.scored_at,
    )


def rescore(lead_ids: Sequence[UUID], *, cause: Cause, as_of: datetime) -> int:
    """Score stored leads again with what serves now; returns how many.

    Raises:
        NoModelReleased: nothing serves.
    """
    serving = loader.serving()
    done = 0
    for start in range(0, len(lead_ids), WAITING_BATCH):
        with transaction.atomic():
            batch = Lead.objects.filter(
                pk__in=lead_ids[start : start + WAITING_BATCH], merged_into__isnull=True
            )
            rows = list(lead_rows.locked(batch))
            scored = _predict(rows, serving, cause=cause, as_of=as_of)
            lead_rows.store_leads([], rows)
            _store_predictions(scored)
            done += len(rows)
    return done


def score_waiting(*, as_of: datetime, limit: int = WAITING_BATCH) -> int:
    """Score leads that arrived while nothing served, oldest first; returns how many.

    Two workers at once do not score a lead twice: each takes a lead by a conditional UPDATE.
    """
    waits = Lead.objects.filter(awaiting_score=True, merged_into__isnull=True)
    ids = list(waits.order_by("first_seen", "id").values_list("pk", flat=True)[:limit])
    if not ids:
        return 0
    serving = loader.serving()
    with transaction.atomic():
        taken = [
            pk for pk in sorted(ids) if waits.filter(pk=pk).update(awaiting_score=False, updated_at=as_of)
        ]
        rows = list(Lead.objects.filter(pk__in=taken).order_by("id"))
        scored = _predict(rows, serving, cause=Cause.WAITING, as_of=as_of)
        lead_rows.store_leads([], rows)
        _store_predictions(scored)
    return len(rows)
