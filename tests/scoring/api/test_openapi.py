"""The OpenAPI description: valid, complete, true of the answers, and in step with the reader of requests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

import jsonschema
import pytest
import schemathesis
import yaml
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from leadscoring.common.errors import Invalid
from scoring.api import examples
from scoring.api.pages import description
from scoring.api.reading import read_lead, read_outcome
from scoring.contracts import MAX_BATCH
from scoring.models import Release
from tests.scoring.api.conftest import Api, lead


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(json.dumps(description())))


def validator(openapi: dict[str, Any], name: str) -> jsonschema.Draft202012Validator:
    document = {"$ref": f"#/components/schemas/{name}", "components": openapi["components"]}
    return jsonschema.Draft202012Validator(document)


def test_it_is_openapi_3_1(openapi: dict[str, Any]) -> None:
    assert openapi["openapi"].startswith("3.1")
    validate_schema(openapi)  # type: ignore[no-untyped-call]


def test_it_describes_every_call_once(openapi: dict[str, Any]) -> None:
    calls = {(method, path) for path, item in openapi["paths"].items() for method in item}
    assert calls == {
        ("post", "/api/v1/score-lead"),
        ("post", "/api/v1/score-leads"),
        ("post", "/api/v1/outcomes"),
        ("post", "/api/v1/leads/{external_id}/override"),
        ("get", "/api/v1/leads/{external_id}"),
        ("get", "/api/v1/leads/{external_id}/scores"),
        ("get", "/api/v1/model-info"),
    }


def operations(openapi: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in openapi["paths"].values():
        yield from item.values()


def test_each_call_has_words_an_example_a_key_and_its_refusals(openapi: dict[str, Any]) -> None:
    for operation in operations(openapi):
        assert operation["summary"]
        assert "Needs the scope" in operation["description"]
        assert operation["security"] == [{"ApiKey": []}]
        for status, response in operation["responses"].items():
            media = "application/json" if status == "200" else "application/problem+json"
            assert list(response["content"]) == [media], (operation["operationId"], status)
            assert response["content"][media]["examples"]
        assert {"401", "403", "422", "429", "503"} <= set(operation["responses"])
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["examples"]
            assert {"400", "409", "413", "415"} <= set(operation["responses"])
            assert any(parameter["name"] == "Idempotency-Key" for parameter in operation["parameters"])
    scheme = openapi["components"]["securitySchemes"]["ApiKey"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "Authorization")


def test_every_example_fits_its_shape(openapi: dict[str, Any]) -> None:
    seen = 0
    for operation in operations(openapi):
        bodies = [operation.get("requestBody", {"content": {}}), *operation["responses"].values()]
        for body in bodies:
            for media in body["content"].values():
                for name, example in media["examples"].items():
                    document = {**media["schema"], "components": openapi["components"]}
                    errors = list(jsonschema.Draft202012Validator(document).iter_errors(example["value"]))
                    # The second lead of this one is wrong on purpose, to show how an item is refused.
                    expected = 1 if name == "TwoLeadsWithOneWrong" else 0
                    assert len(errors) == expected, (operation["operationId"], name, errors)
                    seen += 1
    assert seen > 40


def test_limits_are_written_down(openapi: dict[str, Any]) -> None:
    leads = openapi["components"]["schemas"]["LeadsToScore"]["properties"]["leads"]
    assert (leads["minItems"], leads["maxItems"]) == (1, MAX_BATCH)
    assert leads["items"] == {"$ref": "#/components/schemas/LeadToScore"}


def test_it_is_served_as_json_and_as_yaml_without_a_key(openapi: dict[str, Any]) -> None:
    nobody = Api(None)
    for path in ("openapi.json", "openapi.json/"):
        assert nobody.get(path).body == openapi
    answer = nobody.get("openapi.yaml")
    assert answer.headers["Content-Type"] == "application/yaml"
    assert yaml.safe_load(answer.raw) == openapi


@pytest.mark.django_db
def test_the_examples_of_the_docs_page_work_as_written(
    api: Api, release: Release, openapi: dict[str, Any]
) -> None:
    scored = api.post("score-lead", examples.LEAD)
    assert scored.status == 200
    assert set(scored.body) == set(examples.SCORE)
    assert set(scored.body["reasons"][0]) == set(examples.SCORE["reasons"][0])
    batch = api.post("score-leads", examples.LEADS).body
    assert (batch["scored"], batch["refused"]) == (1, 1)
    assert batch["results"][1] == examples.SCORES["results"][1]
    alone = api.post("score-lead", examples.LEADS["leads"][1])
    assert alone.body == examples.NESTED
    outcome = examples.OUTCOME | {"occurred_at": "2026-02-01T13:00:00+04:00"}
    assert set(api.post("outcomes", outcome).body) == set(examples.OUTCOME_RECORDED)
    assert set(api.get("leads/CRM-10482").body) == set(examples.LEAD_NOW)
    history = api.get("leads/CRM-10482/scores").body
    assert set(history) == set(examples.HISTORY)
    assert set(history["results"][0]) == set(examples.HISTORY["results"][0])
    assert set(api.get("model-info").body) == set(examples.MODEL_INFO)


@pytest.mark.django_db
def test_answers_fit_their_description(api: Api, release: Release, openapi: dict[str, Any]) -> None:
    odd = lead("L-1", Budget="x", Nationality="never seen", more=1)
    for name, answer in {
        "Score": api.post("score-lead", odd),
        "ScoresOfCall": api.post("score-leads", {"leads": [odd, {}, odd]}),
        "OutcomeRecorded": api.post("outcomes", {"external_id": "L-1", "outcome": "lost"}),
        "OutcomesOfCall": api.post("outcomes", {"outcomes": [{}, {"external_id": "L-1", "outcome": "lost"}]}),
        "Lead": api.get("leads/L-1"),
        "ScoreHistory": api.get("leads/L-1/scores?limit=1"),
        "ModelInfo": api.get("model-info"),
        "Problem": api.get("leads/nobody"),
    }.items():
        validator(openapi, name).validate(answer.body)


FLAT = st.none() | st.booleans() | st.integers(-10, 10) | st.floats(-5, 5) | st.text(max_size=3)
ANY = FLAT | st.lists(FLAT, max_size=2) | st.dictionaries(st.text(max_size=2), FLAT, max_size=2)
SMALL_TEXT = st.sampled_from(
    ["a", " a", "a ", "", "a\tb", "a b", "é", "x" * 255, "x" * 256, "\u2028", "\ufeff"]
)
LEAD = st.fixed_dictionaries(
    {},
    optional={
        "external_id": SMALL_TEXT | ANY,
        "attributes": st.dictionaries(st.sampled_from(["a", "", "n" * 500, "n" * 501]), ANY, max_size=3)
        | st.sampled_from([{"t": "x" * 8192}, {"t": "x" * 8193}, {str(i): i for i in range(501)}])
        | ANY,
        "owner": SMALL_TEXT | ANY,
        "stage": ANY,
        "created_at": st.none() | st.integers(0, 5) | st.just("2026-01-01T00:00:00Z"),
        "other": ANY,
    },
)
OUTCOME = st.fixed_dictionaries(
    {},
    optional={
        "external_id": SMALL_TEXT | ANY,
        "outcome": st.sampled_from(["converted", "lost", "won", "", None, 1]),
        "occurred_at": st.none() | st.integers(0, 5) | st.just("2026-01-01T00:00:00Z"),
        "revenue": st.sampled_from(
            ["1", "1.25", "1.255", "-1", "", "1e3", 5, 0, -1, 1e14, True, [], None, "9" * 15]
        ),
        "currency": st.sampled_from(["AED", "aed", "AEDX", "", None, 1]),
        "other": ANY,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sent=LEAD | ANY)
def test_the_reader_of_leads_takes_what_the_description_allows_and_nothing_else(sent: Any) -> None:
    allowed = validator(description(), "LeadToScore").is_valid(sent)
    try:
        read_lead(sent)
    except Invalid:
        assert not allowed
    else:
        assert allowed


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sent=OUTCOME | ANY)
def test_the_reader_of_outcomes_takes_what_the_description_allows_and_nothing_else(sent: Any) -> None:
    allowed = validator(description(), "OutcomeReport").is_valid(sent)
    try:
        read_outcome(sent)
    except Invalid:
        assert not allowed
    else:
        assert allowed


@pytest.fixture
def wsgi() -> Iterator[WSGIHandler]:
    """The program itself, which between calls keeps the test's own connection, as Django's client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield WSGIHandler()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = ["score_lead", "score_leads", "outcomes", "lead", "scores", "model_info"]


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_no_generated_call_breaks_the_description(
    operation_id: str, api: Api, release: Release, wsgi: WSGIHandler
) -> None:
    calls = schemathesis.openapi.from_dict(description())
    calls.app = wsgi
    operation = calls.find_operation_by_id(operation_id)

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def call(case: schemathesis.Case) -> None:
        case.call_and_validate(headers={"Authorization": f"Api-Key {api.key}"}, checks=CHECKS)

    call()


def test_the_docs_page_is_readable_without_a_key_or_the_internet() -> None:
    nobody = Api(None)
    for path in ("docs", "docs/"):
        answer = nobody.get(path)
        assert answer.status == 200
        page = answer.raw.decode()
        assert "Idempotency-Key" in page
        assert "urn:leadscoring:problem:no-model-released" in page
        addresses = re.findall(r'(?:src|href|data-description)="([^"]+)"', page)
        assert len(addresses) >= 6
        assert all(address.startswith("/") for address in addresses)


def test_the_docs_page_needs_nothing_that_its_security_policy_forbids() -> None:
    answer = Api(None).get("docs")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    page = answer.raw.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\son[a-z]+=", page)
    assert "<style" not in page
    assert "style=" not in page


def test_a_forged_host_does_not_reach_the_docs_page() -> None:
    answer = Api(None).get("docs", Host="evil.example")
    assert answer.status == 400
    assert b"evil.example" not in answer.raw
