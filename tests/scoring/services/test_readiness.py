"""Counting what there is to learn from, keeping the counts, and judging them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from scoring import tasks
from scoring.models import Lead, MaturityWindow, ReadinessSnapshot, TrainingPolicy
from scoring.selectors.readiness import count_leads, segment_features
from scoring.services import readiness
from scoring.services.readiness import counted_readiness, current_readiness, first_snapshot, take_snapshot
from scoring.services.training.data import collect
from tests.factories.learned import some_leads
from tests.factories.rows import NOW, a_feature_set, a_lead, a_version, an_outcome, days_ago, features_of
from tests.factories.trained import SPECS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


def test_an_empty_database_is_told_in_words() -> None:
    found = counted_readiness(as_of=NOW)
    answer = found.assessment
    assert found.counts["leads"] == 0
    assert (answer.leads, answer.ladder, answer.enough, answer.worth_now) == (0, (), False, None)
    assert answer.messages[0].startswith("There are no leads to train on")
    assert answer.ahead.both.why == "no lead became ripe lately, so the share that converts is not known"
    assert answer.span_in is None


def test_it_counts_the_ripe_leads_that_training_would_take() -> None:
    feature_set = a_feature_set(SPECS)
    some_leads(300, days=400)
    some_leads(120, days=500, source_system="fair", prefix="f-")
    some_leads(40, dated=False, source_system="list", prefix="u-")
    a_lead("undated-open", source_system="list", attributes={"Source": "web"})
    counts = count_leads(as_of=NOW)
    trained = collect(feature_set, as_of=NOW)
    assert counts["ripe"]["leads"] == trained.rows
    assert counts["ripe"]["conversions"] == trained.conversions
    assert counts["not_ripe"] == trained.left_out["not ripe"]
    assert counts["undated_open"] == trained.left_out["open, without a date"] == 1
    assert counts["leads"] == Lead.objects.count()
    windows = {flow["source"]: flow["window"] for flow in counts["flows"]}
    assert windows == pytest.approx({name: found["days"] for name, found in trained.windows.items()}, abs=1)
    assert MaturityWindow.objects.count() == 2, "training wrote them, counting does not"


def test_a_window_set_by_hand_holds() -> None:
    some_leads(100, days=400)
    MaturityWindow.objects.create(source_system="crm", set_days=100.0)
    counts = count_leads(as_of=NOW)
    assert counts["ripe"]["leads"] == Lead.objects.filter(created__lte=days_ago(100)).count()
    assert counts["flows"][0]["note"] == "Set by hand."


def test_when_nothing_is_ripe_it_says_when_the_first_will_be() -> None:
    some_leads(60, days=50)
    found = counted_readiness(as_of=NOW)
    assert (found.assessment.leads, found.counts["not_ripe"]) == (0, 60)
    # The horizon is the window, since nobody was watched so long.
    assert found.counts["ripens"]["next"] == pytest.approx(130, abs=1)
    assert found.counts["ripens"]["all"] == pytest.approx(180, abs=1.5)
    assert found.assessment.ahead.rarer.why.startswith("no lead became ripe lately")
    assert found.assessment.ahead.leads.middle is not None
    assert found.assessment.span_in == pytest.approx(130, abs=1)


def test_one_outcome_only_is_told_in_words() -> None:
    for number in range(40):
        lead = a_lead(f"L-{number}", created=days_ago(300 + number))
        an_outcome(lead, recorded_at=days_ago(200))
    answer = counted_readiness(as_of=NOW).assessment
    assert answer.ladder == ()
    assert answer.messages[0].startswith("All 40 leads converted")
    assert answer.ahead.both.why == "all 40 leads that became ripe lately converted"


def test_a_list_that_ended_long_ago_has_no_pace() -> None:
    some_leads(200, until=days_ago(300), days=200)
    answer = counted_readiness(as_of=NOW).assessment
    assert answer.ahead.pace is None
    assert answer.ahead.leads.why == "no lead was created in the last 60 days"
    assert answer.ladder[-1] in {"naive_bayes", "logistic"}


def test_a_business_on_its_way_is_told_when_it_will_be_there() -> None:
    some_leads(600, days=400)
    found = counted_readiness(as_of=NOW)
    both = found.assessment.ahead.both
    assert found.assessment.enough is False
    assert both.low is not None
    assert both.middle is not None
    # Half as much again at 10.5 a week; what is not ripe yet comes sooner.
    missing = 1000 - found.assessment.leads
    assert both.low < missing / (600 / 400) < (both.high or 1e9)
    assert found.assessment.worth_then is not None
    assert found.assessment.worth_now is not None
    assert found.assessment.worth_then.width < found.assessment.worth_now.width


def test_segments_are_counted_however_a_value_is_written() -> None:
    a_feature_set(SPECS)
    for number, (value, converts) in enumerate(
        [("Web", 1), ("web ", 0), ("WEB", 0), ("Select", 0), (None, 1)] * 10
    ):
        attributes = {"Source": value} if value is not None else {}
        lead = a_lead(f"L-{number}", created=days_ago(400), attributes=attributes)
        if converts:
            an_outcome(lead)
    source, by_value, _ = count_leads(as_of=NOW)["segments"]
    assert source == {"feature": "", "label": "Source", "values": [["crm", 50, 20]], "more": 0}
    spelling, leads, conversions = by_value["values"][0]
    assert (spelling.casefold(), leads, conversions) == ("web", 30, 10)
    assert by_value["values"][1] == ["", 20, 10], "what is not known is one value"


def test_a_slip_of_the_pen_is_no_segment_of_its_own() -> None:
    a_feature_set(SPECS)
    for number in range(12):
        a_lead(f"L-{number}", created=days_ago(400), attributes={"Source": "web" if number else "wbe"})
    by_value = count_leads(as_of=NOW)["segments"][1]
    assert (by_value["values"], by_value["more"]) == ([["web", 11, 0]], 1)


def test_segments_are_the_marked_features_else_the_most_important_ones() -> None:
    feature_set = a_feature_set(SPECS)
    policy = TrainingPolicy.objects.create()

    def names() -> list[str]:
        return [one.name if one else "" for one in segment_features(policy)]

    assert names() == ["", "Source", "Country"], "in their order, before any version"
    a_version(feature_set=feature_set, importance=[{"feature": "Country", "label": "Country", "share": 0.9}])
    assert names() == ["", "Country", "Source"]
    policy.segment_features = ["Source", "gone"]
    assert names() == ["", "Source"]
    features_of(feature_set)["Source"].delete()
    assert names() == ["", "Country"], "a mark on a feature that is gone counts for nothing"


def test_many_leads_are_read_from_the_newest_kept_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "COUNTED_LIVE", 5)
    some_leads(20)
    assert current_readiness(as_of=NOW) is None
    assert first_snapshot(as_of=NOW)
    assert not first_snapshot(as_of=NOW), "from then on the schedule counts"
    take_snapshot(as_of=NOW + timedelta(hours=1))
    found = current_readiness(as_of=NOW + timedelta(hours=2))
    assert found is not None
    assert (found.live, found.taken_at) == (False, NOW + timedelta(hours=1))
    assert found.counts["leads"] == 20


def test_a_few_leads_are_counted_at_each_view() -> None:
    some_leads(20)
    assert not first_snapshot(as_of=NOW)
    found = current_readiness(as_of=NOW)
    assert found is not None
    assert found.live


def test_old_counts_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "KEPT", 3)
    for hour in range(5):
        take_snapshot(as_of=NOW + timedelta(hours=hour))
    assert [row.taken_at.hour for row in ReadinessSnapshot.objects.all()] == [13, 12, 11]


def test_the_task_counts() -> None:
    tasks.count_readiness()
    assert ReadinessSnapshot.objects.get().counts["leads"] == 0


def test_counting_takes_as_many_queries_for_many_sources_as_for_one(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    a_feature_set(SPECS)
    for number in range(6):
        some_leads(12, source_system=f"source-{number}", prefix=f"{number}-")
    with django_assert_max_num_queries(20):
        count_leads(as_of=NOW)


@pytest.mark.parametrize("name", ["a'b", "100 %", "a__b", "ключ", "a.b", "$[0]"])
def test_a_feature_of_any_name_is_counted(name: str) -> None:
    a_feature_set([replace(SPECS[0], name=name)])
    for number in range(10):
        a_lead(f"L-{number}", created=days_ago(400), attributes={name: "web"})
    values: list[Any] = count_leads(as_of=NOW)["segments"][1]["values"]
    assert values == [["web", 10, 0]]
