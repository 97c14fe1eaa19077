"""Recording what became of leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from django.db import transaction

from scoring import signals
from scoring.contracts import LeadNotFound, LeadRefused, OutcomeInput
from scoring.models import Lead, Outcome
from scoring.selectors.leads import merged_warning
from scoring.services.leads import locked

CLOCK_SKEW = timedelta(minutes=5)
MAX_REVENUE = Decimal("99999999999999.99")


@dataclass(frozen=True, slots=True)
class OutcomeRecorded:
    """What is recorded now; `changed` is false when the same was known already."""

    outcome_id: int
    external_id: str
    kind: str
    changed: bool
    warnings: tuple[Mapping[str, str], ...] = ()


def read_revenue(text: str | None) -> Decimal | None:
    """Revenue as money with two decimals.

    Raises:
        LeadRefused: not a number, not finite or too large.
    """
    if text is None or not text.strip():
        return None
    try:
        amount = Decimal(text.strip())
        if not amount.is_finite() or abs(amount) > MAX_REVENUE:
            raise InvalidOperation
        return amount.quantize(Decimal("0.01"))
    except InvalidOperation as error:
        raise LeadRefused(
            f"Revenue {text[:40]!r} cannot be read.",
            errors=(
                {
                    "field": "revenue",
                    "value": text[:40],
                    "expected": "an amount such as 1250.00, below 10^14",
                },
            ),
        ) from error


def record_outcome(
    outcome: OutcomeInput, *, source_system: str, reported_by: str, as_of: datetime
) -> OutcomeRecorded:
    """Record what became of a lead. The same again changes nothing; a correction keeps the older row.

    Raises:
        LeadNotFound: no such lead in this source system.
        LeadRefused: the time lies in the future, or the revenue cannot be read.
    """
    if outcome.occurred_at is not None and outcome.occurred_at > as_of + CLOCK_SKEW:
        raise LeadRefused(
            "An outcome cannot lie in the future.",
            errors=(
                {
                    "field": "occurred_at",
                    "value": outcome.occurred_at.isoformat(),
                    "expected": f"a time not after {as_of.isoformat(timespec='seconds')}",
                },
            ),
        )
    revenue = read_revenue(outcome.revenue)
    lead = (
        Lead.objects.filter(source_system=source_system, external_id=outcome.external_id)
        .only("id", "external_id", "merged_into_id", "source_system")
        .first()
    )
    if lead is None:
        raise LeadNotFound(f"No lead {outcome.external_id!r} is known in {source_system!r}.")
    row = Outcome(
        lead=lead,
        kind=outcome.kind.value,
        occurred_at=outcome.occurred_at,
        revenue=revenue,
        currency=outcome.currency,
        recorded_at=as_of,
        reported_by=reported_by,
    )
    return _replace_current(row, lead)


def same_outcome(one: Outcome, other: Outcome) -> bool:
    """Whether two rows say the same."""
    return (one.kind, one.occurred_at, one.revenue, one.currency) == (
        other.kind,
        other.occurred_at,
        other.revenue,
        other.currency,
    )


def _replace_current(row: Outcome, sent: Lead) -> OutcomeRecorded:
    with transaction.atomic():
        # Reports about one lead at once queue up here: each later one corrects the one before it. A lead merged
        # by then hands the report on to the one that stands for it.
        lead = locked(Lead.objects.filter(pk=sent.pk)).get()
        if lead.merged_into_id is not None:
            lead = locked(Lead.objects.filter(pk=lead.merged_into_id)).get()
        row.lead = lead
        warnings = () if lead.pk == sent.pk else (merged_warning(sent.external_id, lead),)
        current = Outcome.objects.filter(lead_id=lead.pk, is_current=True).first()
        if current is not None and same_outcome(current, row):
            return OutcomeRecorded(
                current.pk, sent.external_id, current.kind, changed=False, warnings=warnings
            )
        Outcome.objects.filter(lead_id=lead.pk, is_current=True).update(is_current=False)
        row.save(force_insert=True)
        signals.outcomes_recorded.send(sender=Outcome, ids=[row.pk])
    return OutcomeRecorded(row.pk, sent.external_id, row.kind, changed=True, warnings=warnings)
