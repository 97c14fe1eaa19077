"""`leads/{external_id}/override`: a rep's word, beside the machine's, and how nonsense is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from scoring.models import Lead, LeadEvent, Release, ScoreOverride
from scoring.services.keys import create_key
from scoring.services.merges import merge_leads
from tests.factories.rows import counts
from tests.scoring.api.conftest import NOW, Api, lead

pytestmark = pytest.mark.django_db

PATH = "leads/L-1/override"
SET = {"grade": "A", "reason": "met her", "by": "Amal"}


@pytest.fixture
def scored(api: Api, release: Release) -> dict[str, Any]:
    """Lead L-1 with a score."""
    answer = api.post("score-lead", lead())
    assert answer.status == 200
    return dict(answer.body)


def test_it_sets_a_grade_beside_the_machines(api: Api, scored: dict[str, Any]) -> None:
    answer = api.post(PATH, SET)
    assert answer.status == 200
    body = answer.body
    assert (body["external_id"], body["changed"], body["warnings"]) == ("L-1", True, [])
    assert (body["score"], body["grade"]) == (scored["score"], scored["grade"])
    override = body["override"]
    assert (override["grade"], override["score"], override["set_by"]) == ("A", None, "Amal")
    assert override["machine"] == {"score": scored["score"], "grade": scored["grade"]}
    assert api.get("leads/L-1").body["override"] == override
    assert LeadEvent.objects.get().kind == "overridden"


def test_scoring_goes_on_and_answers_with_the_machines_score(api: Api, scored: dict[str, Any]) -> None:
    api.post(PATH, {"score": 3, "reason": "no budget"})
    again = api.post("score-lead", lead())
    assert (again.body["score"], again.body["grade"]) == (scored["score"], scored["grade"])
    assert api.get("leads/L-1").body["override"]["grade"] == "D"
    assert ScoreOverride.objects.get().set_by == "API key CRM"


def test_a_new_one_takes_the_place_of_the_one_that_holds(api: Api, scored: dict[str, Any]) -> None:
    api.post(PATH, SET)
    api.post(PATH, {"grade": "C", "reason": "called again"})
    first, second = ScoreOverride.objects.order_by("pk")
    assert (first.ended_how, second.ended_at) == ("replaced", None)


def test_it_ends_by_hand_and_says_when_nothing_held(api: Api, scored: dict[str, Any]) -> None:
    api.post(PATH, SET)
    ended = api.post(PATH, {"end": True, "reason": "budget is gone", "by": "Amal"})
    assert (ended.body["override"], ended.body["changed"]) == (None, True)
    row = ScoreOverride.objects.get()
    assert (row.ended_how, row.ended_by, row.end_reason) == ("by_hand", "Amal", "budget is gone")
    again = api.post(PATH, {"end": True, "reason": "sure"})
    assert (again.status, again.body["changed"]) == (200, False)


def test_one_past_its_end_no_longer_holds_before_any_sweep(api: Api, scored: dict[str, Any]) -> None:
    api.post(PATH, SET)
    row = ScoreOverride.objects.get()
    ScoreOverride.objects.update(set_at=NOW - timedelta(days=9), expires_at=NOW - timedelta(days=1))
    assert api.get("leads/L-1").body["override"] is None
    api.post(PATH, {"grade": "B", "reason": "anew"})
    row.refresh_from_db()
    assert (row.ended_how, row.ended_at) == ("expired", NOW - timedelta(days=1))


WRONG: tuple[tuple[Any, str], ...] = (
    ({}, "/reason"),
    ({"grade": "A"}, "/reason"),
    ({"grade": "A", "reason": "  "}, "/reason"),
    ({"grade": "A", "reason": 5}, "/reason"),
    ({"grade": "A", "reason": "x" * 2001}, "/reason"),
    ({"reason": "why"}, "/grade"),
    ({"grade": "E", "reason": "why"}, "/grade"),
    ({"grade": ["A"], "reason": "why"}, "/grade"),
    ({"score": 0, "reason": "why"}, "/score"),
    ({"score": 100, "reason": "why"}, "/score"),
    ({"score": True, "reason": "why"}, "/score"),
    ({"score": 50.5, "reason": "why"}, "/score"),
    ({"score": "50", "reason": "why"}, "/score"),
    ({"grade": "A", "score": 10, "reason": "why"}, "/grade"),
    ({"grade": "A", "reason": "why", "expires_at": "tomorrow"}, "/expires_at"),
    ({"grade": "A", "reason": "why", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
    ({"grade": "A", "reason": "why", "expires_at": "2199-01-01T00:00:00Z"}, "/expires_at"),
    ({"grade": "A", "reason": "why", "until": "x"}, "/until"),
    ({"end": True, "grade": "A", "reason": "why"}, "/grade"),
    ({"end": "yes", "grade": "A", "reason": "why"}, "/end"),
    ({"end": True}, "/reason"),
    ({"grade": "A", "reason": "why", "by": "x" * 256}, "/by"),
)


@pytest.mark.parametrize(("payload", "pointer"), WRONG, ids=range(len(WRONG)))
def test_it_names_the_field_that_makes_no_sense_and_writes_nothing(
    payload: Any, pointer: str, api: Api, scored: dict[str, Any]
) -> None:
    before = counts()
    answer = api.post(PATH, payload)
    assert answer.status == 422, answer.raw
    assert pointer in answer.pointers()
    assert counts() == before


def test_the_same_idempotency_key_sets_it_once(api: Api, scored: dict[str, Any]) -> None:
    first = api.post(PATH, SET, Idempotency_Key="k-1")
    second = api.post(PATH, SET, Idempotency_Key="k-1")
    assert first.raw == second.raw
    assert ScoreOverride.objects.count() == 1


def test_it_answers_404_for_an_unknown_lead(api: Api, release: Release) -> None:
    api.post("leads/X/override", SET).problem(404, "lead-not-found")


def test_it_needs_the_scope_score(scored: dict[str, Any]) -> None:
    reader = create_key(name="R", scopes=["read"], source_system="crm", as_of=NOW - timedelta(days=1))
    Api(reader.key).post(PATH, SET).problem(403, "scope-missing")
    assert not ScoreOverride.objects.exists()


def test_a_lead_whose_id_ends_like_the_address_can_still_be_read(api: Api, release: Release) -> None:
    api.post("score-lead", lead("L-9/override"))
    assert api.get("leads/L-9/override").body["external_id"] == "L-9/override"
    assert api.post("leads/L-9/override/override", SET).body["external_id"] == "L-9/override"
    reader = create_key(name="R", scopes=["read"], source_system="crm", as_of=NOW - timedelta(days=1))
    assert Api(reader.key).get("leads/L-9/override").status == 200


def test_calls_for_a_merged_id_reach_the_lead_that_stands_and_say_so(api: Api, release: Release) -> None:
    api.post("score-leads", {"leads": [lead("L-1"), lead("L-2")]})
    one, other = (Lead.objects.get(external_id=name) for name in ("L-1", "L-2"))
    merge_leads(survivor_id=one.pk, merged_id=other.pk, by=None, reason="same", as_of=NOW)
    answers = {
        "override": api.post("leads/L-2/override", SET).body,
        "lead": api.get("leads/L-2").body,
        "scores": api.get("leads/L-2/scores?limit=1").body,
        "outcome": api.post("outcomes", {"external_id": "L-2", "outcome": "lost"}).body,
        "score": api.post("score-lead", lead("L-2")).body,
    }
    for name, body in answers.items():
        assert [(w["code"], w["value"]) for w in body["warnings"]][:1] == [("merged_into", "L-1")], name
    assert ScoreOverride.objects.get().lead == one
    assert answers["lead"]["external_id"] == "L-1"
    assert (answers["score"]["external_id"], answers["outcome"]["external_id"]) == ("L-2", "L-2")
    assert "leads/L-2/scores" in (answers["scores"]["next"] or "leads/L-2/scores")


def test_the_lead_that_stands_is_not_warned_about(api: Api, release: Release) -> None:
    api.post("score-leads", {"leads": [lead("L-1"), lead("L-2")]})
    one, other = (Lead.objects.get(external_id=name) for name in ("L-1", "L-2"))
    merge_leads(survivor_id=one.pk, merged_id=other.pk, by=None, reason="same", as_of=NOW)
    assert api.get("leads/L-1").body["warnings"] == []
    both = api.post("score-leads", {"leads": [lead("L-1"), lead("L-2")]}).body["results"]
    assert both[0]["result"]["prediction_id"] == both[1]["result"]["prediction_id"]
