"""The readiness page: words for every state, bounded work, counting by a worker."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from scoring.models import ReadinessSnapshot, TrainingPolicy
from scoring.services import readiness
from tests.factories.learned import some_leads
from tests.factories.rows import a_feature_set
from tests.factories.trained import SPECS
from tests.scoring.admin.conftest import Core, SignIn

pytestmark = pytest.mark.django_db

PAGE = "/admin/scoring/readinesssnapshot/"


def test_an_empty_database_says_what_will_be_needed(admin_client: Client) -> None:
    page = admin_client.get(PAGE).content.decode()
    assert "There are no leads yet" in page
    assert "1,000 ripe leads and 120" in page


def test_leads_on_their_way_get_a_time_with_bounds_and_a_chart(admin_client: Client) -> None:
    a_feature_set(SPECS)
    some_leads(600, days=400, until=timezone.now())
    response = admin_client.get(PAGE)
    page = response.content.decode()
    assert "Not yet enough for every kind of model. When it will be: about" in page
    assert ", between " in response.context["headline"]
    assert "Gradient boosting, not yet" in page
    assert "enough for its own numbers" in page
    assert "too few for its own numbers" in page
    assert page.count("<svg") >= 2
    assert "Reckoned at an AUC of 0.75" in page


def test_enough_says_so(admin_client: Client) -> None:
    TrainingPolicy.objects.create(minimum_leads=100, minimum_conversions=20)
    some_leads(400, until=timezone.now())
    page = admin_client.get(PAGE).content.decode()
    assert "There is enough for every kind of model." in page
    assert "not yet</span>" not in page


def test_a_list_without_dates_gets_no_date(admin_client: Client) -> None:
    some_leads(200, dated=False, until=timezone.now())
    page = admin_client.get(PAGE).content.decode()
    assert "not at this pace: no lead was created in the last 60 days" in page.replace("Not at", "not at")
    assert "no ripe lead has a date" in page


def test_many_leads_wait_for_a_worker_and_are_not_counted_by_a_view(
    monkeypatch: pytest.MonkeyPatch,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(readiness, "COUNTED_LIVE", 10)
    some_leads(40, until=timezone.now())
    assert "Not counted yet" in admin_client.get(PAGE).content.decode()
    readiness.take_snapshot(as_of=timezone.now())
    with django_assert_max_num_queries(15):
        page = admin_client.get(PAGE).content.decode()
    assert "a worker counts every hour" in page
    assert "Count now" in page


def test_only_those_who_look_after_training_have_it_counted_and_only_by_post(
    core: Core,
    sign_in: SignIn,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    woken: list[str] = []
    monkeypatch.setattr("scoring.admin.readiness.enqueue", woken.append)
    assert client.post(f"{PAGE}count/").status_code == 302
    for role in ("sales rep", "approver", "integrator", "nobody"):
        assert sign_in(role).post(f"{PAGE}count/").status_code == 403, role
    analyst = sign_in("analyst")
    assert analyst.get(f"{PAGE}count/").status_code == 405
    assert woken == []
    for person in (analyst, sign_in("operator")):
        assert person.post(f"{PAGE}count/").status_code == 302
    assert woken == ["scoring.tasks.count_readiness"] * 2
    assert ReadinessSnapshot.objects.count() == 0


def test_the_dashboard_and_the_training_pages_lead_to_it(core: Core, admin_client: Client) -> None:
    for path in ("", "scoring/trainingrun/train/", f"scoring/trainingrun/{core.running.pk}/change/"):
        assert PAGE in admin_client.get(f"/admin/{path}").content.decode(), path


def test_segments_are_marked_on_the_training_limits_and_at_most_three(admin_client: Client) -> None:
    a_feature_set(SPECS)
    form = {"minimum_leads": "1000", "minimum_conversions": "120", "horizon_days": "180"}
    path = "/admin/scoring/trainingpolicy/add/"
    refused = admin_client.post(path, {**form, "segment_features": ["Budget known"]})
    assert refused.status_code == 200, "a yes/no feature is none to choose from"
    assert TrainingPolicy.objects.count() == 0
    assert admin_client.post(path, {**form, "segment_features": ["Country"]}).status_code == 302
    assert TrainingPolicy.objects.get().segment_features == ["Country"]
