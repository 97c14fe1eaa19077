"""`POST outcomes`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from scoring.models import Lead, Outcome
from tests.scoring.api.conftest import NOW, Api

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _leads(db: None) -> None:
    for external_id in ("a", "b", "c"):
        Lead.objects.create(source_system="crm", external_id=external_id, first_seen=NOW, updated_at=NOW)
    Lead.objects.create(source_system="other", external_id="x", first_seen=NOW, updated_at=NOW)


WON = {
    "external_id": "a",
    "outcome": "converted",
    "occurred_at": "2026-03-01T14:00:00+04:00",
    "revenue": "18500.50",
    "currency": "AED",
}


def test_it_records_an_outcome_with_its_revenue(api: Api) -> None:
    answer = api.post("outcomes", WON)
    assert answer.status == 200
    row = Outcome.objects.get()
    assert answer.body == {
        "outcome_id": row.pk,
        "external_id": "a",
        "outcome": "converted",
        "changed": True,
        "warnings": [],
    }
    assert (row.kind, row.revenue, row.currency) == ("converted", Decimal("18500.50"), "AED")
    assert row.occurred_at == datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
    assert row.reported_by == "API key CRM"


def test_the_same_again_changes_nothing_and_a_correction_does(api: Api) -> None:
    first = api.post("outcomes", WON)
    again = api.post("outcomes", WON)
    assert (again.body["changed"], again.body["outcome_id"]) == (False, first.body["outcome_id"])
    assert api.post("outcomes", {"external_id": "a", "outcome": "lost"}).body["changed"] is True
    assert [row.kind for row in Outcome.objects.filter(is_current=True)] == ["lost"]
    assert Outcome.objects.count() == 2


@pytest.mark.parametrize(
    ("revenue", "stored"),
    [(0, "0.00"), (12, "12.00"), (12.5, "12.50"), ("12.05", "12.05"), (1e3, "1000.00"), (None, None)],
)
def test_revenue_is_stored_exactly(revenue: object, stored: str | None, api: Api) -> None:
    assert api.post("outcomes", WON | {"revenue": revenue}).status == 200
    row = Outcome.objects.get()
    assert (None if row.revenue is None else f"{row.revenue:.2f}") == stored


def test_several_outcomes_answer_for_themselves(api: Api) -> None:
    sent = {
        "outcomes": [
            WON,
            {"external_id": "nobody", "outcome": "lost"},
            {"external_id": "b", "outcome": "won"},
            3,
            {"external_id": "b", "outcome": "lost", "occurred_at": "2999-01-01T00:00:00Z"},
            {"external_id": "c", "outcome": "lost"},
        ]
    }
    answer = api.post("outcomes", sent)
    assert (answer.status, answer.body["recorded"], answer.body["refused"]) == (200, 2, 4)
    results = answer.body["results"]
    assert results[0]["result"]["outcome"] == "converted"
    assert results[1]["problem"]["type"] == "urn:leadscoring:problem:lead-not-found"
    assert results[2]["problem"]["errors"][0] == {
        "pointer": "/outcomes/2/outcome",
        "value": '"won"',
        "expected": "converted or lost",
    }
    assert results[3]["problem"]["status"] == 422
    assert results[4]["problem"]["errors"][0]["pointer"].endswith("/occurred_at")
    assert results[5]["result"]["external_id"] == "c"
    assert Outcome.objects.count() == 2


def test_an_unknown_lead_is_404(api: Api) -> None:
    api.post("outcomes", {"external_id": "nobody", "outcome": "lost"}).problem(404, "lead-not-found")


def test_a_lead_of_another_source_system_is_unknown(api: Api) -> None:
    api.post("outcomes", {"external_id": "x", "outcome": "lost"}).problem(404, "lead-not-found")
    assert not Outcome.objects.exists()


def test_an_outcome_in_the_future_is_refused(api: Api) -> None:
    answer = api.post("outcomes", WON | {"occurred_at": "2199-01-01T00:00:00Z"})
    answer.problem(422, "lead-refused")
    assert answer.pointers() == ["/occurred_at"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"outcome": ...}, "/outcome"),
        ({"outcome": "Converted"}, "/outcome"),
        ({"outcome": None}, "/outcome"),
        ({"outcome": ["lost"]}, "/outcome"),
        ({"external_id": ...}, "/external_id"),
        ({"external_id": 1}, "/external_id"),
        ({"occurred_at": "yesterday"}, "/occurred_at"),
        ({"occurred_at": 5}, "/occurred_at"),
        ({"revenue": "12.345"}, "/revenue"),
        ({"revenue": 12.345}, "/revenue"),
        ({"revenue": "-5"}, "/revenue"),
        ({"revenue": -5}, "/revenue"),
        ({"revenue": 1e14}, "/revenue"),
        ({"revenue": "1,000"}, "/revenue"),
        ({"revenue": "NaN"}, "/revenue"),
        ({"revenue": "١٢"}, "/revenue"),
        ({"revenue": True}, "/revenue"),
        ({"revenue": {}}, "/revenue"),
        ({"currency": "aed"}, "/currency"),
        ({"currency": "EURO"}, "/currency"),
        ({"currency": 978}, "/currency"),
        ({"currency": "AED\n"}, "/currency"),
        ({"kind": "lost"}, "/kind"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_recorded(
    changes: dict[str, Any], pointer: str, api: Api
) -> None:
    sent = {name: value for name, value in (WON | changes).items() if value is not ...}
    answer = api.post("outcomes", sent)
    answer.problem(422, "invalid")
    assert answer.pointers() == [pointer]
    assert not Outcome.objects.exists()


def test_501_outcomes_are_one_clear_problem(api: Api) -> None:
    answer = api.post("outcomes", {"outcomes": [WON] * 501})
    assert "501 items; expected at most 500" in answer.problem(422, "batch-too-large")["detail"]
    assert not Outcome.objects.exists()


def test_one_and_several_at_once_is_refused(api: Api) -> None:
    answer = api.post("outcomes", WON | {"outcomes": [WON]})
    answer.problem(422, "invalid")
    assert "/outcome" in answer.pointers()


def test_the_slash_changes_nothing(api: Api) -> None:
    assert api.post("outcomes/", WON).status == 200
