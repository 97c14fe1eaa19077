"""The order of what a search finds."""

from __future__ import annotations

import pytest
from django.db import connection

from scoring.models import Outcome, Prediction
from scoring.selectors.search import newest_of_found
from tests.factories.rows import a_lead, a_prediction, a_release, an_outcome, days_ago

pytestmark = pytest.mark.django_db


def test_predictions_that_were_found_come_newest_first() -> None:
    release, lead = a_release(), a_lead()
    for days in (3, 1, 2):
        a_prediction(lead, release, scored_at=days_ago(days))
    found = Prediction.objects.order_by(newest_of_found("scored_at"), "-id")
    assert [row.scored_at for row in found] == [days_ago(days) for days in (1, 2, 3)]


def test_rows_of_the_same_moment_keep_the_order_of_their_keys() -> None:
    release, lead = a_release(), a_lead()
    keys = [a_prediction(lead, release, scored_at=days_ago(1)).pk for _ in range(3)]
    found = Prediction.objects.order_by(newest_of_found("scored_at"), "-id")
    assert [row.pk for row in found] == keys[::-1]


def test_it_orders_outcomes_too() -> None:
    lead = a_lead()
    for days in (2, 1, 3):
        an_outcome(lead, is_current=False, recorded_at=days_ago(days))
    found = Outcome.objects.order_by(newest_of_found("recorded_at"), "-id")
    assert [row.recorded_at for row in found] == [days_ago(days) for days in (1, 2, 3)]


@pytest.mark.services
def test_no_index_by_date_answers_it() -> None:
    keys = [a_lead(f"L-{number}").pk for number in range(3)]
    wanted = Prediction.objects.filter(lead_id__in=keys)
    with connection.cursor() as cursor:
        # However cheap the planner takes the walk of an index to be.
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_seqscan = off")
        walked = wanted.order_by("-scored_at")[:50].explain()
        found = wanted.order_by(newest_of_found("scored_at"), "-id")[:50].explain()
    assert "Sort" not in walked, "as a plain column the index by date is walked"
    assert "Sort" in found
