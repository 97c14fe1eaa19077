"""`POST score-lead`."""

from __future__ import annotations

import math
from typing import Any

import pytest

from scoring.models import Lead, Prediction, Release
from tests.scoring.api.conftest import Api, lead

pytestmark = pytest.mark.django_db


def test_it_scores_and_stores_a_lead_and_answers_in_the_agreed_shape(api: Api, release: Release) -> None:
    answer = api.post("score-lead", lead(**{"Lead Source": "Website", "Budget": 20, "Office wanted": None}))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.body) == {
        "prediction_id",
        "external_id",
        "probability",
        "score",
        "grade",
        "reasons",
        "warnings",
        "model",
        "scored_at",
    }
    # -1 for the average lead, +1 for a known source, +2 for the budget
    assert answer.body["probability"] == pytest.approx(1 / (1 + math.exp(-2)))
    assert (answer.body["score"], answer.body["grade"]) == (88, "A")
    assert answer.body["model"] == {"name": "leadscoring", "version": 3, "role": "champion"}
    prediction = Prediction.objects.get()
    assert str(prediction.pk) == answer.body["prediction_id"]
    assert prediction.cause == "api"
    assert Lead.objects.get().attributes == {"Lead Source": "Website", "Budget": 20}
    assert Lead.objects.get().source_system == "crm"


def test_reasons_are_sentences_with_label_value_direction_and_contribution(
    api: Api, release: Release
) -> None:
    reasons = api.post("score-lead", lead(**{"Lead Source": "Website", "Budget": -30})).body["reasons"]
    by_feature = {reason["feature"]: reason for reason in reasons}
    assert set(by_feature["Budget"]) == {"feature", "label", "value", "direction", "contribution", "text"}
    assert by_feature["Budget"]["direction"] == "down"
    assert by_feature["Budget"]["contribution"] == pytest.approx(-3.0)
    assert by_feature["Lead Source"]["direction"] == "up"
    assert "lowers" in by_feature["Budget"]["text"]


def test_missing_unknown_and_unreadable_attributes_are_warnings_and_scored(
    api: Api, release: Release
) -> None:
    answer = api.post(
        "score-lead", lead(**{"Nationality": "never seen", "Budget": "plenty", "Shoe size": 44})
    )
    assert answer.status == 200
    codes = {(warning["feature"], warning["code"]) for warning in answer.body["warnings"]}
    assert ("Shoe size", "unknown_field") in codes
    assert ("Budget", "unreadable") in codes
    assert ("Nationality", "unseen") in codes
    for warning in answer.body["warnings"]:
        assert set(warning) == {"feature", "code", "value", "message"}


def test_the_optional_fields_are_stored(api: Api, release: Release) -> None:
    sent = lead() | {"created_at": "2026-02-01T10:00:00+04:00", "owner": "Aisha", "stage": "new"}
    assert api.post("score-lead", sent).status == 200
    row = Lead.objects.get()
    assert row.created is not None
    assert row.created.isoformat() == "2026-02-01T06:00:00+00:00"
    assert (row.owner, row.stage) == ("Aisha", "new")


def test_the_same_lead_again_is_one_lead_with_two_scores(api: Api, release: Release) -> None:
    first = api.post("score-lead", lead(Budget=1))
    second = api.post("score-lead", lead(Budget=2))
    assert first.body["prediction_id"] != second.body["prediction_id"]
    assert Lead.objects.count() == 1
    assert Prediction.objects.count() == 2


@pytest.mark.parametrize("path", ["score-lead", "score-lead/"])
def test_it_answers_with_and_without_the_trailing_slash(path: str, api: Api, release: Release) -> None:
    assert api.post(path, lead()).status == 200


def test_without_a_model_it_says_when_to_come_back_and_keeps_the_lead(api: Api, unreleased: None) -> None:
    answer = api.post("score-lead", lead())
    answer.problem(503, "no-model-released")
    assert int(answer.headers["Retry-After"]) > 0
    row = Lead.objects.get()
    assert row.awaiting_score
    assert row.attributes == {"Lead Source": "Website", "Budget": 20}
    assert not Prediction.objects.exists()


# payload changes → pointer, and words of the sentence
WRONG: dict[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "an unknown field": ({"extra": 1}, "/extra", ("extra", "external_id, attributes, created_at")),
    "attributes at the top": ({"Budget": 1}, "/Budget", ("Budget", "not known")),
    "no external id": ({"external_id": ...}, "/external_id", ("missing", "1 to 255")),
    "a null external id": ({"external_id": None}, "/external_id", ("null",)),
    "a number as external id": ({"external_id": 12}, "/external_id", ("12", "text")),
    "an empty external id": ({"external_id": ""}, "/external_id", ('""',)),
    "a blank external id": ({"external_id": " "}, "/external_id", ("no blank",)),
    "a blank after the id": ({"external_id": "a "}, "/external_id", ("no blank",)),
    "a long external id": ({"external_id": "x" * 256}, "/external_id", ("256 characters",)),
    "a line end in the id": ({"external_id": "a\nb"}, "/external_id", ("control characters",)),
    "no attributes": ({"attributes": ...}, "/attributes", ("missing",)),
    "null attributes": ({"attributes": None}, "/attributes", ("null", "flat attributes")),
    "a list of attributes": ({"attributes": [1]}, "/attributes", ("[1]",)),
    "a nested object": (
        {"attributes": {"a": {"b": 1}}},
        "/attributes/a",
        ("attributes.a", "object", "text of at"),
    ),
    "a nested list": (
        {"attributes": {"a b": [1]}},
        "/attributes/a b",
        ('attributes["a b"]', "list", "a number"),
    ),
    "an empty name": ({"attributes": {"": 1}}, "/attributes/", ("0 characters",)),
    "a long name": ({"attributes": {"n" * 501: 1}}, "/attributes/" + "n" * 80, ("501 characters",)),
    "a long text": ({"attributes": {"a": "x" * 8193}}, "/attributes/a", ("8,193 characters", "8,192")),
    "501 attributes": (
        {"attributes": {str(i): 1 for i in range(501)}},
        "/attributes",
        ("501", "at most 500"),
    ),
    "a date without offset": ({"created_at": "2026-01-01T10:00:00"}, "/created_at", ("offset",)),
    "a date alone": ({"created_at": "2026-01-01"}, "/created_at", ("offset",)),
    "an impossible date": ({"created_at": "2026-02-30T10:00:00Z"}, "/created_at", ("2026-02-30",)),
    "year 1": ({"created_at": "0001-01-01T00:00:00+14:00"}, "/created_at", ("0001",)),
    "year 9999": ({"created_at": "9999-12-31T23:59:59-14:00"}, "/created_at", ("9999",)),
    "a number as date": ({"created_at": 1735689600}, "/created_at", ("1735689600",)),
    "a number as owner": ({"owner": 5}, "/owner", ("5", "255")),
    "a long stage": ({"stage": "s" * 256}, "/stage", ("256 characters",)),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_field_is_named_with_its_value_and_nothing_is_stored(
    case: str, api: Api, release: Release
) -> None:
    changes, pointer, words = WRONG[case]
    sent = {name: value for name, value in (lead() | changes).items() if value is not ...}
    answer = api.post("score-lead", sent)
    problem = answer.problem(422, "invalid")
    assert answer.pointers() == [pointer]
    for word in words:
        assert word in problem["detail"], problem["detail"]
    assert not Lead.objects.exists()


def test_every_wrong_field_is_named_at_once(api: Api, release: Release) -> None:
    answer = api.post("score-lead", {"external_id": 1, "attributes": {"a": []}, "owner": 3, "x": 1})
    assert set(answer.pointers()) == {"/x", "/external_id", "/attributes/a", "/owner"}
    assert "3 more below" in answer.body["detail"]


@pytest.mark.parametrize(
    "sent",
    [
        lead("x" * 255),
        lead("Größe/50 % €?#"),
        lead(**{str(i): i for i in range(500)}),
        lead(a="x" * 8192),
        lead(a=2**63 - 1, b=-1.5e300, c=True, d=None, e=""),
        {"external_id": "L", "attributes": {}},
        lead() | {"created_at": None, "owner": None, "stage": ""},
        lead() | {"created_at": "2026-01-01t10:00:00.123456789z"},
    ],
)
def test_what_is_within_the_limits_is_taken(sent: dict[str, Any], api: Api, release: Release) -> None:
    answer = api.post("score-lead", sent)
    assert answer.status == 200, answer.raw
    assert answer.body["external_id"] == sent["external_id"]


# The lines of "Bad input" that are about JSON: body → status, code, word.
BAD_INPUT: dict[str, tuple[bytes, int, str, str]] = {
    "NaN": (b'{"external_id":"a","attributes":{"x":NaN}}', 400, "bad-json", "/attributes/x is NaN"),
    "Infinity": (b'{"external_id":"a","attributes":{"x":-Infinity}}', 400, "bad-json", "/attributes/x"),
    "1e400": (b'{"external_id":"a","attributes":{"x":1e400}}', 400, "bad-json", "/attributes/x"),
    "huge integer": (
        b'{"external_id":"a","attributes":{"x":' + b"1" * 5000 + b"}}",
        400,
        "bad-json",
        "5000 digits",
    ),
    "NUL in a value": (b'{"external_id":"a","attributes":{"x":"\\u0000"}}', 400, "bad-json", "/attributes/x"),
    "NUL in a name": (b'{"external_id":"a","attributes":{"\\u0000":1}}', 400, "bad-json", "NUL"),
    "NUL in the id": (b'{"external_id":"a\\u0000","attributes":{}}', 400, "bad-json", "/external_id"),
    "lone surrogate": (b'{"external_id":"a","attributes":{"x":"\\udead"}}', 400, "bad-json", "/attributes/x"),
    "100,000 deep": (b"[" * 100_000, 400, "bad-json", "levels"),
    "100,000 deep in an attribute": (
        b'{"external_id":"a","attributes":{"x":' + b'{"x":' * 100_000 + b"1" + b"}" * 100_002,
        400,
        "bad-json",
        "levels",
    ),
    "nested attributes": (b'{"external_id":"a","attributes":{"x":{"y":1}}}', 422, "invalid", "attributes.x"),
    "unknown field": (b'{"external_id":"a","attributes":{},"y":1}', 422, "invalid", "y is a field"),
    "missing field": (b'{"external_id":"a"}', 422, "invalid", "attributes is missing"),
    "wrong types": (b'{"external_id":[],"attributes":"x"}', 422, "invalid", "external_id is []"),
    "2 MB": (
        b'{"external_id":"a","attributes":{"x":"' + b"x" * 2_000_000 + b'"}}',
        413,
        "body-too-large",
        "1048576",
    ),
    "a name twice": (
        b'{"external_id":"a","external_id":"b","attributes":{}}',
        400,
        "bad-json",
        "/external_id",
    ),
    "a list": (b"[]", 400, "bad-json", "JSON object"),
    "empty": (b"", 400, "bad-json", "empty"),
    "latin-1": ('{"external_id":"ü","attributes":{}}'.encode("latin-1"), 400, "bad-json", "UTF-8"),
}


@pytest.mark.parametrize("path", ["score-lead", "score-leads", "outcomes"])
@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_a_problem_document_and_stores_nothing(
    case: str, path: str, api: Api, release: Release
) -> None:
    body, status, code, word = BAD_INPUT[case]
    if path != "score-lead" and status != 400:
        if case == "2 MB":
            body = b" " * (4 * 1024 * 1024 + 1)
            word = "4194304"
        else:
            word = ""
    answer = api.post(path, body)
    assert word in answer.problem(status, code)["detail"]
    assert not Lead.objects.exists()
    assert not Prediction.objects.exists()


def test_another_media_type_is_refused(api: Api, release: Release) -> None:
    answer = api.post("score-lead", b"external_id=a", Content_Type="application/x-www-form-urlencoded")
    answer.problem(415, "media-type")


def test_an_unexpected_fault_is_a_problem_with_an_id_and_nothing_else(
    api: Api, release: Release, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("secret detail: password=hunter2")

    monkeypatch.setattr("scoring.api.views.scoring.score_lead", fail)
    answer = api.post("score-lead", lead())
    problem = answer.problem(500, "unexpected")
    assert len(problem["error_id"]) == 32
    assert problem["error_id"] in caplog.text
    assert b"hunter2" not in answer.raw
    assert b"RuntimeError" not in answer.raw


def test_a_database_that_is_away_is_a_503(
    api: Api, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError("connection to server at 10.0.0.5 refused")

    monkeypatch.setattr("scoring.api.views.scoring.score_lead", fail)
    answer = api.post("score-lead", lead())
    answer.problem(503, "try-again")
    assert int(answer.headers["Retry-After"]) > 0
    assert b"10.0.0.5" not in answer.raw
