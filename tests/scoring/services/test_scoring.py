"""Scoring: lead, prediction and what receivers add commit together, or not at all."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from scoring import loader, signals, tasks
from scoring.contracts import (
    Cause,
    LeadInput,
    LeadRefused,
    NoModelReleased,
    Refusal,
    Role,
    ScoredLead,
)
from scoring.ml.compile import compile_document, load_document
from scoring.ml.schema import FeatureSchema, parse_row
from scoring.models import Lead, Prediction
from scoring.selectors.leads import get_lead
from scoring.selectors.predictions import history
from scoring.services import maintenance
from scoring.services.releases import set_grade_limits
from scoring.services.scoring import rescore, score_waiting
from tests.factories.calls import score, score_all, sent
from tests.factories.rows import NOW, SOURCE, a_lead, counts, days_ago
from tests.factories.trained import GOOD, POOR, SPECS, a_served_release, tiny_document

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


class Listener:
    """A receiver that notes the ids, and fails when told to."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.fails = False

    def __call__(self, ids: list[Any], **kwargs: Any) -> None:
        self.heard.extend(ids)
        if self.fails:
            raise RuntimeError("no room in the outbox")


@pytest.fixture
def listener() -> Any:
    receiver = Listener()
    signals.predictions_recorded.connect(receiver)
    yield receiver
    signals.predictions_recorded.disconnect(receiver)


# --- One lead ----------------------------------------------------------------------------------------


def test_a_new_lead_is_stored_and_scored_with_reasons() -> None:
    release = a_served_release()
    answer = score(sent(owner="Sara", stage="New", created_at=days_ago(2)))
    row = Prediction.objects.get()
    lead = get_lead(source_system=SOURCE, external_id="L-1")
    assert (lead.owner, lead.stage, lead.created, lead.first_seen) == ("Sara", "New", days_ago(2), NOW)
    assert (lead.score, lead.grade, lead.scored_at, lead.scored_by) == (
        answer.score,
        answer.grade,
        NOW,
        release.champion,
    )
    assert (row.pk, row.lead, row.release, row.version) == (
        answer.prediction_id,
        lead,
        release,
        release.champion,
    )
    assert (row.role, row.cause, row.propensity, row.values) == (Role.CHAMPION, Cause.API, 1.0, GOOD)
    assert answer.model_version == 1
    assert all(reason.text.startswith(reason.label) for reason in answer.reasons)
    assert "Pages visited: 11 · raises the chance" in [reason.text for reason in answer.reasons]


def test_the_answer_is_what_the_document_says() -> None:
    a_served_release()
    answer = score(sent())
    scorer = compile_document(load_document(tiny_document()))
    said = scorer.score(parse_row(FeatureSchema(SPECS), GOOD)[0])
    assert (answer.probability, answer.score) == (said.probability, said.score)
    stored = Prediction.objects.get()
    assert sum(r.contribution for r in answer.reasons) == pytest.approx(said.margin - said.base, rel=0.03)
    assert stored.raw_probability == said.raw_probability


def test_a_better_lead_gets_a_better_score() -> None:
    a_served_release()
    good, poor = score_all(sent("good"), sent("poor", attributes=POOR))
    assert isinstance(good, ScoredLead)
    assert isinstance(poor, ScoredLead)
    assert good.score > poor.score
    assert good.grade < poor.grade


def test_scoring_again_adds_a_prediction_and_merges_the_lead() -> None:
    a_served_release()
    score(sent())
    again = score(sent(attributes={"Pages": 0, "Country": None}), as_of=days_ago(-1))
    lead = Lead.objects.get()
    assert lead.attributes == {"Source": "referral", "Budget known": "yes", "Pages": 0}
    assert next(p.pk for p in history([lead.pk])) == again.prediction_id
    assert Prediction.objects.count() == 2
    assert (lead.score, lead.scored_at, lead.first_seen) == (again.score, days_ago(-1), NOW)


def test_what_is_wrong_with_a_value_is_told_and_does_not_stop_the_score() -> None:
    a_served_release()
    answer = score(
        sent(
            attributes={
                "Source": "moon",
                "Pages": "many",
                "Budget known": "yes",
                "Colour": "red",
                "Country": "",
            }
        )
    )
    told = {(warning["feature"], warning["code"]) for warning in answer.warnings}
    assert told == {
        ("Source", "unseen"),
        ("Pages", "unreadable"),
        ("Colour", "unknown_field"),
        ("Country", "missing"),
    }
    assert Prediction.objects.get().warnings == list(answer.warnings)


def test_held_out_values_are_kept_with_the_prediction_but_move_nothing() -> None:
    a_served_release()
    plain = score(sent("a"))
    leaky = score(sent("b", attributes={**GOOD, "Contract": "yes"}))
    assert leaky.probability == plain.probability
    assert Prediction.objects.get(lead__external_id="b").values["Contract"] == "yes"


def test_grades_follow_the_limits_in_force() -> None:
    a_served_release()
    first = score(sent())
    set_grade_limits(
        a=99, b=98, c=first.score + 1 if first.score < 97 else 97, by=None, reason="few A", as_of=NOW
    )
    second = score(sent())
    assert second.score == first.score
    assert second.grade is not first.grade or first.score >= 99
    assert Prediction.objects.get(pk=first.prediction_id).grade == first.grade, "what was said stays"


@pytest.mark.parametrize(
    ("lead", "field"),
    [
        (sent(""), "external_id"),
        (sent("   "), "external_id"),
        (sent("x" * 256), "external_id"),
        (sent("a\0b"), "external_id"),
        (sent("a\ud800b"), "external_id"),
        (sent(attributes={"Pages": [1, 2]}), "attributes.Pages"),
        (sent(attributes={"Pages": {"n": 1}}), "attributes.Pages"),
        (sent(attributes={"Source": "x" * 8193}), "attributes.Source"),
        (sent(attributes={"": 1}), "attributes."),
        (sent(attributes={"n" * 501: 1}), "attributes." + "n" * 80 + "…"),
        (sent(attributes={f"c{i}": 1 for i in range(501)}), "attributes"),
        (sent(attributes={"Pages": float("nan")}), "attributes.Pages"),
        (sent(attributes={"Pages": float("inf")}), "attributes.Pages"),
        (sent(attributes={"Pages": 10**400}), "attributes.Pages"),
        (sent(attributes={"Source": "we\0b"}), "attributes.Source"),
        (sent(attributes={"Source": "\udfff"}), "attributes.Source"),
        (sent(attributes={"So\0urce": "web"}), "attributes.So\ufffdurce"),
        (sent(owner="o" * 256), "owner"),
        (sent(stage="s\0"), "stage"),
    ],
)
def test_a_lead_that_no_row_could_hold_is_refused_by_field(lead: LeadInput, field: str) -> None:
    a_served_release()
    before = counts()
    with pytest.raises(LeadRefused) as refused:
        score(lead)
    [error] = refused.value.errors
    assert error["field"] == field
    assert error["expected"]
    assert "\0" not in refused.value.detail
    assert counts() == before


def test_ids_of_255_characters_and_any_script_are_leads() -> None:
    a_served_release()
    for external_id in ("ä" * 255, "ليد ٧ 🏢", " ", "'; DROP TABLE lead; --", "..%2f"):
        if external_id.strip():
            assert score(sent(external_id)).external_id == external_id
    assert Lead.objects.count() == 4


def test_the_same_id_of_two_systems_is_two_leads() -> None:
    a_served_release()
    score(sent())
    score(sent(), source_system="other")
    assert Lead.objects.count() == 2


# --- Many leads --------------------------------------------------------------------------------------


def test_a_batch_answers_each_in_its_place() -> None:
    a_served_release()
    a_lead("known", attributes={"Source": "fair"})
    answers = score_all(sent("new"), sent(""), sent("known"), sent("new", attributes=POOR))
    kinds = [answer.code if isinstance(answer, Refusal) else answer.external_id for answer in answers]
    assert kinds == ["new", "lead-refused", "known", "duplicate-in-call"]
    assert Lead.objects.count() == 2
    assert Lead.objects.get(external_id="new").attributes == GOOD, "the first of two counts"


def test_a_batch_says_the_same_as_single_calls() -> None:
    a_served_release()
    leads = [sent(f"L-{i}", attributes={**GOOD, "Pages": i, "Source": "web"}) for i in range(30)]
    batch = score_all(*leads)
    singles = [score(lead, source_system="other") for lead in leads]
    assert [b.probability for b in batch if isinstance(b, ScoredLead)] == [s.probability for s in singles]


def test_an_empty_batch_is_no_work() -> None:
    a_served_release()
    assert score_all() == []


def test_a_batch_takes_few_statements_however_many_leads_it_has(
    django_assert_max_num_queries: Any,
) -> None:
    a_served_release()
    score(sent())
    with django_assert_max_num_queries(30):
        score_all(*(sent(f"L-{i}") for i in range(200)))


# --- Receivers ---------------------------------------------------------------------------------------


def test_receivers_hear_once_of_all_predictions_of_a_call(listener: Listener) -> None:
    a_served_release()
    answers = score_all(sent("a"), sent("b"), sent(""))
    assert listener.heard == [a.prediction_id for a in answers if isinstance(a, ScoredLead)]


def test_a_receiver_that_fails_undoes_lead_and_prediction(listener: Listener) -> None:
    a_served_release()
    before = counts()
    listener.fails = True
    with pytest.raises(RuntimeError):
        score(sent())
    assert counts() == before


def test_a_receiver_that_fails_leaves_a_known_lead_as_it_was(listener: Listener) -> None:
    a_served_release()
    score(sent())
    before = list(Lead.objects.values())
    listener.fails = True
    with pytest.raises(RuntimeError):
        score(sent(attributes=POOR))
    assert list(Lead.objects.values()) == before


# --- While nothing serves ----------------------------------------------------------------------------


def test_without_a_model_the_lead_is_kept_and_the_caller_told_to_come_back() -> None:
    with pytest.raises(
        NoModelReleased, match=r"No model version has been released yet\. The lead is kept"
    ) as told:
        score(sent())
    assert told.value.retry_after_s == 30
    lead = Lead.objects.get()
    assert (lead.awaiting_score, lead.attributes, lead.score) == (True, GOOD, None)
    assert Prediction.objects.count() == 0


def test_without_a_model_the_readable_leads_of_a_batch_are_kept() -> None:
    with pytest.raises(NoModelReleased):
        score_all(sent("a"), sent(""), sent("b"))
    assert set(Lead.objects.values_list("external_id", "awaiting_score")) == {("a", True), ("b", True)}


def test_a_lead_that_cannot_be_read_is_refused_even_without_a_model() -> None:
    with pytest.raises(LeadRefused):
        score(sent(""))
    assert Lead.objects.count() == 0


def test_leads_that_waited_are_scored_after_the_release(mlflow_away: None, listener: Listener) -> None:
    for external_id in ("a", "b"):
        with pytest.raises(NoModelReleased):
            score(sent(external_id))
    release = a_served_release()
    tasks.after_release(release.pk)
    assert Lead.objects.filter(awaiting_score=True).count() == 0
    assert {p.cause for p in Prediction.objects.all()} == {Cause.WAITING}
    assert len(listener.heard) == 2
    tasks.after_release(release.pk)
    assert Prediction.objects.count() == 2, "the message delivered twice changes nothing"


def test_the_sweep_scores_them_when_the_message_was_lost(mlflow_away: None) -> None:
    with pytest.raises(NoModelReleased):
        score(sent())
    maintenance.sweep(as_of=NOW)
    assert Prediction.objects.count() == 0
    a_served_release()
    maintenance.sweep(as_of=NOW)
    assert Prediction.objects.get().lead == Lead.objects.get()


def test_waiting_leads_are_scored_oldest_first_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for age in (1, 3, 2):
        a_lead(f"L-{age}", attributes=GOOD, awaiting_score=True, first_seen=days_ago(age))
    a_served_release()
    assert score_waiting(as_of=NOW, limit=2) == 2
    assert [lead.external_id for lead in Lead.objects.filter(awaiting_score=True)] == ["L-1"]
    assert maintenance.score_all_waiting(as_of=NOW) == 1
    assert maintenance.score_all_waiting(as_of=NOW) == 0


def test_a_lead_scored_meanwhile_does_not_wait_any_more() -> None:
    with pytest.raises(NoModelReleased):
        score(sent())
    a_served_release()
    score(sent())
    assert score_waiting(as_of=NOW) == 0
    assert Prediction.objects.count() == 1


def test_a_receiver_that_fails_leaves_the_leads_waiting(listener: Listener) -> None:
    a_lead(attributes=GOOD, awaiting_score=True)
    a_served_release()
    listener.fails = True
    with pytest.raises(RuntimeError):
        score_waiting(as_of=NOW)
    assert Lead.objects.get().awaiting_score
    assert Prediction.objects.count() == 0


def test_of_two_workers_the_later_one_finds_nothing_left(monkeypatch: pytest.MonkeyPatch) -> None:
    a_lead(attributes=GOOD, awaiting_score=True)
    a_served_release()
    real = loader.serving
    scored: list[int] = []

    def overtaken() -> Any:
        """The other worker is done between this one's look at the ids and its claim of them."""
        serving = real()
        if not scored:
            scored.append(0)
            scored[0] = score_waiting(as_of=NOW)
        return serving

    monkeypatch.setattr(loader, "serving", overtaken)
    assert score_waiting(as_of=NOW) == 0
    assert scored == [1]
    assert Prediction.objects.count() == 1


# --- Again, on purpose -------------------------------------------------------------------------------


def test_leads_are_scored_again_with_what_serves_now() -> None:
    a_served_release()
    leads = [a_lead(f"L-{i}", attributes=GOOD) for i in range(3)]
    second = a_served_release(seed=2)
    assert rescore([lead.pk for lead in leads], cause=Cause.RESCORE, as_of=NOW) == 3
    assert {p.release_id for p in Prediction.objects.all()} == {second.pk}
    assert {p.cause for p in Prediction.objects.all()} == {Cause.RESCORE}


def test_scoring_nothing_again_is_no_work_and_unknown_leads_are_none() -> None:
    a_served_release()
    assert rescore([], cause=Cause.RESCORE, as_of=NOW) == 0
    assert rescore([uuid4()], cause=Cause.RESCORE, as_of=NOW) == 0
