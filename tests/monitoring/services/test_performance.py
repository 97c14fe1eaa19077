"""A check of performance through rows: which leads count, as what was known at a moment has it, and what is said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from monitoring.contracts import RuleKind
from monitoring.models import Alert, Exposure, PerformanceCheck, StoredReading
from monitoring.services.performance import check, check_daily, compare
from scoring.contracts import OutcomeKind
from scoring.models import Lead, LeadMerge, MaturityWindow, Outcome
from tests.factories.rows import (
    NOW,
    a_feature_set,
    a_lead,
    a_prediction,
    a_release,
    a_version,
    an_outcome,
    days_ago,
)
from tests.factories.scored import a_scored_business

pytestmark = pytest.mark.django_db
AUC = {"value": 0.8, "low": 0.77, "high": 0.83, "n": 3000, "method": "DeLong"}


@pytest.fixture(autouse=True)
def _window() -> None:
    MaturityWindow.objects.create(source_system="crm", set_days=30.0)


@pytest.fixture
def version() -> Any:
    made = a_version(metrics={"roc_auc": AUC})
    a_release(made, opened_at=days_ago(300))
    return made


def scored(name: str, age: float = 60.0, *, after: float = 0.01, **prediction: Any) -> Lead:
    """A lead of that age in days, scored so many days after it came."""
    lead = a_lead(name, created=days_ago(age), first_seen=days_ago(age), scored_at=NOW)
    a_prediction(lead, scored_at=days_ago(age - after), **prediction)
    return lead


def converted(lead: Lead, after: float, **fields: Any) -> Outcome:
    """It converted so many days after it came."""
    assert lead.created is not None
    at = lead.created + timedelta(days=after)
    return an_outcome(lead, **{"occurred_at": at, "recorded_at": at, **fields})


def only(as_of: datetime = NOW) -> PerformanceCheck:
    """The one check of the moment."""
    found = check(as_of=as_of)
    assert len(found) == 1
    return found[0]


def told(row: PerformanceCheck, *kinds: RuleKind) -> list[Any]:
    """What the check told the rules of these kinds."""
    return [one for one in row.results["said"] if one["kind"] in kinds]


def test_leads_older_than_their_window_count_and_younger_ones_wait(version: Any) -> None:
    converted(scored("old"), 5)
    scored("open")
    converted(scored("young", 10), 2)
    row = only()
    assert (row.ripe, row.conversions, row.waiting) == (2, 1, 1)
    assert row.serves
    assert row.results["left_out"] == {"younger than the window of their source": 1}
    assert row.results["metrics"]["base_rate"]["n"] == 2


def test_a_conversion_after_the_window_corrects_history_and_is_counted_as_late(version: Any) -> None:
    converted(scored("slow", 90), 70)
    assert (only(days_ago(30)).conversions, only(days_ago(30)).results["late"]) == (0, 0)
    row = only()
    assert (row.conversions, row.results["late"]) == (1, 1)


def test_an_outcome_known_before_the_score_is_no_foresight(version: Any) -> None:
    converted(scored("told", after=2.0), 1.0)
    converted(scored("fair", after=2.0), 3.0)
    row = only()
    assert (row.ripe, row.conversions) == (1, 1)
    assert row.results["left_out"] == {"outcome known before the first score": 1}


def test_a_conversion_dated_by_the_day_of_its_score_is_not_taken_for_foresight(version: Any) -> None:
    came = datetime(2026, 4, 1, 10, 0, tzinfo=UTC)
    lead = a_lead("dated", created=came, first_seen=came)
    a_prediction(lead, scored_at=came + timedelta(seconds=1))
    an_outcome(lead, occurred_at=came.replace(hour=0), recorded_at=came + timedelta(days=2))
    assert only().conversions == 1


def test_the_first_score_of_the_version_stands_and_not_the_newest(version: Any) -> None:
    lead = scored("again", probability=0.1, grade="D")
    a_prediction(lead, scored_at=days_ago(40), probability=0.9, grade="A")
    converted(lead, 50)
    grades = {one["grade"]: one["n"] for one in only().results["grades"]}
    assert (grades["D"], grades["A"]) == (1, 0)


def test_a_lead_first_scored_long_after_it_came_is_left_out_and_named(version: Any) -> None:
    scored("late", 90, after=20)
    row = only()
    assert row.ripe == 0
    assert row.results["left_out"] == {"first scored more than 7 days after creation": 1}
    assert row.results["missing"] == {"all": "no lead is ripe"}


def test_leads_without_a_date_and_from_the_future_are_named(version: Any) -> None:
    undated = a_lead("undated", created=None)
    a_prediction(undated, scored_at=days_ago(50))
    ahead = a_lead("ahead", created=NOW + timedelta(hours=3))
    a_prediction(ahead, scored_at=NOW - timedelta(minutes=1))
    scored("fair")
    row = only()
    assert row.ripe == 1
    assert row.results["left_out"] == {"without a date of creation": 1, "dated after the check": 1}


def test_a_source_whose_clock_is_ahead_by_minutes_changes_nothing(version: Any) -> None:
    converted(scored("skewed", after=-0.005), 4)
    assert (only().ripe, only().conversions) == (1, 1)


def test_the_past_is_seen_as_it_was_known_then(version: Any) -> None:
    lead = scored("corrected", 90)
    first = converted(lead, 10)
    Outcome.objects.filter(pk=first.pk).update(is_current=False)
    an_outcome(lead, OutcomeKind.LOST, occurred_at=days_ago(20), recorded_at=days_ago(20))
    assert only(days_ago(40)).conversions == 1
    now = only()
    assert now.conversions == 0
    assert now.results["outcomes"]["corrected"] == 1


def test_a_withdrawn_outcome_leaves_the_lead_open(version: Any) -> None:
    converted(scored("withdrawn"), 10, is_current=False)
    row = only()
    assert (row.ripe, row.conversions) == (1, 0)
    assert row.results["outcomes"]["withdrawn"] == 1


def merge(survivor: Lead, merged: Lead, at: datetime, **fields: Any) -> None:
    LeadMerge.objects.create(
        survivor=survivor, merged=merged, reason="one person", merged_at=at, before={}, after={}, **fields
    )


def test_of_merged_leads_the_one_that_stands_counts(version: Any) -> None:
    stands, gone = scored("stands"), scored("gone")
    merge(stands, gone, days_ago(10))
    Lead.objects.filter(pk=gone.pk).update(merged_into=stands)
    assert only().ripe == 1
    assert only(days_ago(15)).ripe == 2


def test_an_undone_merge_takes_its_outcome_back(version: Any) -> None:
    stands, gone = scored("stands", 90), scored("gone", 90)
    made = an_outcome(stands, occurred_at=days_ago(60), recorded_at=days_ago(40), is_current=False)
    merge(stands, gone, days_ago(40), undone_at=days_ago(20))
    LeadMerge.objects.update(before={"outcome": {"made": made.pk}})
    assert only(days_ago(30)).conversions == 1
    assert only().conversions == 0


def test_serving_and_shadow_predictions_are_judged_apart(version: Any) -> None:
    other = a_version(metrics={"roc_auc": AUC})
    lead = scored("both")
    a_prediction(lead, version=other, role="shadow", scored_at=days_ago(59))
    found = {(row.version_id, row.role): row.serves for row in check(as_of=NOW)}
    assert found == {(version.pk, Exposure.SERVING): True, (other.pk, Exposure.SHADOW): False}


def test_nothing_is_said_where_nobody_predicted(version: Any) -> None:
    a_lead("unscored", created=days_ago(60))
    assert check(as_of=NOW) == []
    assert not StoredReading.objects.exists()


def test_ripe_leads_that_nobody_scored_are_counted(version: Any) -> None:
    a_lead("unscored", created=days_ago(60))
    scored("fair")
    assert only().results["outcomes"]["never scored"] == 1


def test_one_outcome_only_gives_no_auc_and_no_alarm_and_no_all_clear(version: Any) -> None:
    for at in range(60):
        scored(f"L{at}", 40 - at / 100)
    row = only()
    assert "roc_auc" not in row.results["metrics"]
    assert "converted" in row.results["missing"]["roc_auc"]
    said = {one["subject"]: one for one in told(row, RuleKind.RANKING)}
    assert [(one["value"], one["sure"]) for one in said.values()] == [(None, ""), (None, "")]
    assert "Not enough data (n = 60" in said[f"version={version.number}/newest"]["what"]


def test_a_version_without_a_test_is_not_compared_with_one() -> None:
    a_release(a_version(metrics={}), opened_at=days_ago(300))
    scored("fair")
    said = told(only(), RuleKind.RANKING, RuleKind.ESTIMATED_RANKING)
    assert [one["value"] for one in said] == [None, None, None]
    assert all("carries no AUC of a test" in one["what"] for one in said)


def test_a_check_run_twice_for_one_moment_leaves_one_row(version: Any) -> None:
    scored("fair")
    assert only().pk == only().pk
    assert PerformanceCheck.objects.count() == 1


def test_one_version_alone_leaves_the_rules_alone(version: Any) -> None:
    scored("fair")
    assert len(check(as_of=NOW, version=version.number)) == 1
    assert not StoredReading.objects.exists()
    with pytest.raises(LookupError, match="no version 99"):
        check(as_of=NOW, version=99)


def test_the_check_of_a_day_is_made_once_and_as_of_its_beginning(version: Any) -> None:
    scored("fair")
    day = NOW.replace(hour=0)
    assert check_daily(as_of=NOW) == [day]
    assert check_daily(as_of=NOW + timedelta(hours=7)) == []
    assert [row.slot for row in PerformanceCheck.objects.all()] == [day]
    assert MaturityWindow.objects.get(source_system="crm").estimated_at == day


def test_revenue_of_the_most_frequent_currency_only(version: Any) -> None:
    for at, money in enumerate(("AED", "AED", "USD")):
        converted(scored(f"L{at}", grade="A"), 5, revenue=100, currency=money)
    row = only()
    assert (row.results["outcomes"]["currency"], row.results["outcomes"]["other_currency"]) == ("AED", 1)
    assert row.results["grades"][0]["revenue"]["value"] == pytest.approx(100)


def test_two_versions_are_compared_on_the_leads_both_scored_in_time(version: Any) -> None:
    other = a_version()
    for at in range(80):
        hit = at % 3 == 0
        lead = scored(f"L{at}", 60 + at / 50, probability=0.7 - at % 7 / 100 if hit else 0.2 + at % 5 / 100)
        if at < 70:
            a_prediction(
                lead, version=other, role="shadow", probability=0.1 + at % 11 / 20, scored_at=days_ago(59.2)
            )
        if hit:
            converted(lead, 0.5 if at == 0 else 10)
    found = compare(version, other, as_of=NOW)
    # The first lead converted before the second version scored it.
    assert (found.leads.shared, found.leads.foreseen, len(found.leads.y)) == (70, 1, 69)
    assert found.auc is not None
    assert found.auc.auc_a == 1.0
    assert found.auc.difference.low > 0
    assert found.log_loss is not None
    assert found.log_loss.high < 0


def test_fairness_reads_sensitive_fields_even_if_they_are_held_out() -> None:
    from scoring.ml.schema import FeatureSpec, Kind

    specs = (
        FeatureSpec(name="pages", label="Pages", kind=Kind.NUMBER),
        FeatureSpec(
            name="nation", label="Nation", kind=Kind.CATEGORY, sensitive=True, excluded=True,
            exclusion_reason="not to be learned from",
        ),
    )  # fmt: skip
    made = a_version(feature_set=a_feature_set(specs), metrics={"roc_auc": AUC})
    a_release(made, opened_at=days_ago(300))
    for at in range(240):
        lead = scored(f"L{at}", 40 - at / 100, grade="A" if at % 2 and at % 10 else "C")
        nation = "north" if at % 2 else "south"
        Lead.objects.filter(pk=lead.pk).update(attributes={"nation": nation})
    row = only()
    groups = {one["value"]: one for one in row.results["fairness"][0]["groups"]}
    assert groups["south"]["marked"]
    assert groups["south"]["ratio"] == 0
    kept = StoredReading.objects.get(kind=RuleKind.FAIRNESS, subject__endswith="south")
    assert kept.sure == "critical"
    assert kept.value == 1.0


def test_a_redrawn_law_is_heard_with_the_first_ripe_week_and_not_before() -> None:
    onset = date(2026, 2, 2)
    a_scored_business(
        leads=4000, start=date(2025, 11, 3), end=date(2026, 4, 20), onset=onset, window_days=40.0, noise=0.2
    )
    first_ripe = datetime(2026, 2, 2, tzinfo=UTC) + timedelta(days=40)
    for days, heard in ((-14, False), (-1, False), (7, True)):
        as_of = first_ripe + timedelta(days=days)
        row = next(one for one in check(as_of=as_of) if one.serves)
        said = told(row, RuleKind.RANKING, RuleKind.CALIBRATION)
        assert any(one["sure"] == "critical" for one in said) is heard
        assert row.ripe > 0
    ranking = StoredReading.objects.get(at=as_of, kind=RuleKind.RANKING, subject__endswith="newest")
    assert ranking.value is not None
    assert ranking.value > 0.06
    (estimated,) = told(row, RuleKind.ESTIMATED_RANKING)
    # Before outcomes a redrawn law cannot be seen, and no alarm is made of it.
    assert estimated["value"] is not None
    assert estimated["sure"] == ""


def test_the_estimate_of_waiting_leads_holds_the_truth_that_comes_later() -> None:
    a_scored_business(leads=5000, start=date(2025, 11, 3), end=date(2026, 4, 20), window_days=60.0)
    then = datetime(2026, 3, 1, tzinfo=UTC)
    before = next(one for one in check(as_of=then) if one.serves)
    after = next(one for one in check(as_of=then + timedelta(days=120)) if one.serves)
    promised = {
        one["week"]: one["estimate"] for one in before.results["weeks"] if one["waiting"] and not one["n"]
    }
    truth = {one["week"]: one["auc"] for one in after.results["weeks"]}
    held = [
        promised[w]["low"] <= truth[w]["value"] <= promised[w]["high"]
        for w in promised
        if promised[w] and truth[w]
    ]
    assert len(held) >= 6
    assert sum(held) >= len(held) - 1


def test_a_redrawn_law_is_one_alert_and_a_quiet_business_is_none() -> None:
    onset = date(2026, 2, 2)
    a_scored_business(
        leads=4000, start=date(2025, 11, 3), end=date(2026, 4, 20), onset=onset, window_days=40.0, noise=0.2
    )
    first_ripe = datetime(2026, 2, 2, tzinfo=UTC) + timedelta(days=40)
    check(as_of=first_ripe - timedelta(days=1))
    assert not Alert.objects.exists()
    for day in (7, 8):
        check(as_of=first_ripe + timedelta(days=day))
    alert = Alert.objects.get()
    assert alert.level == "critical"
    assert {part["kind"] for part in alert.parts} >= {RuleKind.RANKING, RuleKind.CALIBRATION}
    assert alert.link.startswith("/admin/monitoring/performancecheck/")


def test_two_long_values_of_a_sensitive_field_are_two_subjects() -> None:
    from scoring.ml.schema import FeatureSpec, Kind

    specs = (
        FeatureSpec(name="pages", label="Pages", kind=Kind.NUMBER),
        FeatureSpec(name="nation", label="Nation", kind=Kind.CATEGORY, sensitive=True),
    )
    a_release(a_version(feature_set=a_feature_set(specs), metrics={"roc_auc": AUC}), opened_at=days_ago(300))
    for at in range(4):
        lead = scored(f"L{at}")
        Lead.objects.filter(pk=lead.pk).update(attributes={"nation": "x" * 400 + f"{at % 2}\x00"[:1]})
    row = only()
    assert row.ripe == 4
    assert len(told(row, RuleKind.FAIRNESS)) == 2
