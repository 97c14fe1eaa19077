"""What the weekly report says of checks and alerts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from monitoring.contracts import AlertLevel, RuleKind
from monitoring.models import Alert, AlertRule, PerformanceCheck, Report
from monitoring.services.reports import Week, prepare
from monitoring.services.reports.contents import NBSP
from scoring.models import ModelVersion
from tests.factories.evidence import estimate
from tests.factories.weekly import AS_OF, MONDAY, WEEK, a_business, a_reading

pytestmark = pytest.mark.django_db


def report() -> Report:
    return prepare(Week.before(AS_OF), as_of=AS_OF)


def words(row: Report) -> str:
    return " ".join(row.text.replace(NBSP, " ").split())


def a_check(**fields: Any) -> PerformanceCheck:
    results = {"metrics": {"roc_auc": estimate(0.75, n=400)}, "estimate": {"roc_auc": estimate(0.77, n=90)}}
    found = {
        "slot": AS_OF - timedelta(hours=6),
        "version": ModelVersion.objects.get(),
        "results": results,
        **fields,
    }
    return PerformanceCheck.objects.create(**found)


def an_alert(title: str, level: AlertLevel = AlertLevel.WARNING, **fields: Any) -> Alert:
    found = {
        "fingerprint": title,
        "kind": RuleKind.VOLUME.value,
        "subject": title,
        "level": level.value,
        "level_rank": level.rank,
        "highest_level": level.value,
        "onset": MONDAY + timedelta(days=1),
        "last_seen": AS_OF,
        "title": title,
        "n": 200,
        **fields,
    }
    return Alert.objects.create(**found)


class TestChecks:
    def test_the_auc_on_ripe_leads_stands_in_the_subject(self) -> None:
        a_business()
        a_check()
        a_reading(RuleKind.RANKING, "version=1/newest")
        row = report()
        assert row.subject.endswith("model holds (AUC .75, .73–.77)")
        assert "ROC-AUC on its ripe leads: .75, .73–.77 (95 % interval, n = 400)" in words(row)
        assert "Estimated for leads that wait: .77" in words(row)

    def test_a_check_of_an_older_week_or_of_a_shadow_is_not_told(self) -> None:
        a_business()
        a_check(slot=MONDAY - WEEK)
        a_check(role="shadow")
        assert "ROC-AUC on its ripe leads: not measured yet" in words(report())

    def test_the_limits_that_people_set_decide_what_is_worse(self) -> None:
        a_business()
        a_reading(RuleKind.RANKING, "version=1/newest", value=0.05, sure="warning")
        assert "does worse" in report().subject
        AlertRule.objects.filter(kind=RuleKind.RANKING.value).update(warning=0.1)
        assert "model holds" in report().subject


class TestAlerts:
    def test_open_ones_are_listed_and_a_critical_one_leads(self) -> None:
        a_business()
        an_alert("Leads of Website stopped coming", AlertLevel.CRITICAL)
        an_alert("Budget is missing")
        an_alert("Over", state="closed", closed_at=AS_OF - timedelta(days=3))
        row = report()
        assert row.subject.startswith("Week 22: 2 alerts open, 1 critical; 10 leads")
        assert row.facts["alerts"] == {"standing": 2, "critical": 1, "came": 3, "ended": 1}
        assert "2 stand now, the worst: Leads of Website stopped coming" in words(row)

    def test_none_is_said_where_checks_looked_and_not_where_none_did(self) -> None:
        assert "No check has looked since 25 May: not measured yet" in words(report())
        a_reading(RuleKind.VOLUME)
        assert "None stands now." in words(report())
