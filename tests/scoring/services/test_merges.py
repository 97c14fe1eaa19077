"""Merging two leads, and undoing it: nothing is lost, nothing is left over."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from scoring.contracts import Cause, Grade, MergeRefused, OutcomeInput, OutcomeKind, OverrideInput
from scoring.models import Lead, LeadEvent, LeadMerge, MergeProposal, Outcome, Prediction, ScoreOverride
from scoring.selectors.leads import current_override, get_lead
from scoring.services.leads import edit_lead
from scoring.services.merge_plans import older_first, plan_merge
from scoring.services.merges import merge_leads, snapshot, undo_merge
from scoring.services.outcomes import record_outcome
from scoring.services.overrides import set_override
from scoring.services.scoring import rescore, score_waiting
from tests.factories.calls import score, score_all, sent
from tests.factories.people import a_person
from tests.factories.rows import NOW, SOURCE, a_lead, a_prediction, an_outcome, days_ago
from tests.factories.trained import a_served_release

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]

LATER = NOW + timedelta(hours=1)


def merge(survivor: Lead, merged: Lead, **changes: Any) -> LeadMerge:
    return merge_leads(
        **{
            "survivor_id": survivor.pk,
            "merged_id": merged.pk,
            "by": None,
            "reason": "same person",
            "as_of": LATER,
            **changes,
        }
    )


def undo(row: LeadMerge, **changes: Any) -> LeadMerge:
    return undo_merge(
        **{
            "merge_id": row.pk,
            "by": None,
            "reason": "two people",
            "as_of": LATER + timedelta(hours=1),
            **changes,
        }
    )


def now(lead: Lead) -> dict[str, Any]:
    return snapshot(Lead.objects.get(pk=lead.pk))


def pair() -> tuple[Lead, Lead]:
    """An older lead and a newer one that differ in everything."""
    older = a_lead(
        "L-1",
        attributes={"source": "web", "pages": "3", "E-mail": "a@firm.ae"},
        created=days_ago(20),
        updated_at=days_ago(9),
        owner="Ben",
        stage="new",
    )
    newer = a_lead(
        "L-2",
        attributes={"source": "fair", "budget": True},
        created=days_ago(30),
        updated_at=days_ago(2),
        stage="contacted",
    )
    return older, newer


def test_it_takes_what_is_missing_and_believes_the_newer_lead_where_both_speak() -> None:
    one, other = pair()
    merge(one, other)
    lead = Lead.objects.get(pk=one.pk)
    assert lead.attributes == {"source": "fair", "pages": "3", "E-mail": "a@firm.ae", "budget": True}
    assert (lead.owner, lead.stage, lead.created) == ("Ben", "contacted", days_ago(30))
    assert Lead.objects.get(pk=other.pk).merged_into_id == one.pk


def test_it_shows_beforehand_exactly_what_it_will_do() -> None:
    one, other = pair()
    plan = plan_merge(one, other)
    assert {line.name for line in plan.attributes if line.taken} == {"source", "budget"}
    assert [line.name for line in plan.attributes if line.conflict] == ["source"]
    assert plan.newer == other
    merge(one, other)
    said = {line.name: line.result for line in plan.attributes}
    assert Lead.objects.get(pk=one.pk).attributes == said


def test_it_tells_true_from_one() -> None:
    one = a_lead("L-1", attributes={"x": 1}, updated_at=days_ago(1))
    other = a_lead("L-2", attributes={"x": True})
    assert plan_merge(one, other).attributes[0].conflict


def test_the_lead_known_longer_stands_for_both_unless_chosen_otherwise() -> None:
    one, other = pair()
    assert older_first(one, other) == (other, one)
    assert older_first(other, one) == (other, one)


def test_it_restores_both_leads_exactly() -> None:
    one, other = pair()
    before = now(one), now(other)
    row = undo(merge(one, other))
    assert (now(one), now(other)) == before
    assert row.undo_note == "Nothing had come after the merge; both leads are as they were before."


def test_what_came_after_the_merge_stays_with_the_lead_that_stood() -> None:
    one, other = pair()
    row = merge(one, other)
    Lead.objects.filter(pk=one.pk).update(
        attributes={**Lead.objects.get(pk=one.pk).attributes, "pages": "8", "new": "x"},
        updated_at=LATER + timedelta(minutes=5),
    )
    edit_lead(lead_id=one.pk, owner="Amal", stage="contacted", by=None, as_of=LATER + timedelta(minutes=6))
    row = undo(row)
    lead = Lead.objects.get(pk=one.pk)
    assert lead.attributes == {"source": "web", "pages": "8", "E-mail": "a@firm.ae", "new": "x"}
    assert (lead.owner, lead.stage) == ("Amal", "new")
    assert "new, pages, owner" in row.undo_note


def test_a_conversion_known_under_one_id_is_the_survivors_and_given_back() -> None:
    one, other = pair()
    lost = an_outcome(one, OutcomeKind.LOST, recorded_at=NOW)
    won = an_outcome(other, OutcomeKind.CONVERTED, recorded_at=days_ago(3), revenue=Decimal("10.00"))
    row = merge(one, other)
    current = Outcome.objects.get(lead=one, is_current=True)
    assert (current.kind, current.revenue, current.reported_by) == (
        "converted",
        won.revenue,
        "unknown via L-2",
    )
    undo(row)
    assert Outcome.objects.get(lead=one, is_current=True) == lost
    assert Outcome.objects.get(lead=other, is_current=True) == won


def test_it_never_trades_a_conversion_for_lost() -> None:
    one, other = pair()
    won = an_outcome(one, OutcomeKind.CONVERTED, recorded_at=days_ago(3))
    an_outcome(other, OutcomeKind.LOST, recorded_at=NOW)
    merge(one, other)
    assert Outcome.objects.get(lead=one, is_current=True) == won


def test_an_outcome_reported_after_the_merge_is_not_taken_back() -> None:
    one, other = pair()
    an_outcome(other, OutcomeKind.CONVERTED)
    row = merge(one, other)
    told = OutcomeInput("L-2", OutcomeKind.LOST)
    record_outcome(told, source_system=SOURCE, reported_by="rep", as_of=LATER + timedelta(minutes=1))
    row = undo(row)
    assert Outcome.objects.get(lead=one, is_current=True).kind == "lost"
    assert "an outcome reported since" in row.undo_note


def test_an_override_goes_on_at_the_survivor_and_comes_back() -> None:
    one, other = pair()
    set_override(
        lead_id=other.pk, sent=OverrideInput(Grade.A, None, "knows us"), by="Ben", person=None, as_of=NOW
    )
    row = merge(one, other)
    moved = current_override(one.pk, as_of=LATER)
    assert moved is not None
    assert (moved.grade, moved.reason, moved.set_by) == ("A", "knows us", "Ben")
    undo(row)
    assert current_override(one.pk, as_of=LATER + timedelta(hours=2)) is None
    assert current_override(other.pk, as_of=LATER + timedelta(hours=2)) is not None


def test_the_survivors_own_override_stays() -> None:
    one, other = pair()
    for lead, grade in ((one, Grade.B), (other, Grade.A)):
        set_override(lead_id=lead.pk, sent=OverrideInput(grade, None, "why"), by="x", person=None, as_of=NOW)
    merge(one, other)
    current = current_override(one.pk, as_of=LATER)
    assert current is not None
    assert current.grade == "B"
    assert ScoreOverride.objects.filter(ended_at__isnull=True).count() == 1


def test_history_stays_with_each_lead() -> None:
    one, other = pair()
    a_prediction(other, score=70)
    merge(one, other)
    assert Prediction.objects.get(score=70).lead == other
    kinds = LeadEvent.objects.filter(kind="merged").values_list("lead_id", "details__role")
    assert set(kinds) == {(one.pk, "survivor"), (other.pk, "merged")}


def test_a_chain_always_ends_at_the_lead_that_stands_for_all() -> None:
    a, b, c = a_lead("A"), a_lead("B"), a_lead("C")
    first = merge(b, a)
    second = merge(c, b)
    assert set(Lead.objects.filter(merged_into=c).values_list("external_id", flat=True)) == {"A", "B"}
    with pytest.raises(MergeRefused, match=r"B into C on .* Undo that one first"):
        undo(first)
    undo(second)
    assert Lead.objects.get(pk=a.pk).merged_into_id == b.pk
    undo(first)
    assert not Lead.objects.filter(merged_into__isnull=False).exists()


def test_merges_into_one_lead_are_undone_last_one_first() -> None:
    a = a_lead("A", attributes={"x": "1"}, updated_at=days_ago(1))
    b = a_lead("B", attributes={"x": "2"})
    c = a_lead("C", attributes={"x": "3"}, updated_at=NOW + timedelta(hours=2))
    before = now(a)
    first, second = merge(a, b), merge(a, c)
    assert Lead.objects.get(pk=a.pk).attributes == {"x": "3"}
    with pytest.raises(MergeRefused, match="C into A"):
        undo(first)
    undo(second)
    assert Lead.objects.get(pk=a.pk).attributes == {"x": "2"}
    undo(first)
    assert now(a) == before


def test_it_refuses_itself_circles_a_second_time_and_no_reason() -> None:
    a, b, c = a_lead("A"), a_lead("B"), a_lead("C")
    row = merge(a, b)
    for survivor, merged, words in (
        (a, a, "into itself"),
        (b, a, "B was merged into A meanwhile"),
        (a, b, "B was merged into A meanwhile"),
        (b, c, "B was merged into A meanwhile"),
        (c, b, "B was merged into A meanwhile"),
    ):
        with pytest.raises(MergeRefused, match=words):
            merge(survivor, merged)
    with pytest.raises(MergeRefused, match="Write why"):
        merge(a, c, reason="  ")
    with pytest.raises(MergeRefused, match="Write why"):
        undo(row, reason="")
    undo(row)
    with pytest.raises(MergeRefused, match="undone already"):
        undo(row)
    assert LeadMerge.objects.count() == 1


def test_it_scores_the_survivor_again_with_what_both_knew() -> None:
    a_served_release()
    score(sent("L-1", attributes={"Source": "web"}))
    score(sent("L-2", attributes={"Pages": 9}))
    one, other = Lead.objects.get(external_id="L-1"), Lead.objects.get(external_id="L-2")
    merge(one, other)
    newest = Prediction.objects.filter(lead=one).order_by("-scored_at").first()
    assert newest is not None
    assert (newest.cause, newest.values) == (Cause.RESCORE.value, {"Source": "web", "Pages": 9})


def test_a_merged_lead_is_neither_rescored_nor_waiting() -> None:
    one, other = a_lead("A"), a_lead("B", awaiting_score=True)
    merge(one, other)
    assert Lead.objects.get(pk=one.pk).awaiting_score
    a_served_release()
    assert rescore([other.pk], cause=Cause.RESCORE, as_of=LATER) == 0
    assert score_waiting(as_of=LATER) == 1
    assert not Prediction.objects.filter(lead=other).exists()


def test_calls_for_a_merged_id_reach_the_lead_that_stands_for_it() -> None:
    a_served_release()
    score_all(sent("L-1"), sent("L-2"))
    one, other = (Lead.objects.get(external_id=name) for name in ("L-1", "L-2"))
    merge(one, other)
    answer = score(sent("L-2", attributes={"Pages": 4}))
    assert (answer.external_id, answer.warnings[0]["code"], answer.warnings[0]["value"]) == (
        "L-2",
        "merged_into",
        "L-1",
    )
    assert Prediction.objects.get(pk=answer.prediction_id).lead == one
    assert Lead.objects.get(pk=one.pk).attributes["Pages"] == 4
    assert get_lead(source_system=SOURCE, external_id="L-2") == one
    told = record_outcome(
        OutcomeInput("L-2", OutcomeKind.CONVERTED), source_system=SOURCE, reported_by="x", as_of=LATER
    )
    assert (told.external_id, told.warnings[0]["value"]) == ("L-2", "L-1")
    assert Outcome.objects.get().lead == one


def test_both_ids_of_one_lead_in_one_call_are_scored_once() -> None:
    a_served_release()
    score_all(sent("L-1"), sent("L-2"))
    merge(*(Lead.objects.get(external_id=name) for name in ("L-1", "L-2")))
    before = Prediction.objects.count()
    answers = score_all(
        sent("L-2", attributes={"Pages": 2}), sent("L-1", attributes={"Source": "fair"}), sent("N-1")
    )
    assert Prediction.objects.count() == before + 2
    assert answers[0].prediction_id == answers[1].prediction_id  # type: ignore[union-attr]
    assert [len([w for w in a.warnings if w["code"] == "merged_into"]) for a in answers] == [1, 0, 0]
    lead = Lead.objects.get(external_id="L-1")
    assert (lead.attributes["Pages"], lead.attributes["Source"]) == (2, "fair")


def test_the_ordinary_call_costs_no_query_more(django_assert_num_queries: Any) -> None:
    from scoring.services.leads import find_leads

    a_lead("L-1")
    with django_assert_num_queries(1):
        find_leads(SOURCE, ["L-1", "L-2"], lock=False)


def test_proposals_of_a_merged_lead_go_to_the_survivor_and_come_back() -> None:
    a, b, c = sorted((a_lead("A"), a_lead("B"), a_lead("C")), key=lambda lead: lead.pk)
    own = MergeProposal.objects.create(first=a, second=b, found_at=NOW, same_email=True)
    others = MergeProposal.objects.create(first=b, second=c, found_at=NOW, same_phone=True)
    row = merge(a, b)
    states = dict(MergeProposal.objects.values_list("pk", "state"))
    assert (states[own.pk], states[others.pk]) == ("confirmed", "outdated")
    assert MergeProposal.objects.get(first=a, second=c).state == "open"
    assert row.proposal_id == own.pk
    undo(row)
    states = dict(MergeProposal.objects.values_list("pk", "state"))
    assert (states[own.pk], states[others.pk]) == ("dismissed", "open")


def test_it_keeps_who_decided() -> None:
    person = a_person("analyst")
    row = merge(*pair(), by=person)
    assert undo(row, by=person).undone_by == person
    assert LeadEvent.objects.filter(kind="merge_undone", person=person).count() == 2


def test_a_proposal_that_was_decided_meanwhile_is_not_merged() -> None:
    old, new = pair()
    first, second = sorted((old, new), key=lambda row: row.pk)
    row = MergeProposal.objects.create(
        first=first, second=second, same_email=True, found_at=NOW, state="dismissed", reason="two people"
    )
    with pytest.raises(MergeRefused, match="decided meanwhile: it is dismissed"):
        merge(old, new, proposal_id=row.pk)
    row.refresh_from_db()
    assert (row.state, row.reason, LeadMerge.objects.count()) == ("dismissed", "two people", 0)
