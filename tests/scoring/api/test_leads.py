"""`GET leads/{external_id}`, `GET leads/{external_id}/scores`, `GET model-info`."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from scoring.api.cursors import read_cursor, write_cursor
from scoring.models import Lead, LeadMerge, Prediction, Release
from scoring.services.merges import merge_leads, undo_merge
from tests.scoring.api.conftest import NOW, Api, lead

pytestmark = pytest.mark.django_db

ODD_IDS = (
    "L-1",
    "a/b/c",
    "/a",
    "a/",
    "a//b",
    "ü/é 50 %",
    "100%25",
    "%2F",
    "?x=1#y",
    "日本語",
    "😀",
    "a+b",
    "..",
    "scores",
    "x/scores",
    "x/scores/",
    "\\",
    "'; DROP TABLE lead; --",
    "<script>",
    "x" * 255,
)


def path_of(external_id: str) -> str:
    return f"leads/{quote(external_id, safe='')}"


def test_a_lead_is_shown_as_it_is_known_now(api: Api, release: Release) -> None:
    sent = lead("L-1", Budget=20) | {"owner": "Aisha", "created_at": "2026-02-01T00:00:00Z"}
    scored = api.post("score-lead", sent).body
    api.post("outcomes", {"external_id": "L-1", "outcome": "converted", "revenue": "5", "currency": "AED"})
    answer = api.get("leads/L-1")
    assert answer.status == 200
    outcome = answer.body.pop("outcome")
    assert (answer.body.pop("override"), answer.body.pop("warnings")) == (None, [])
    assert answer.body.pop("first_seen") == answer.body.pop("updated_at")
    assert answer.body == {
        "external_id": "L-1",
        "source_system": "crm",
        "created_at": "2026-02-01T00:00:00Z",
        "owner": "Aisha",
        "stage": "",
        "attributes": {"Budget": 20},
        "score": scored["score"],
        "grade": scored["grade"],
        "scored_at": scored["scored_at"],
        "model": {"name": "leadscoring", "version": 3},
        "awaiting_score": False,
    }
    assert outcome.pop("recorded_at")
    assert outcome == {"outcome": "converted", "occurred_at": None, "revenue": "5.00", "currency": "AED"}


def test_a_lead_that_waits_for_a_model_says_so(api: Api, unreleased: None) -> None:
    api.post("score-lead", lead("L-1"))
    answer = api.get("leads/L-1")
    assert answer.body["awaiting_score"] is True
    assert (answer.body["score"], answer.body["grade"], answer.body["model"]) == (None, None, None)


@pytest.mark.parametrize("external_id", ODD_IDS)
def test_a_lead_is_found_whatever_its_id_is_made_of(external_id: str, api: Api, release: Release) -> None:
    assert api.post("score-lead", lead(external_id)).status == 200
    for slash in ("", "/"):
        answer = api.get(path_of(external_id) + slash)
        assert answer.status == 200, (external_id, answer.raw)
        assert answer.body["external_id"] == external_id
        history = api.get(f"{path_of(external_id)}/scores{slash}")
        assert history.status == 200
        assert history.body["external_id"] == external_id
        assert len(history.body["results"]) == 1


def test_where_two_leads_could_be_meant_the_shorter_id_wins(api: Api, release: Release) -> None:
    for external_id in ("x", "x/scores"):
        api.post("score-lead", lead(external_id))
    assert "results" in api.get("leads/x/scores").body
    assert api.get("leads/x/scores").body["external_id"] == "x"
    assert api.get("leads/x/scores/scores").body["external_id"] == "x/scores"


@pytest.mark.parametrize(
    "path",
    [
        "leads/nobody",
        "leads/nobody/",
        "leads/nobody/scores",
        "leads/a%00b",
        "leads/a%0Ab",
        "leads/%FF%FE",
        "leads/%",
        "leads/" + "x" * 256,
        "leads/" + "%F0%9F%98%80" * 300,
        "leads/%ED%A0%80",
    ],
)
def test_an_unknown_lead_is_a_404_problem(path: str, api: Api) -> None:
    api.get(path).problem(404, "lead-not-found")


def test_a_lead_of_another_source_system_is_not_shown(api: Api) -> None:
    Lead.objects.create(source_system="other", external_id="L-1", first_seen=NOW, updated_at=NOW)
    api.get("leads/L-1").problem(404, "lead-not-found")
    api.get("leads/L-1/scores").problem(404, "lead-not-found")


def test_the_history_is_newest_first_with_causes(api: Api, release: Release) -> None:
    made = [api.post("score-lead", lead("L-1", Budget=i)).body for i in range(3)]
    answer = api.get("leads/L-1/scores")
    assert [row["prediction_id"] for row in answer.body["results"]] == [
        m["prediction_id"] for m in reversed(made)
    ]
    row = answer.body["results"][0]
    assert row["cause"] == "api"
    assert {name: value for name, value in row.items() if name != "cause"} == made[-1]
    assert (answer.body["next"], answer.body["next_cursor"]) == (None, None)


def test_pages_neither_repeat_nor_miss_a_score_even_at_one_moment(api: Api, release: Release) -> None:
    api.post("score-lead", lead("a/b"))
    template = Prediction.objects.get()
    wanted = [str(template.pk)]
    for _ in range(6):
        twin = Prediction(
            **{f.attname: getattr(template, f.attname) for f in Prediction._meta.fields if f.name != "id"}
        )
        twin.save(force_insert=True)
        wanted.append(str(twin.pk))
    seen: list[str] = []
    address = "/api/v1/leads/a%2Fb/scores?limit=3"
    while address:
        answer = api.call("GET", address)
        assert answer.status == 200
        seen += [row["prediction_id"] for row in answer.body["results"]]
        if len(seen) == 3:
            api.post("score-lead", lead("a/b", Budget=99))
        address = answer.body["next"]
    assert seen == sorted(wanted, reverse=True)


def test_the_scores_of_merged_leads_stay_in_the_history_under_their_own_ids(
    api: Api, release: Release, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for name in ("L-1", "L-2", "L-1", "L-3", "L-9"):
        api.post("score-lead", lead(name, Budget=len(name)))
    leads = {row.external_id: row for row in Lead.objects.all()}
    alone = api.get("leads/L-1/scores").body
    assert [row["external_id"] for row in alone["results"]] == ["L-1", "L-1"]
    for merged in ("L-2", "L-3"):
        merge_leads(
            survivor_id=leads["L-1"].pk, merged_id=leads[merged].pk, by=None, reason="same", as_of=NOW
        )
    told: list[str] = []
    address = "/api/v1/leads/L-1/scores?limit=3"
    while address:
        answer = api.call("GET", address)
        told += [row["external_id"] for row in answer.body["results"]]
        address = answer.body["next"]
    assert told == ["L-3", "L-1", "L-2", "L-1"]
    assert [row["external_id"] for row in api.get("leads/L-2/scores").body["results"]] == told
    with CaptureQueriesContext(connection) as of_three:
        api.get("leads/L-1/scores")
    with django_assert_num_queries(len(of_three)):
        api.get("leads/L-9/scores")
    undo_merge(merge_id=LeadMerge.objects.latest("pk").pk, by=None, reason="not the same", as_of=NOW)
    assert [row["external_id"] for row in api.get("leads/L-3/scores").body["results"]] == ["L-3"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "query:limit"),
        ("limit=101", "query:limit"),
        ("limit=-1", "query:limit"),
        ("limit=1e3", "query:limit"),
        ("limit=%EF%BC%95", "query:limit"),
        ("limit=" + "9" * 5000, "query:limit"),
        ("limit=%00", "query:limit"),
        ("limit=", "query:limit"),
        ("cursor=x", "query:cursor"),
        ("cursor=", "query:cursor"),
        ("cursor=%00", "query:cursor"),
        ("cursor=" + "A" * 32 + "A", "query:cursor"),
        ("cursor=" + "_" * 32, "query:cursor"),
        ("cursor=%F0%9F%98%80", "query:cursor"),
        ("cursor=" + "A" * 10_000, "query:cursor"),
        ("page=2", "query:page"),
        ("a%00b=1", "query:a\\u0000b"),
    ],
)
def test_a_wrong_query_parameter_is_named(query: str, pointer: str, api: Api, release: Release) -> None:
    api.post("score-lead", lead("L-1"))
    answer = api.get(f"leads/L-1/scores?{query}")
    answer.problem(422, "invalid")
    assert answer.pointers() == [pointer]


def test_a_cursor_comes_back_as_it_was_written(release: Release) -> None:
    number = Prediction(lead_id=None).pk
    cursor = read_cursor(write_cursor(NOW, number))
    assert cursor is not None
    assert (cursor.scored_at, cursor.id) == (NOW, number)


def test_model_info_says_what_serves(api: Api, release: Release) -> None:
    answer = api.get("model-info")
    assert answer.status == 200
    assert answer.body["release"]["id"] == release.pk
    assert answer.body["champion"]["version"] == 3
    assert answer.body["champion"]["metrics"]["roc_auc"]["n"] == 400
    features = {feature["feature"]: feature for feature in answer.body["champion"]["features"]}
    assert features["Budget"]["importance"] == 0.5
    assert answer.body["grade_limits"] == {"A": 75, "B": 50, "C": 25, "D": 1}
    assert api.get("model-info/").body == answer.body


def test_model_info_without_a_release_says_so(api: Api) -> None:
    assert api.get("model-info").body["release"] is None


def test_model_info_takes_no_query(api: Api) -> None:
    api.get("model-info?verbose=1").problem(422, "invalid")
