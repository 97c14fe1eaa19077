"""The pages of performance: what they show with much, little and no data, and who may do what."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client
from django.urls import reverse

from monitoring.models import PerformanceCheck
from monitoring.services.performance import check
from scoring.models import MaturityWindow
from tests.factories.people import a_person
from tests.factories.rows import NOW, a_lead, a_prediction, a_release, a_version, days_ago
from tests.factories.scored import a_scored_business

pytestmark = pytest.mark.django_db
LIST = "admin:monitoring_performancecheck_changelist"


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(a_person(role), backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def thin() -> PerformanceCheck:
    a_release(a_version(), opened_at=days_ago(100))
    MaturityWindow.objects.create(source_system="crm", set_days=30.0)
    a_prediction(a_lead(created=days_ago(40)), scored_at=days_ago(40))
    return check(as_of=NOW)[0]


def page(client: Client, row: PerformanceCheck) -> str:
    answer = client.get(reverse("admin:monitoring_performancecheck_change", args=[row.pk]))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_a_check_with_one_lead_says_that_it_is_too_little(thin: PerformanceCheck) -> None:
    text = page(signed_in("analyst"), thin)
    assert "0 of 8 things looked at had enough data to be judged." in text
    assert "Not enough data: " in text
    assert "1 ripe lead of the 52 weeks before" in text


def test_the_page_draws_estimate_and_truth_and_says_n() -> None:
    a_scored_business(leads=1500, start=date(2025, 12, 1), end=date(2026, 5, 18), window_days=40.0)
    row = next(one for one in check(as_of=NOW - timedelta(days=20)) if one.serves)
    text = page(signed_in("analyst"), row)
    assert "ROC-AUC by week of creation: measured and estimated" in text
    assert "Dots: measured on n = " in text
    assert "hollow on a dashed line: estimated before outcomes" in text
    assert "Calibration: predicted chance against what happened" in text
    assert "A above B" in text


def test_the_list_is_empty_in_words_and_then_lists_each_check(thin: PerformanceCheck) -> None:
    client = signed_in("operator")
    text = client.get(reverse(LIST)).content.decode()
    assert "not enough data (n = 1)" in text
    PerformanceCheck.objects.all().delete()
    assert "the first check is to come" in client.get(reverse(LIST)).content.decode()


def test_the_list_asks_as_many_questions_for_one_row_as_for_many(
    thin: PerformanceCheck, django_assert_max_num_queries: Any
) -> None:
    for day in range(1, 30):
        PerformanceCheck.objects.create(
            slot=NOW - timedelta(days=day), version=thin.version, results=thin.results
        )
    client = signed_in("analyst")
    with django_assert_max_num_queries(14):
        assert client.get(reverse(LIST)).status_code == 200


def test_checking_now_is_a_post_for_those_who_may(thin: PerformanceCheck) -> None:
    address = reverse("admin:monitoring_performancecheck_now")
    with patch("monitoring.admin.performance.enqueue") as queued:
        assert signed_in("integrator").post(address).status_code == 403
        client = signed_in("analyst")
        assert client.get(address).status_code == 405
        queued.assert_not_called()
        assert client.post(address).status_code == 302
        queued.assert_called_once_with("monitoring.tasks.check_performance_now")


def test_two_versions_are_compared_by_their_page(thin: PerformanceCheck) -> None:
    other = a_version()
    client = signed_in("analyst")
    address = reverse("admin:monitoring_performancecheck_compare")
    assert client.get(address).status_code == 200
    text = client.get(address, {"a": thin.version_id, "b": other.pk}).content.decode()
    assert "Not enough data to compare the ranking" in text
    assert "Both are the same version" in client.get(address, {"a": other.pk, "b": other.pk}).content.decode()
    assert client.get(address, {"a": "x' OR 1=1", "b": "9999"}).status_code == 200
    assert signed_in("integrator").get(address).status_code == 403


def test_a_hostile_value_of_a_field_is_text_on_the_page(thin: PerformanceCheck) -> None:
    group = {
        "value": "<script>alert(1)</script>", "n": 1, "auc": None, "calibration": None, "selected": None,
        "ratio": None, "marked": False, "problem": "1 leads",
    }  # fmt: skip
    thin.results["fairness"] = [{"feature": "x", "label": "<b>x</b>", "groups": [group]}]
    thin.save()
    text = page(signed_in("analyst"), thin)
    assert "<script>alert(1)" not in text
    assert "<b>x</b>" not in text


def test_the_dashboard_says_how_the_model_does(thin: PerformanceCheck) -> None:
    text = signed_in("analyst").get(reverse("admin:index")).content.decode()
    assert "How the model does" in text
    assert "Not enough data" in text
    assert "How the model does" not in signed_in("sales rep").get(reverse("admin:index")).content.decode()
