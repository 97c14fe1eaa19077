"""Rules changed by people, and tried on the past by the code that judges checks."""

from __future__ import annotations

import pytest

from monitoring.contracts import AlertLevel, MonitoringRefused
from monitoring.models import Alert, AlertRule, Delivery
from monitoring.services.rules import change_rule, ensure_rules, try_rule
from tests.factories.watch import DRIFT, a_reading, at, look

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _past() -> None:
    ensure_rules()
    for hour, value in enumerate((0.1, 0.3, 0.35, 0.6, 0.0, 0.3, None, 0.3, 0.0)):
        look(hour, a_reading(value=value))


def test_a_trial_counts_each_onset_and_each_rise() -> None:
    trial = try_rule(DRIFT, 0.25, 0.5, as_of=at(24))
    assert [(one.at, one.level.value) for one in trial.fired] == [
        (at(1), "warning"),
        (at(3), "critical"),
        (at(5), "warning"),
    ]
    assert (trial.looks, trial.readings, trial.cut) == (9, 9, False)
    assert trial.subjects() == [("feature=budget", 3)]


def test_a_trial_agrees_with_what_happened() -> None:
    happened = [
        (event.at, event.level)
        for alert in Alert.objects.all()
        for event in alert.events.filter(kind__in=["onset", "got worse"])
    ]
    trial = try_rule(DRIFT, 0.25, 0.5, as_of=at(24))
    assert [(one.at, one.level.value) for one in trial.fired] == sorted(happened)


def test_a_trial_changes_nothing() -> None:
    before = (list(Alert.objects.values()), list(AlertRule.objects.values()), Delivery.objects.count())
    try_rule(DRIFT, 0.01, 0.02, as_of=at(24))
    assert (
        list(Alert.objects.values()),
        list(AlertRule.objects.values()),
        Delivery.objects.count(),
    ) == before


@pytest.mark.parametrize(
    ("warning", "critical", "quiet", "times"),
    [(0.25, None, 1, 2), (None, None, 1, 0), (0.05, None, 1, 2), (0.25, 0.5, 3, 2), (5.0, 9.0, 1, 0)],
)
def test_other_limits_fire_at_other_times(
    warning: float | None, critical: float | None, quiet: int, times: int
) -> None:
    assert try_rule(DRIFT, warning, critical, as_of=at(24), quiet_checks=quiet).count() == times


def test_a_trial_reads_no_further_back_than_asked() -> None:
    trial = try_rule(DRIFT, 0.25, 0.5, as_of=at(24 * 90 + 4))
    assert [one.at for one in trial.fired] == [at(5)]
    assert trial.count(AlertLevel.WARNING) == 1


def test_a_trial_judges_own_limits_and_causes_as_life_does() -> None:
    look(
        30,
        a_reading("feature=a", 0.3, limits=(0.9, None)),
        a_reading("feature=b", 0.3, cause="feed"),
        a_reading("feature=c", 0.3, cause="feed"),
    )
    trial = try_rule(DRIFT, 0.25, 0.5, as_of=at(31), days=1)
    assert [one.subject for one in trial.fired] == ["feed"]


def test_a_rule_is_set_with_who_and_when() -> None:
    rule = AlertRule.objects.get(kind=DRIFT.value)
    values = {"enabled": True, "warning": 0.4, "critical": None, "quiet_checks": 2, "note": "calm"}
    change_rule(rule_id=rule.pk, by=None, as_of=at(9), **values)
    rule.refresh_from_db()
    assert {name: getattr(rule, name) for name in values} == values
    assert rule.changed_at == at(9)


def test_critical_below_warning_is_refused() -> None:
    rule = AlertRule.objects.get(kind=DRIFT.value)
    with pytest.raises(MonitoringRefused, match="below warning"):
        change_rule(
            rule_id=rule.pk,
            enabled=True,
            warning=0.5,
            critical=0.2,
            quiet_checks=1,
            note="",
            by=None,
            as_of=at(9),
        )
    rule.refresh_from_db()
    assert rule.warning == 0.25
