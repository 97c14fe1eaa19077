"""Outcomes: what became of a lead, once, and corrected without forgetting."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection

from scoring import signals
from scoring.contracts import LeadNotFound, LeadRefused, OutcomeInput, OutcomeKind
from scoring.models import Outcome
from scoring.selectors.leads import current_outcome
from scoring.services.outcomes import OutcomeRecorded, read_revenue, record_outcome
from tests.factories.rows import NOW, SOURCE, a_lead, an_outcome, counts, days_ago

pytestmark = pytest.mark.django_db


def told(**changes: Any) -> OutcomeInput:
    return OutcomeInput(**{"external_id": "L-1", "kind": OutcomeKind.CONVERTED, **changes})


def record(outcome: OutcomeInput, **changes: Any) -> OutcomeRecorded:
    return record_outcome(
        outcome, **{"source_system": SOURCE, "reported_by": "key:crm", "as_of": NOW, **changes}
    )


def test_an_outcome_is_recorded_with_its_revenue() -> None:
    lead = a_lead()
    recorded = record(told(occurred_at=days_ago(1), revenue=" 1250.5 ", currency="AED"))
    row = Outcome.objects.get()
    assert recorded == OutcomeRecorded(row.pk, "L-1", "converted", changed=True)
    assert (row.lead, row.kind, row.occurred_at, str(row.revenue), row.currency) == (
        lead,
        "converted",
        days_ago(1),
        "1250.50",
        "AED",
    )
    assert (row.is_current, row.recorded_at, row.reported_by) == (True, NOW, "key:crm")


def test_the_same_again_changes_nothing() -> None:
    a_lead()
    first = record(told(revenue="10", occurred_at=days_ago(1)))
    rows = list(Outcome.objects.values())
    again = record(
        told(revenue="10.00", occurred_at=days_ago(1)), as_of=days_ago(-1), reported_by="someone else"
    )
    assert again == OutcomeRecorded(first.outcome_id, "L-1", "converted", changed=False)
    assert list(Outcome.objects.values()) == rows


@pytest.mark.parametrize(
    "change",
    [
        {"kind": OutcomeKind.LOST},
        {"revenue": "10.01"},
        {"revenue": None},
        {"currency": "EUR"},
        {"occurred_at": None},
        {"occurred_at": days_ago(2)},
    ],
)
def test_a_correction_keeps_the_older_row(change: dict[str, Any]) -> None:
    lead = a_lead()
    known = {"revenue": "10", "currency": "AED", "occurred_at": days_ago(1)}
    first = record(told(**known))
    second = record(told(**{**known, **change}))
    assert second.changed
    assert [(o.pk, o.is_current) for o in lead.outcomes.order_by("id")] == [
        (first.outcome_id, False),
        (second.outcome_id, True),
    ]
    found = current_outcome(lead)
    assert found is not None
    assert found.pk == second.outcome_id


def test_a_correction_may_be_taken_back() -> None:
    lead = a_lead()
    for kind in (OutcomeKind.CONVERTED, OutcomeKind.LOST, OutcomeKind.CONVERTED):
        assert record(told(kind=kind)).changed
    assert lead.outcomes.count() == 3
    assert lead.outcomes.filter(is_current=True).count() == 1


@pytest.mark.parametrize(
    ("external_id", "source"), [("nobody", SOURCE), ("L-1", "other"), ("l-1", SOURCE), ("L-1 ", SOURCE)]
)
def test_an_unknown_lead_is_named(external_id: str, source: str) -> None:
    a_lead()
    before = counts()
    with pytest.raises(LeadNotFound, match=r"No lead .* is known in"):
        record(told(external_id=external_id), source_system=source)
    assert counts() == before


def test_an_outcome_in_the_future_is_refused_beyond_a_crooked_clock() -> None:
    a_lead()
    assert record(told(occurred_at=NOW + timedelta(minutes=5))).changed
    with pytest.raises(LeadRefused, match="cannot lie in the future") as refused:
        record(told(occurred_at=NOW + timedelta(minutes=5, seconds=1)))
    assert refused.value.errors[0]["field"] == "occurred_at"
    assert Outcome.objects.count() == 1


@pytest.mark.parametrize(
    "text", ["a lot", "NaN", "Infinity", "-Infinity", "1e400", "100000000000000", "1,000", "0x10", "--1"]
)
def test_revenue_that_is_no_amount_is_refused(text: str) -> None:
    a_lead()
    with pytest.raises(LeadRefused) as refused:
        record(told(revenue=text))
    assert refused.value.errors == (
        {"field": "revenue", "value": text[:40], "expected": "an amount such as 1250.00, below 10^14"},
    )
    assert Outcome.objects.count() == 0


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("0", "0.00"),
        ("1e3", "1000.00"),
        ("99999999999999.99", "99999999999999.99"),
        ("-12.5", "-12.50"),
        ("0.005", "0.00"),
        ("0.015", "0.02"),
    ],
)
def test_revenue_is_read_to_the_cent(text: str | None, amount: str | None) -> None:
    found = read_revenue(text)
    assert (None if found is None else str(found)) == amount


def test_receivers_hear_of_what_changed_and_only_then() -> None:
    a_lead()
    heard: list[int] = []

    def receiver(ids: list[int], **kwargs: Any) -> None:
        heard.extend(ids)

    signals.outcomes_recorded.connect(receiver)
    try:
        recorded = record(told())
        record(told())
    finally:
        signals.outcomes_recorded.disconnect(receiver)
    assert heard == [recorded.outcome_id]


def test_a_receiver_that_fails_undoes_the_correction() -> None:
    lead = a_lead()
    first = record(told())

    def receiver(ids: list[int], **kwargs: Any) -> None:
        raise RuntimeError("no room in the outbox")

    signals.outcomes_recorded.connect(receiver)
    try:
        with pytest.raises(RuntimeError):
            record(told(kind=OutcomeKind.LOST))
    finally:
        signals.outcomes_recorded.disconnect(receiver)
    assert [(o.pk, o.is_current) for o in lead.outcomes.all()] == [(first.outcome_id, True)]


def test_the_database_itself_keeps_one_current_outcome() -> None:
    lead = a_lead()
    an_outcome(lead)
    with pytest.raises(IntegrityError):
        an_outcome(lead, OutcomeKind.LOST)


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_reports_at_once_leave_one_current_outcome_and_lose_none() -> None:
    for round_number in range(5):
        a_lead(f"L-{round_number}")
        ready = threading.Barrier(4)
        ends: list[Any] = []

        def go(
            amount: int, ready: threading.Barrier = ready, ends: list[Any] = ends, n: int = round_number
        ) -> None:
            try:
                ready.wait(timeout=20)
                ends.append(record(told(external_id=f"L-{n}", revenue=str(amount))))
            except Exception as error:
                ends.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=go, args=(amount,)) for amount in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        assert all(isinstance(end, OutcomeRecorded) for end in ends), ends
        outcomes = Outcome.objects.filter(lead__external_id=f"L-{round_number}")
        assert outcomes.count() == 4
        assert outcomes.filter(is_current=True).count() == 1
