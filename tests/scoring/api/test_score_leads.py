"""`POST score-leads`: each lead answers for itself."""

from __future__ import annotations

import pytest

from scoring.models import Lead, Prediction, Release
from tests.scoring.api.conftest import Api, lead

pytestmark = pytest.mark.django_db


def test_it_answers_for_each_lead_in_the_order_sent(api: Api, release: Release) -> None:
    answer = api.post("score-leads", {"leads": [lead("a", Budget=1), lead("b", Budget=50), lead("c")]})
    assert answer.status == 200
    assert (answer.body["scored"], answer.body["refused"]) == (3, 0)
    assert [item["index"] for item in answer.body["results"]] == [0, 1, 2]
    assert [item["result"]["external_id"] for item in answer.body["results"]] == ["a", "b", "c"]
    assert [item["external_id"] for item in answer.body["results"]] == ["a", "b", "c"]
    assert Prediction.objects.count() == 3


def test_a_batch_scores_like_single_calls(api: Api, release: Release) -> None:
    sent = [lead(f"L{i}", Budget=i, Nationality="India") for i in range(4)]
    batch = api.post("score-leads", {"leads": sent}).body["results"]
    for item, one in zip(batch, sent, strict=True):
        single = api.post("score-lead", one).body
        for name in ("probability", "score", "grade", "reasons", "warnings", "model"):
            assert item["result"][name] == single[name]


def test_a_wrong_lead_gets_its_own_problem_and_the_others_are_scored(api: Api, release: Release) -> None:
    sent = {
        "leads": [lead("a"), {"external_id": "b", "attributes": {"Budget": {"AED": 1}}}, 7, {}, lead("c")]
    }
    answer = api.post("score-leads", sent)
    assert answer.status == 200
    assert (answer.body["scored"], answer.body["refused"]) == (2, 3)
    wrong = answer.body["results"][1]
    assert set(wrong) == {"index", "external_id", "problem"}
    assert wrong["external_id"] == "b"
    assert wrong["problem"]["status"] == 422
    assert "leads[1].attributes.Budget is an object" in wrong["problem"]["detail"]
    assert wrong["problem"]["errors"][0]["pointer"] == "/leads/1/attributes/Budget"
    assert answer.body["results"][2]["external_id"] is None
    assert "leads[2] is 7; expected an object" in answer.body["results"][2]["problem"]["detail"]
    pointers = [error["pointer"] for error in answer.body["results"][3]["problem"]["errors"]]
    assert pointers == ["/leads/3/external_id", "/leads/3/attributes"]
    assert set(Lead.objects.values_list("external_id", flat=True)) == {"a", "c"}


def test_the_second_lead_with_one_id_is_refused(api: Api, release: Release) -> None:
    answer = api.post("score-leads", {"leads": [lead("a", Budget=1), lead("a", Budget=2)]})
    second = answer.body["results"][1]["problem"]
    assert second["type"] == "urn:leadscoring:problem:duplicate-in-call"
    assert Lead.objects.get().attributes == {"Budget": 1}
    assert Prediction.objects.count() == 1


def test_all_wrong_is_still_an_answer_for_each(api: Api, release: Release) -> None:
    answer = api.post("score-leads", {"leads": [{}, []]})
    assert (answer.status, answer.body["scored"], answer.body["refused"]) == (200, 0, 2)


def test_500_leads_are_taken(api: Api, release: Release) -> None:
    answer = api.post("score-leads", {"leads": [lead(str(i), Budget=i) for i in range(500)]})
    assert (answer.status, answer.body["scored"]) == (200, 500)
    assert Prediction.objects.count() == 500


def test_501_leads_are_one_clear_problem(api: Api, release: Release) -> None:
    answer = api.post("score-leads", {"leads": [lead(str(i)) for i in range(501)]})
    problem = answer.problem(422, "batch-too-large")
    assert "501 items; expected at most 500" in problem["detail"]
    assert problem["limit"] == 500
    assert not Lead.objects.exists()


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({}, "/leads"),
        ({"leads": []}, "/leads"),
        ({"leads": {}}, "/leads"),
        ({"leads": None}, "/leads"),
        ({"lead": []}, "/lead"),
        ({"leads": [lead()], "extra": 1}, "/extra"),
    ],
)
def test_a_call_without_a_list_of_leads_is_refused(
    sent: dict[str, object], pointer: str, api: Api, release: Release
) -> None:
    answer = api.post("score-leads", sent)
    answer.problem(422, "invalid")
    assert answer.pointers()[0] == pointer
    assert not Lead.objects.exists()


def test_without_a_model_the_readable_leads_are_kept(api: Api, unreleased: None) -> None:
    answer = api.post("score-leads", {"leads": [lead("a"), {}, lead("b")]})
    answer.problem(503, "no-model-released")
    assert answer.headers["Retry-After"]
    assert set(Lead.objects.filter(awaiting_score=True).values_list("external_id", flat=True)) == {"a", "b"}


def test_the_slash_changes_nothing(api: Api, release: Release) -> None:
    assert api.post("score-leads/", {"leads": [lead()]}).body["scored"] == 1
