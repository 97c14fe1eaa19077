"""The page of operations: what was counted is drawn with units, n and target, and told in words when there is none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from monitoring.models import OperationsCheck
from monitoring.panels import operations as panel
from monitoring.services.operations import check
from tests.factories.operations import a_tally
from tests.factories.people import a_person
from tests.factories.rows import a_lead, a_prediction, a_release

pytestmark = pytest.mark.django_db
LIST = "/admin/monitoring/operationscheck/"
PAGE = f"{LIST}overview/"


def some_calls() -> None:
    now = timezone.now()
    for minute in range(1, 50):
        at = now - timedelta(minutes=minute)
        a_tally(at, times=(20.0, 40.0, 250.0))
        a_tally(at, route="outcomes", times=(5.0,))
    a_tally(now - timedelta(minutes=5), kind="error:unexpected", process="2-b")
    a_prediction(a_lead(), a_release(), scored_at=now - timedelta(minutes=3))
    check(as_of=now)


@pytest.mark.parametrize("span", ["hour", "day", "week", "nonsense"])
def test_every_chart_has_axes_units_n_and_the_target(admin_client: Client, span: str) -> None:
    some_calls()
    page = admin_client.get(PAGE, {"span": span}).content.decode()
    for words in (
        "Time of an answer (ms)",
        "Calls a minute",
        "Share of all calls",
        "Wait (s)",
        "p95 of the model&#x27;s time (ms)",
        "Time (UTC)",
        "dashed: the target of 200 ms",
        "n = 147 answers as asked of score-lead",
        "exact 95 % interval",
    ):
        assert words in page, words


def test_before_the_first_call_and_look_the_page_says_so(admin_client: Client) -> None:
    page = admin_client.get(PAGE).content.decode()
    assert "Nobody has looked yet" in page
    assert "No call came in this time" in page
    assert "<figure" not in page


def test_a_watch_that_stopped_is_told_first(admin_client: Client) -> None:
    OperationsCheck.objects.create(slot=timezone.now() - timedelta(hours=3))
    assert "The watch is behind: the last look was 3 h" in admin_client.get(PAGE).content.decode()


@pytest.mark.parametrize("route", ["<script>alert(1)</script>", "docs", "'\"", "x" * 5000])
def test_an_invented_route_shows_the_main_one(admin_client: Client, route: str) -> None:
    response = admin_client.get(PAGE, {"route": route})
    assert response.context["route"] == "score-lead"
    assert b"<script>alert" not in response.content


def test_the_list_and_a_look_open(admin_client: Client) -> None:
    some_calls()
    row = OperationsCheck.objects.get()
    assert "Charts over the last hour" in admin_client.get(LIST).content.decode()
    for query in ("?p95_ms=200", "?queue_lag_s=60", "?queue_lag_s=x"):
        assert admin_client.get(LIST + query).status_code == 200
    page = admin_client.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "score-lead" in page
    assert "champion" in page


def test_a_page_costs_few_queries_however_many_calls(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    some_calls()
    with django_assert_max_num_queries(13):
        admin_client.get(PAGE, {"span": "week"})


@pytest.mark.parametrize(
    ("role", "status"),
    [("sales rep", 403), ("nobody", 403), ("analyst", 200), ("approver", 200), ("operator", 200)],
)
def test_who_may_see_it(client: Client, role: str, status: int) -> None:
    client.force_login(a_person(role), backend="django.contrib.auth.backends.ModelBackend")
    for address in (PAGE, LIST):
        assert client.get(address).status_code == status
    shown = b"overview/" in client.get("/admin/").content
    assert shown == (status == 200)


def test_nobody_edits_or_adds_a_look(admin_client: Client) -> None:
    some_calls()
    row = OperationsCheck.objects.get()
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(f"{LIST}{row.pk}/change/", {"calls": 0}).status_code == 403
    assert admin_client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_panel_tells_the_last_look_and_when_it_is_late() -> None:
    user = a_person("superuser")
    assert panel(user, timezone.now()) is None
    some_calls()
    now = timezone.now()
    found = panel(user, now)
    assert found is not None
    assert not found["behind"]
    late = panel(user, now + timedelta(hours=2))
    assert late is not None
    assert late["behind"].startswith("2 h")
