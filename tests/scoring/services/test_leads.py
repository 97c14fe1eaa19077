"""What a caller sends meets what is known: sent wins, null clears, the rest stays."""

from __future__ import annotations

from typing import Any

import pytest

from scoring.contracts import LeadInput, LeadNotFound, LeadRefused
from scoring.models import Lead
from scoring.selectors.leads import awaiting_score, get_lead
from scoring.services.leads import apply_input, check_lead, find_leads, locked, merged, new_lead, store_leads
from tests.factories.rows import NOW, SOURCE, a_lead, days_ago


@pytest.mark.parametrize(
    ("known", "sent", "after"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": 1}, {"b": None}, {"a": 1}),
        ({"a": 1}, {"a": False}, {"a": False}),
        ({"a": 1}, {"a": 0}, {"a": 0}),
        ({"a": 1}, {"a": ""}, {"a": ""}),
    ],
)
def test_sent_wins_and_null_clears(
    known: dict[str, Any], sent: dict[str, Any], after: dict[str, Any]
) -> None:
    assert merged(known, sent) == after


def test_fields_that_were_not_sent_stay() -> None:
    lead = new_lead(SOURCE, "L-1", NOW)
    lead.owner, lead.stage, lead.created = "Sara", "New", days_ago(3)
    assert not apply_input(lead, LeadInput("L-1", {}), days_ago(-1))
    assert (lead.owner, lead.stage, lead.created, lead.updated_at) == ("Sara", "New", days_ago(3), NOW)
    assert apply_input(lead, LeadInput("L-1", {}, owner=""), days_ago(-1))
    assert (lead.owner, lead.stage, lead.updated_at) == ("", "New", days_ago(-1))


def test_everything_wrong_with_a_lead_is_told_at_once() -> None:
    lead = LeadInput("", {"a": [1], "b": {"c": 1}, "d": float("inf")}, owner="\0")
    with pytest.raises(LeadRefused) as refused:
        check_lead(lead)
    assert [error["field"] for error in refused.value.errors] == [
        "external_id",
        "owner",
        "attributes.a",
        "attributes.b",
        "attributes.d",
    ]
    assert refused.value.detail == "Lead '': external_id is ; expected 1 to 255 characters, not only blanks."


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "", "x" * 8192, 2**63 - 1, "東京 🏢"])
def test_plain_values_are_fine(value: object) -> None:
    check_lead(LeadInput("x" * 255, {"n" * 500: value}))


@pytest.mark.django_db
def test_leads_are_found_by_source_and_id() -> None:
    mine, _ = a_lead("L-1"), a_lead("L-1", source_system="other")
    assert find_leads(SOURCE, ["L-1", "L-2"], lock=False) == {"L-1": mine}
    assert get_lead(source_system=SOURCE, external_id="L-1") == mine
    with pytest.raises(LeadNotFound, match="No lead 'L-2' is known in 'crm'"):
        get_lead(source_system=SOURCE, external_id="L-2")


@pytest.mark.django_db
def test_leads_to_be_written_come_in_one_order() -> None:
    leads = [a_lead(f"L-{i}") for i in range(5)]
    assert [lead.pk for lead in locked(Lead.objects.order_by("-external_id"))] == sorted(
        lead.pk for lead in leads
    )


@pytest.mark.django_db
def test_new_and_changed_leads_are_stored_together() -> None:
    known = [a_lead("L-1"), a_lead("L-2")]
    for lead in known:
        lead.stage = "Won"
    store_leads([new_lead(SOURCE, "L-3", NOW)], known)
    assert dict(Lead.objects.values_list("external_id", "stage")) == {"L-1": "Won", "L-2": "Won", "L-3": ""}


@pytest.mark.django_db
def test_who_waits_comes_oldest_first() -> None:
    for age in (1, 3, 2):
        a_lead(f"L-{age}", awaiting_score=True, first_seen=days_ago(age))
    a_lead("scored")
    assert [lead.external_id for lead in awaiting_score()] == ["L-3", "L-2", "L-1"]
