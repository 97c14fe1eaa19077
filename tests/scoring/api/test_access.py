"""Keys, scopes, unknown addresses and methods."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import SuspiciousOperation
from django.test import RequestFactory

from scoring.api.problems import bad_request, server_error
from scoring.models import ApiKey, Lead, Release
from scoring.services import keys
from scoring.services.keys import IssuedKey
from tests.scoring.api.conftest import NOW, Api, lead

pytestmark = pytest.mark.django_db

CALLS = (
    ("POST", "score-lead", "score"),
    ("POST", "score-leads", "score"),
    ("POST", "outcomes", "outcomes"),
    ("GET", "leads/L-1", "read"),
    ("GET", "leads/L-1/scores", "read"),
    ("GET", "model-info", "read"),
)


def make(*scopes: str, days: int | None = None) -> str:
    end = None if days is None else NOW + timedelta(days=days)
    return keys.create_key(name="k", scopes=scopes, source_system="crm", as_of=NOW, expires_at=end).key


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
@pytest.mark.parametrize("held", ["score", "outcomes", "read", "admin"])
def test_a_call_takes_only_keys_with_its_scope(
    held: str, method: str, path: str, scope: str, release: Release
) -> None:
    answer = Api(make(held)).call(method, f"/api/v1/{path}", b"{}")
    if held in {scope, "admin"}:
        assert answer.status in {200, 404, 422}
    else:
        detail = answer.problem(403, "scope-missing")["detail"]
        assert detail == f"This call needs the scope {scope}; the API key carries {held}."


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_no_call_answers_without_a_key(method: str, path: str, scope: str, release: Release) -> None:
    answer = Api(None).call(method, f"/api/v1/{path}", b'{"external_id": "L-1", "attributes": {}}')
    answer.problem(401, "not-authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Api-Key")
    assert not Lead.objects.exists()


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "No API key was sent"),
        ("Bearer {key}", "another form"),
        ("Basic dXNlcjpwYXNz", "another form"),
        ("Api-Key", "another form"),
        ("{key}", "another form"),
        ("Api-Key {key} {key}", "another form"),
        ("Api-Key\t{key}", "another form"),
        ("Api-Key {key}x", "mistyped"),
        ("Api-Key " + "x" * 100_000, "another form"),
        ("Api-Key é", "another form"),
        ("Api-Key \x00", "another form"),
    ],
)
def test_a_header_in_another_form_is_refused_without_repeating_it(
    header: str, words: str, key: IssuedKey
) -> None:
    answer = Api(None).get("model-info", Authorization=header.replace("{key}", key.key))
    assert words in answer.problem(401, "not-authenticated")["detail"]
    assert key.key.partition(".")[2] not in answer.raw.decode()


def test_the_word_api_key_may_be_written_in_any_case(key: IssuedKey) -> None:
    assert Api(None).get("model-info", Authorization=f"api-key  {key.key}").status == 200


def test_revoked_expired_and_unknown_keys_are_told_apart(key: IssuedKey) -> None:
    keys.revoke_key(key_id=key.id, as_of=NOW)
    assert "revoked" in Api(key.key).get("model-info").problem(401, "not-authenticated")["detail"]
    expired = make("read", days=1)
    assert "expired" in Api(expired).get("model-info").problem(401, "not-authenticated")["detail"]
    ApiKey.objects.all().delete()
    keys.forget_keys()
    assert "not known" in Api(expired).get("model-info").problem(401, "not-authenticated")["detail"]


def test_two_source_systems_may_use_one_id(api: Api, release: Release) -> None:
    other = keys.create_key(name="o", scopes=["score", "read"], source_system="other", as_of=NOW)
    api.post("score-lead", lead("L-1", Budget=1))
    Api(other.key).post("score-lead", lead("L-1", Budget=2))
    assert api.get("leads/L-1").body["attributes"] == {"Budget": 1}
    assert Api(other.key).get("leads/L-1").body["attributes"] == {"Budget": 2}


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v2/score-lead",
        "/api/v1/score",
        "/api/v1/leads",
        "/api/v1/leads/",
        "/api/v1/score-lead/x",
        "/api/v1//score-lead",
        "/api/v1/%00",
        "/api/x%0Ay",
        "/api/v1/docs/x",
        "/api/😀",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_address_is_a_404_problem(method: str, path: str, api: Api) -> None:
    api.call(method, path).problem(404, "not-found")


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_another_method_is_a_405_problem_that_names_the_allowed_ones(
    method: str, path: str, scope: str, api: Api
) -> None:
    for other in {"GET" if method == "POST" else "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"}:
        answer = api.call(other, f"/api/v1/{path}")
        answer.problem(405, "method-not-allowed")
        assert set(answer.headers["Allow"].split(", ")) == ({"GET", "HEAD"} if method == "GET" else {"POST"})


@pytest.mark.parametrize("path", ["docs", "openapi.json", "openapi.yaml"])
def test_pages_take_only_get(path: str, api: Api) -> None:
    answer = api.post(path, {})
    answer.problem(405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "", "*/*", "a/b;q=\x00"])
def test_whatever_is_accepted_the_answer_is_json(accept: str, api: Api) -> None:
    assert api.get("model-info", Accept=accept).status == 200


def test_answers_are_not_kept_by_caches(api: Api) -> None:
    assert api.get("model-info").headers["Cache-Control"] == "no-store"
    assert api.get("leads/nobody").headers["Cache-Control"] == "no-store"


def test_head_answers_like_get_without_a_body(api: Api) -> None:
    answer = api.call("HEAD", "/api/v1/model-info")
    assert (answer.status, answer.raw) == (200, b"")


def test_what_django_refuses_before_a_call_is_a_problem_under_api_only() -> None:
    request = RequestFactory().get("/api/v1/model-info")
    answer = bad_request(request, SuspiciousOperation("Invalid HTTP_HOST header: 'evil.example'"))
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert b"evil.example" not in answer.content
    page = bad_request(RequestFactory().get("/admin/"), SuspiciousOperation("no"))
    assert (page.status_code, page["Content-Type"]) == (400, "text/html; charset=utf-8")


def test_a_fault_outside_every_call_is_a_problem_under_api_only(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise RuntimeError("hunter2")
    except RuntimeError:
        answer = server_error(RequestFactory().get("/api/v1/model-info"))
        page = server_error(RequestFactory().get("/admin/"))
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert b"hunter2" not in answer.content
    assert "hunter2" in caplog.text
    assert page["Content-Type"] == "text/html; charset=utf-8"


def test_too_many_query_parameters_are_refused(api: Api) -> None:
    query = "&".join(f"a{i}=1" for i in range(6000))
    api.get(f"model-info?{query}").problem(400, "bad-request")
