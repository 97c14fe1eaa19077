"""The filters of the lead list by the names in its address."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scoring.contracts import OutcomeKind
from scoring.models import Lead
from scoring.selectors.distinct import first_values
from scoring.selectors.lead_list import Reader, check, listed, names_of, narrow
from tests.factories.rows import NOW, a_lead, a_version, an_outcome, days_ago

pytestmark = pytest.mark.django_db
READER = Reader(names_of("amal", "Amal Haddad"), NOW)


@pytest.fixture
def leads() -> None:
    old, new = a_version(), a_version()
    scored = {"score": 90, "grade": "A", "scored_at": days_ago(1), "scored_by": new}
    a_lead("new", owner="Amal Haddad", stage="new", created=days_ago(3), **scored)
    won = a_lead("won", owner="amal", created=days_ago(60), score=10, grade="D", scored_at=days_ago(40),
                 scored_by=old)  # fmt: skip
    an_outcome(won)
    lost = a_lead("lost", owner="Ben", stage="closed", first_seen=days_ago(120), source_system="web")
    an_outcome(lost, OutcomeKind.LOST)
    a_lead("waits", awaiting_score=True, created=days_ago(20))


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ({}, {"new", "won", "lost", "waits"}),
        ({"grade": "A"}, {"new"}),
        ({"outcome": "converted"}, {"won"}),
        ({"outcome": "lost"}, {"lost"}),
        ({"outcome": "open"}, {"new", "waits"}),
        ({"scored": "yes"}, {"new", "won"}),
        ({"scored": "waiting"}, {"waits"}),
        ({"scored": "never"}, {"lost", "waits"}),
        ({"when": "7"}, {"new"}),
        ({"when": "not30"}, {"won"}),
        ({"age": "7"}, {"new"}),
        ({"age": "30"}, {"new", "waits"}),
        ({"age": "older"}, {"lost"}),
        ({"created_from": "2026-04-01", "created_to": "2026-04-30"}, {"won"}),
        ({"whose": "mine"}, {"new", "won"}),
        ({"whose": "nobody"}, {"waits"}),
        ({"owner": "am"}, {"new", "won"}),
        ({"stage": "closed"}, {"lost"}),
        ({"source": "web"}, {"lost"}),
        ({"version": "2"}, {"new"}),
        ({"version": "99"}, set()),
        ({"whose": "mine", "grade": "A", "q": "ne"}, {"new"}),
    ],
)
def test_it_narrows_the_leads(leads: None, address: dict[str, str], found: set[str]) -> None:
    narrowed = narrow(listed(), address, READER)
    assert set(narrowed.rows.values_list("external_id", flat=True)) == found
    assert narrowed.problems == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grade", "E"), ("outcome", "maybe"), ("scored", "no"), ("when", "8"), ("age", "-1"), ("whose", "yours"),
        ("created_from", "yesterday"), ("created_to", "2026-02-30"), ("version", "1.5"), ("version", "٣"),
        ("owner__password", "x"), ("nonsense", "1"), ("grade__in", "A"),
    ],
)  # fmt: skip
def test_it_names_what_it_does_not_know_and_keeps_the_rest(name: str, value: str) -> None:
    clean, problems = check({name: value, "stage": "new"}, READER)
    assert clean == {"stage": "new"}
    assert len(problems) == 1
    assert name in problems[0]


def test_mine_is_nobody_for_a_person_without_a_name() -> None:
    a_lead("nobodys")
    assert not narrow(listed(), {"whose": "mine"}, Reader((), NOW)).rows.exists()


def test_it_jumps_from_value_to_value() -> None:
    for number, stage in enumerate(["b", "a", "b", "", "c", "a"]):
        a_lead(f"L-{number}", stage=stage)
    assert first_values(Lead, "stage", most=10) == ["a", "b", "c"]
    assert first_values(Lead, "stage", most=2) == ["a", "b"]
    assert first_values(Lead, "owner", most=2) == []


def test_the_age_is_of_the_day_it_was_asked() -> None:
    a_lead("L-1", created=NOW)
    later = Reader((), NOW + timedelta(days=8))
    assert not narrow(listed(), {"age": "7"}, later).rows.exists()
