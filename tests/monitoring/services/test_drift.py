"""The daily check of drift through rows: what it keeps, what it tells the rules, and what it does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from monitoring.contracts import AlertLevel, Looked, Reading, RuleKind
from monitoring.models import AlertRule, CheckKind, DriftCheck, FeatureLimit, StoredReading
from monitoring.selectors.profiles import DAY, floor_day
from monitoring.services import drift, profiles, quality
from scoring.contracts import Role
from scoring.models import Prediction, Release
from tests.factories.rows import a_release, a_version
from tests.factories.watching import HOUR_0, a_watched_release, some_predictions, values

pytestmark = pytest.mark.django_db

END = floor_day(HOUR_0)
SINCE = END - drift.WINDOW


@pytest.fixture
def release() -> Release:
    return a_watched_release()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Looked]:
    """What checks hand to the rules."""
    kept: list[Looked] = []
    for service in (drift, quality):
        record = service.record

        def keeping(looked: Looked, *, record: Any = record) -> None:
            kept.append(looked)
            record(looked)

        monkeypatch.setattr(service, "record", keeping)
    return kept


def leads(rows: Sequence[Mapping[str, Any]], *, until: datetime = END, **fields: Any) -> list[Prediction]:
    """The leads of the seven days before `until`, each day's at noon."""
    made = []
    for back in range(7):
        noon = until - back * DAY - DAY / 2
        made += some_predictions(rows[back::7], noon, noon + profiles.SLICE, **fields)
    return made


def checked(until: datetime = END, **more: Any) -> list[DriftCheck]:
    profiles.fold(as_of=until + profiles.GRACE)
    return drift.check(as_of=until, **more)


def row_of(check: DriftCheck, feature: str) -> dict[str, Any]:
    return next(row for row in check.found if row["feature"] == feature and row["segment"] is None)


def reading(looked: Looked, kind: RuleKind, subject: str) -> Reading:
    return next(one for one in looked.readings if (one.kind, one.subject) == (kind, subject))


def moved(n: int = 1000, by: float = 105.0, seed: int = 1) -> list[dict[str, Any]]:
    """Budgets that rose by about six tenths of a standard deviation."""
    return [{**row, "budget": row["budget"] + by} for row in values(n, seed=seed)]


class TestWhatItFinds:
    def test_a_quiet_week_is_quiet_and_reads_every_feature(
        self, release: Release, told: list[Looked]
    ) -> None:
        leads(values(1000, seed=1))
        check = checked()[0]
        assert (check.level, check.n, check.since, check.until) == ("quiet", 1000, SINCE, END)
        assert {one.sure for one in told[0].readings} == {None}
        subjects = {one.subject for one in told[0].readings if one.kind is RuleKind.FEATURE_DRIFT}
        assert {f"feature={name}" for name in ("source", "budget", "pages", "vip")} <= subjects
        assert "feature=budget where source=Web" in subjects

    def test_a_moved_feature_is_heard_with_figures_and_words(
        self, release: Release, told: list[Looked]
    ) -> None:
        leads(moved())
        check = checked()[0]
        row = row_of(check, "budget")
        assert row["level"] in {"warning", "critical"}
        assert row["psi"] >= 0.25
        assert sum(row["now"]) == 1000
        found = reading(told[0], RuleKind.FEATURE_DRIFT, "feature=budget")
        assert found.value == row["psi"]
        assert found.sure is AlertLevel.CRITICAL
        assert "1,000 leads against 4,000 in the reference" in found.story.sure
        assert "higher on average since Budget changed" in found.story.title
        assert found.story.link.endswith(f"/monitoring/driftcheck/{check.pk}/change/")

    def test_the_score_follows_the_heaviest_feature_in_one_alert(
        self, release: Release, told: list[Looked]
    ) -> None:
        leads(moved(by=250.0))
        checked()
        score = reading(told[0], RuleKind.SCORE_DRIFT, "score")
        assert score.sure is AlertLevel.CRITICAL
        assert score.cause == reading(told[0], RuleKind.FEATURE_DRIFT, "feature=budget").cause

    def test_a_feature_gone_from_the_feed_is_critical(self, release: Release) -> None:
        leads([{k: v for k, v in row.items() if k != "pages"} for row in values(500, seed=1)])
        check = checked()[0]
        assert check.level == "critical"
        row = row_of(check, "pages")
        assert row["moves"][0] == {"bin": "missing", "before": 0.0, "now": 1.0}
        assert (row["ks"], row["shift"]) == (None, None)

    def test_a_dead_source_and_the_features_it_drags_have_one_cause(
        self, release: Release, told: list[Looked]
    ) -> None:
        leads(values(1500, seed=4, shares=(0.5, 0.0, 0.2)))
        checked()
        loud = [
            one
            for one in told[0].readings
            if one.sure is not None and one.value is not None and one.value >= 0.25
        ]
        assert {one.subject for one in loud} >= {"feature=source", "feature=budget"}
        assert {one.cause for one in loud} == {"source=Fair"}

    def test_own_limits_go_before_the_rules(self, release: Release, told: list[Looked]) -> None:
        FeatureLimit.objects.create(
            feature_set=release.champion.feature_set,
            feature="budget",
            warning=5.0,
            critical=9.0,
            reason="moves with the season",
            set_at=END,
        )
        leads(moved())
        check = checked()[0]
        assert row_of(check, "budget")["level"] == "quiet"
        assert reading(told[0], RuleKind.FEATURE_DRIFT, "feature=budget").limits == (5.0, 9.0)
        assert reading(told[0], RuleKind.FEATURE_DRIFT, "feature=pages").limits is None

    def test_only_the_seven_days_count(self, release: Release) -> None:
        leads(moved(300), until=SINCE)
        leads(moved(50), until=END + drift.WINDOW)
        leads(values(600, seed=1))
        check = checked()[0]
        assert (check.n, check.level) == (600, "quiet")

    def test_leads_scored_again_do_not_count(self, release: Release) -> None:
        leads(values(600, seed=1))
        leads(moved(600), first=False)
        check = checked()[0]
        assert (check.n, check.level) == (600, "quiet")


class TestWhatItDoesNotKnow:
    def test_no_predictions_at_all_are_not_enough_data(self, release: Release, told: list[Looked]) -> None:
        check = drift.check(as_of=END)[0]
        assert (check.n, check.level) == (0, "unknown")
        assert {row["problem"] for row in check.found} == {"the window holds no rows"}
        assert {one.value for one in told[0].readings} == {None}

    def test_nothing_serves_and_nothing_came(self, db: None) -> None:
        assert drift.check(as_of=END) == []

    def test_thin_data_says_how_many_leads_it_takes(self, release: Release, told: list[Looked]) -> None:
        leads(values(30, seed=1))
        check = checked()[0]
        assert check.level == "unknown"
        for row in check.found:
            assert row["level"] == "unknown"
            assert row["needs"] > 30
        assert check.summary["score"]["needs"] > 30
        assert {one.value for one in told[0].readings} == {None}

    def test_a_version_without_a_reference_says_so(self, db: None, told: list[Looked]) -> None:
        a_release(a_version())
        check = drift.check(as_of=END)[0]
        assert check.level == "unknown"
        assert "has no reference profile" in check.summary["problem"]
        assert told == []

    def test_one_class_of_score_only_is_heard(self, release: Release) -> None:
        leads(values(800, seed=1), probability=0.01)
        score = checked()[0].summary["score"]
        assert score["level"] == "critical"
        assert sum(score["now"]) == score["now"][0] == 800


class TestWhatItKeeps:
    def test_a_check_made_twice_for_its_moment_is_one_row(self, release: Release) -> None:
        leads(moved())
        first = checked()[0]
        readings = StoredReading.objects.count()
        again = drift.check(as_of=END)[0]
        assert (first.pk, first.found) == (again.pk, again.found)
        assert DriftCheck.objects.count() == 1
        assert StoredReading.objects.count() == readings > 0

    def test_a_shadow_gets_a_check_but_tells_the_rules_nothing(
        self, release: Release, told: list[Looked]
    ) -> None:
        shadow = a_version(
            feature_set=release.champion.feature_set, reference_profile=release.champion.reference_profile
        )
        leads(values(400, seed=1))
        leads(moved(400), version=shadow, role=Role.SHADOW.value)
        checks = {check.role: check for check in checked()}
        assert {role: check.version_id for role, check in checks.items()} == {
            "champion": release.champion_id,
            "shadow": shadow.pk,
        }
        assert row_of(checks["shadow"], "budget")["level"] != "quiet"
        assert len(told) == 1
        assert {one.sure for one in told[0].readings} == {None}

    def test_one_version_can_be_asked_for(self, release: Release) -> None:
        other = a_version(
            feature_set=release.champion.feature_set, reference_profile=release.champion.reference_profile
        )
        leads(values(100, seed=1))
        leads(values(100, seed=1), version=other, role=Role.SHADOW.value)
        assert [check.version_id for check in checked(version_id=other.pk)] == [other.pk]

    def test_a_check_and_its_readings_are_there_both_or_neither(
        self, release: Release, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def failing(looked: Looked) -> None:
            raise RuntimeError("the rules are broken")

        leads(values(400, seed=1))
        monkeypatch.setattr(drift, "record", failing)
        with pytest.raises(RuntimeError, match="the rules"):
            checked()
        assert not DriftCheck.objects.exists()


class TestSlowChanges:
    def test_a_level_that_changed_for_good_is_told_with_its_week(
        self, release: Release, told: list[Looked]
    ) -> None:
        for week in range(20):
            until = END - (19 - week) * 7 * DAY
            leads(moved(120, by=110.0 if week >= 10 else 0.0, seed=200 + week), until=until)
        checked()
        found = reading(told[0], RuleKind.SLOW_CHANGE, "feature=budget")
        assert found.sure is not None
        assert found.value == pytest.approx(0.6, abs=0.15)
        since = END - 10 * 7 * DAY
        assert f"since the week of {since:%-d %b %Y}" in found.story.title
        quiet = reading(told[0], RuleKind.SLOW_CHANGE, "feature=pages")
        assert quiet.sure is None

    def test_a_few_weeks_say_nothing(self, release: Release, told: list[Looked]) -> None:
        leads(values(200, seed=1))
        checked()
        assert RuleKind.SLOW_CHANGE not in {one.kind for one in told[0].readings}


def test_fields_found_broken_by_the_last_look_share_the_cause(release: Release, told: list[Looked]) -> None:
    leads([{**row, "pages": None, "budget": None} for row in values(400, seed=1)])
    profiles.fold(as_of=END + profiles.GRACE)
    assert quality.check(as_of=END) is not None
    drift.check(as_of=END)
    looked = told[-1]
    causes = {
        reading(looked, RuleKind.FEATURE_DRIFT, f"feature={name}").cause for name in ("pages", "budget")
    }
    assert causes == {"several fields"}
    assert DriftCheck.objects.filter(kind=CheckKind.QUALITY).count() == 1


class TestAfterABreakage:
    """A broken field is told by the look at data quality; the week of the drift check does not repeat it."""

    def test_hours_that_were_told_broken_are_left_out_of_that_feature_only(self, release: Release) -> None:
        leads(values(1000, seed=1))
        hour = END - DAY / 4
        some_predictions(
            [{**row, "budget": None} for row in values(600, seed=2)], hour, hour + profiles.SLICE
        )
        profiles.fold(as_of=hour + profiles.SLICE + profiles.GRACE)
        looked = quality.check(as_of=hour + profiles.SLICE)
        assert looked is not None
        assert looked.level == "critical"
        check = checked()[0]
        assert row_of(check, "budget")["level"] == "quiet"
        assert row_of(check, "budget")["n"] == 1000
        assert row_of(check, "source")["n"] == 1600
        assert check.summary["left_out"] == ["Budget"]

    def test_what_no_look_has_told_is_drift(self, release: Release) -> None:
        leads(values(1000, seed=1))
        hour = END - DAY / 4
        some_predictions(
            [{**row, "budget": None} for row in values(600, seed=2)], hour, hour + profiles.SLICE
        )
        assert row_of(checked()[0], "budget")["level"] == "critical"


class TestLimitsOfTheRule:
    def test_what_people_set_holds_for_the_page_too(self, release: Release) -> None:
        AlertRule.objects.update_or_create(
            kind=RuleKind.FEATURE_DRIFT.value, defaults={"warning": 0.05, "critical": 0.1}
        )
        leads(moved())
        assert row_of(checked()[0], "budget")["level"] == "critical"

    def test_a_limit_left_empty_is_never_reached(self, release: Release) -> None:
        AlertRule.objects.update_or_create(
            kind=RuleKind.FEATURE_DRIFT.value, defaults={"warning": None, "critical": None}
        )
        leads(moved(by=400.0))
        assert row_of(checked()[0], "budget")["level"] == "quiet"
