"""A rep's word against the machine's score: set, ended by hand, replaced, expired. The machine's score stays."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from scoring.contracts import EventKind, Grade, GradeLimits, OverrideEnd, OverrideInput, OverrideRefused
from scoring.ml.parsing import unstorable
from scoring.models import Lead, LeadEvent, ScoreOverride
from scoring.selectors.versions import grade_limits
from scoring.services.events import note_event
from scoring.services.leads import locked

USUAL = timedelta(days=30)
LONGEST = timedelta(days=366)
MAX_REASON = 2000
SWEPT_AT_ONCE = 500


def read_override(sent: OverrideInput, limits: GradeLimits, *, as_of: datetime) -> tuple[Grade, datetime]:
    """The grade and the end that an override means.

    Raises:
        OverrideRefused: with every field that makes no sense.
    """
    errors: list[dict[str, object]] = []
    ends = sent.expires_at or as_of + USUAL
    grade = sent.grade
    if sent.score is not None and not 1 <= sent.score <= 99:
        errors.append(_wrong("score", sent.score, "a whole number from 1 to 99, or none"))
    elif sent.score is not None:
        own = limits.grade(sent.score)
        if grade is not None and grade is not own:
            errors.append(
                _wrong(
                    "grade", grade.value, f"{own.value}, the grade of score {sent.score}, or only one of them"
                )
            )
        grade = own
    elif grade is None:
        errors.append(_wrong("grade", "missing", "a grade from A to D, a score from 1 to 99, or both"))
    reason = sent.reason.strip()
    if not reason or len(reason) > MAX_REASON or unstorable(reason) is not None:
        found = "missing" if not reason else f"a text of {len(reason):,} characters"
        errors.append(_wrong("reason", found, f"why, in 1 to {MAX_REASON:,} readable characters"))
    if not as_of < ends <= as_of + LONGEST:
        expected = f"a time after {as_of:%Y-%m-%dT%H:%MZ} and within {LONGEST.days} days"
        errors.append(_wrong("expires_at", f"{ends:%Y-%m-%dT%H:%MZ}", expected))
    if errors or grade is None:
        first = errors[0]
        raise OverrideRefused(
            f"The override cannot be set: {first['field']} is {first['value']}; expected {first['expected']}.",
            errors=tuple(errors),
        )
    return grade, ends


def _wrong(field: str, value: object, expected: str) -> dict[str, object]:
    return {"field": field, "value": str(value), "expected": expected}


def set_override(
    *, lead_id: UUID, sent: OverrideInput, by: str, person: User | None, as_of: datetime
) -> ScoreOverride:
    """Set what a rep says. One that holds already ends as replaced; the lead's own score columns stay.

    Raises:
        OverrideRefused: a field makes no sense; nothing changed.
    """
    grade, ends = read_override(sent, grade_limits(), as_of=as_of)
    with transaction.atomic():
        lead = _standing(lead_id)
        _end_current(lead, how=OverrideEnd.REPLACED, by=by, person=person, reason="", as_of=as_of)
        made = ScoreOverride.objects.create(
            lead=lead,
            grade=grade.value,
            score=sent.score,
            machine_grade=lead.grade,
            machine_score=lead.score,
            reason=sent.reason.strip(),
            set_by=by[:255],
            person=person,
            set_at=as_of,
            expires_at=ends,
        )
        note_event(
            lead.pk,
            EventKind.OVERRIDDEN,
            by=by,
            person=person,
            as_of=as_of,
            was=machine_words(lead),
            now=made.words,
            details={"reason": made.reason[:500], "override": made.pk, "expires_at": ends.isoformat()},
        )
    return made


def machine_words(lead: Lead) -> str:
    """The machine's score in a few words; empty without one."""
    return "" if lead.score is None else f"score {lead.score}, grade {lead.grade}"


def end_override(
    *, lead_id: UUID, reason: str, by: str, person: User | None, as_of: datetime
) -> ScoreOverride | None:
    """End the override that holds, by hand. None when none does, or it has just expired.

    Raises:
        OverrideRefused: the reason is missing or too long.
    """
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON or unstorable(reason) is not None:
        wrong = _wrong(
            "reason", "missing" if not reason else "unreadable or too long", "why, in 1 to 2,000 characters"
        )
        raise OverrideRefused("The override cannot be ended without a reason.", errors=(wrong,))
    with transaction.atomic():
        lead = _standing(lead_id)
        return _end_current(lead, how=OverrideEnd.BY_HAND, by=by, person=person, reason=reason, as_of=as_of)


def end_expired(*, as_of: datetime) -> int:
    """Close overrides past their end, each noted in its lead's history; returns how many.

    Two sweeps at once close each only once: it is taken by a conditional UPDATE.
    """
    due = list(
        ScoreOverride.objects.filter(ended_at__isnull=True, expires_at__lte=as_of).order_by("expires_at")[
            :SWEPT_AT_ONCE
        ]
    )
    done = 0
    for override in due:
        with transaction.atomic():
            done += _close(override, how=OverrideEnd.EXPIRED, by="", person=None, reason="", as_of=as_of)
    return done


def _standing(lead_id: UUID) -> Lead:
    """The lead, or the one it was merged into, kept from other writers."""
    lead = locked(Lead.objects.filter(pk=lead_id)).get()
    if lead.merged_into_id is not None:
        lead = locked(Lead.objects.filter(pk=lead.merged_into_id)).get()
    return lead


def _end_current(
    lead: Lead, *, how: OverrideEnd, by: str, person: User | None, reason: str, as_of: datetime
) -> ScoreOverride | None:
    current = ScoreOverride.objects.filter(lead=lead, ended_at__isnull=True).first()
    if current is None:
        return None
    if current.expires_at <= as_of:
        _close(current, how=OverrideEnd.EXPIRED, by="", person=None, reason="", as_of=as_of)
        return None
    _close(current, how=how, by=by, person=person, reason=reason, as_of=as_of)
    return current


def _close(
    override: ScoreOverride, *, how: OverrideEnd, by: str, person: User | None, reason: str, as_of: datetime
) -> int:
    # It holds until its end, not until a sweep comes by.
    at = override.expires_at if how is OverrideEnd.EXPIRED else as_of
    taken = ScoreOverride.objects.filter(pk=override.pk, ended_at__isnull=True).update(
        ended_at=at, ended_how=how.value, ended_by=by[:255], end_reason=reason
    )
    if taken:
        override.refresh_from_db()
    if taken and how is not OverrideEnd.REPLACED:
        LeadEvent.objects.create(
            lead_id=override.lead_id,
            kind=EventKind.OVERRIDE_ENDED.value,
            happened_at=at,
            recorded_at=as_of,
            was=override.words,
            now=how.value.replace("_", " "),
            by=by[:255],
            person=person,
            details={"reason": reason[:500], "override": override.pk},
        )
    return taken


def move_override(source: Lead, target: Lead, *, merge_words: str, as_of: datetime) -> dict[str, int] | None:
    """Let the override of a merged lead go on at the lead that stands for it, unless that one has its own.

    Returns the keys of both rows, for the undo; None when there was nothing to move.
    """
    current = ScoreOverride.objects.filter(lead=source, ended_at__isnull=True, expires_at__gt=as_of).first()
    if current is None:
        return None
    ScoreOverride.objects.filter(pk=current.pk).update(
        ended_at=as_of, ended_how=OverrideEnd.MERGED.value, end_reason=merge_words
    )
    moved = {"ended": current.pk}
    if not ScoreOverride.objects.filter(lead=target, ended_at__isnull=True).exists():
        made = ScoreOverride.objects.create(
            lead=target,
            grade=current.grade,
            score=current.score,
            machine_grade=target.grade,
            machine_score=target.score,
            reason=current.reason,
            set_by=current.set_by,
            person=current.person,
            set_at=as_of,
            expires_at=current.expires_at,
        )
        moved["made"] = made.pk
    return moved


def move_back(moved: dict[str, int], *, merge_words: str, as_of: datetime) -> None:
    """Undo `move_override`: the copy ends if it still holds, and the first one goes on until its own end."""
    if "made" in moved:
        ScoreOverride.objects.filter(pk=moved["made"], ended_at__isnull=True).update(
            ended_at=as_of, ended_how=OverrideEnd.MERGED.value, end_reason=merge_words
        )
    ScoreOverride.objects.filter(pk=moved["ended"]).update(
        ended_at=None, ended_how="", ended_by="", end_reason=""
    )
