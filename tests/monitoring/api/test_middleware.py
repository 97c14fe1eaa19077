"""Counting calls of the REST interface: by route, never by path; by how they ended; never in the way."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from monitoring.api.middleware import CountCalls, kind_of
from monitoring.services import tallies

Recorded = list[tuple[str, str, float]]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    seen: Recorded = []
    monkeypatch.setattr(tallies, "record", lambda *args: seen.append(args))
    return seen


def problem(status: int, kind: object) -> HttpResponse:
    return HttpResponse(json.dumps({"type": kind}), status=status, content_type="application/problem+json")


@pytest.mark.django_db
class TestThroughTheProgram:
    def test_a_call_without_a_key_is_a_refusal_of_its_route(self, client: Client, recorded: Recorded) -> None:
        client.post("/api/v1/score-lead", {}, content_type="application/json")
        client.post("/api/v1/score-lead/", {}, content_type="application/json")
        assert [(route, kind) for route, kind, _ in recorded] == [("score-lead", "refused")] * 2
        assert all(ms > 0 for _, _, ms in recorded)

    def test_thousands_of_paths_are_few_routes(self, client: Client, recorded: Recorded) -> None:
        for n in range(300):
            client.get(f"/api/v1/leads/lead-{n}/scores")
            client.get(f"/api/v1/leads/ü😀{n}")
            client.get(f"/api/nothing/{n}")
        assert {route for route, _, _ in recorded} == {"lead-scores", "lead", "unknown-address"}

    def test_the_admin_and_health_are_not_counted(self, client: Client, recorded: Recorded) -> None:
        client.get("/admin/login/")
        client.get("/health/live")
        client.get("/metrics")
        assert recorded == []

    def test_what_django_refuses_before_any_route_is_counted(
        self, client: Client, recorded: Recorded
    ) -> None:
        assert client.get("/api/v1/docs", headers={"host": "evil.example"}).status_code == 400
        assert recorded[0][1] == "refused"

    def test_a_page_that_is_answered_is_ok(self, client: Client, recorded: Recorded) -> None:
        assert client.get("/api/v1/openapi.json").status_code == 200
        assert recorded[0][:2] == ("openapi-json", "ok")

    def test_a_broken_counter_would_be_seen_here_and_an_unexpected_error_is_its_kind(
        self, client: Client, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from scoring.api.views import ScoreLeadView

        def broken(*args: Any, **options: Any) -> Any:
            raise RuntimeError("bug")

        monkeypatch.setattr(ScoreLeadView, "initial", broken)
        client.raise_request_exception = False
        assert client.post("/api/v1/score-lead", {}, content_type="application/json").status_code == 500
        assert recorded[0][:2] == ("score-lead", "error:unexpected")


class TestKinds:
    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (HttpResponse(status=404), "refused"),
            (problem(503, "urn:leadscoring:problem:no-model-released"), "no-model"),
            (problem(503, "urn:leadscoring:problem:retry-later"), "error:retry-later"),
            (
                problem(503, "urn:leadscoring:problem:released-version-unusable"),
                "error:released-version-unusable",
            ),
            (problem(500, "urn:leadscoring:problem:unexpected"), "error:unexpected"),
            (problem(500, "urn:leadscoring:problem:" + "x" * 300), "error:500"),
            (problem(500, "urn:leadscoring:problem:a\nb"), "error:500"),
            (problem(500, {"not": "text"}), "error:500"),
            (problem(502, None), "error:502"),
            (HttpResponse(b"<h1>", status=500), "error:500"),
            (HttpResponse(b"{", status=500, content_type="application/problem+json"), "error:500"),
            (HttpResponse(b"[1]", status=500, content_type="application/problem+json"), "error:500"),
            (HttpResponse(b"\xff", status=500, content_type="application/problem+json"), "error:500"),
            (StreamingHttpResponse([b"x"], status=500), "error:500"),
        ],
    )
    def test_an_answer_is_named_by_its_problem_type(self, answer: Any, kind: str) -> None:
        assert kind_of(answer) == kind

    def test_a_call_that_breaks_off_is_counted_and_the_error_goes_on(
        self, rf: RequestFactory, recorded: Recorded
    ) -> None:
        def broken(request: Any) -> Any:
            raise Http404

        with pytest.raises(Http404):
            CountCalls(broken)(rf.get("/api/v1/score-lead"))
        assert recorded[0][:2] == ("unresolved", "error:broken-off")

    def test_an_answer_passes_through_unchanged(self, recorded: Recorded) -> None:
        answer = HttpResponse(b"whole")
        request: Any = SimpleNamespace(path_info="/api/v1/x", resolver_match=None)
        assert CountCalls(lambda _: answer)(request) is answer
