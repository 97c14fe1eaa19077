"""From readings to alerts: one for each cause, opened, changed and cleared by checks."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import IntegrityError, transaction

from monitoring.contracts import AlertLevel, RuleKind
from monitoring.models import Alert, AlertRule, StoredReading
from monitoring.services.rules import ensure_rules
from tests.factories.watch import DRIFT, START, a_reading, a_story, at, history, look, the_alert

pytestmark = pytest.mark.django_db
VOLUME = RuleKind.VOLUME


@pytest.fixture(autouse=True)
def _rules() -> None:
    ensure_rules()


def set_rule(kind: RuleKind = DRIFT, **fields: object) -> None:
    AlertRule.objects.filter(kind=kind.value).update(**fields)


@pytest.mark.parametrize(
    ("value", "sure", "level"),
    [
        (0.24, "critical", None),
        (0.25, "critical", "warning"),
        (0.5, "critical", "critical"),
        (0.9, "warning", "warning"),
        (0.9, "info", "info"),
        (0.9, None, None),
        (None, "critical", None),
        (float("nan"), "critical", None),
        (float("inf"), "critical", "critical"),
    ],
)
def test_a_level_needs_its_limit_and_evidence_that_carries_it(
    value: float | None, sure: str | None, level: str | None
) -> None:
    look(0, a_reading(value=value, sure=AlertLevel(sure) if sure else None))
    assert (the_alert().level if level else Alert.objects.first()) == level


def test_own_limits_of_a_subject_go_before_the_rules() -> None:
    look(
        0,
        a_reading("feature=a", 0.3, limits=(0.4, 0.8)),
        a_reading("feature=b", 0.15, limits=(0.1, None)),
        a_reading("feature=c", 9.0, limits=(None, None)),
    )
    assert [(alert.subject, alert.level) for alert in Alert.objects.all()] == [("feature=b", "warning")]


def test_a_rule_without_a_warning_never_warns() -> None:
    set_rule(warning=None)
    look(0, a_reading("feature=a", 0.4), a_reading("feature=b", 0.6, sure=AlertLevel.WARNING))
    assert not Alert.objects.exists()


def test_it_opens_once_goes_on_and_clears_by_itself() -> None:
    look(0, a_reading(value=0.3))
    look(1, a_reading(value=0.4, story=a_story("It moved further")))
    alert = the_alert()
    assert (alert.onset, alert.last_seen, alert.value, alert.title) == (START, at(1), 0.4, "It moved further")
    assert history(alert) == ["onset"]
    look(2, a_reading(value=0.1))
    alert.refresh_from_db()
    assert (alert.state, alert.closed_at, alert.close_reason) == ("closed", at(2), "")
    assert history(alert) == ["onset", "cleared"]


def test_it_gets_worse_and_better_and_keeps_its_highest_level() -> None:
    for hour, value in enumerate((0.3, 0.6, 0.3)):
        look(hour, a_reading(value=value))
    alert = the_alert()
    assert history(alert) == ["onset", "got worse", "got better"]
    assert (alert.level, alert.highest_level) == ("warning", "critical")


def test_too_little_data_leaves_an_open_alert_as_it_is() -> None:
    look(0, a_reading(value=0.3))
    look(1, a_reading(value=None))
    assert (the_alert().state, the_alert().last_seen, the_alert().value) == ("open", START, 0.3)


def test_a_subject_that_is_gone_clears() -> None:
    look(0, a_reading("feature=a"), a_reading("feature=b"))
    look(1, a_reading("feature=a"))
    assert list(Alert.objects.filter(state="open").values_list("subject", flat=True)) == ["feature=a"]
    gone = Alert.objects.get(subject="feature=b")
    assert "no longer measured" in gone.events.last().text  # type: ignore[union-attr]  # there is one


def test_it_clears_after_so_many_quiet_checks_in_a_row() -> None:
    set_rule(quiet_checks=2)
    for hour, value in enumerate((0.3, 0.1, 0.3, 0.1)):
        look(hour, a_reading(value=value))
    assert the_alert().state == "open"
    look(4, a_reading(value=0.1))
    assert the_alert().state == "closed"


def test_a_rule_that_is_switched_off_clears_its_alerts() -> None:
    look(0, a_reading())
    set_rule(enabled=False)
    look(1, a_reading())
    assert the_alert().state == "closed"


def test_readings_of_one_cause_make_one_alert_and_the_heaviest_speaks() -> None:
    cause = "source=Website"
    look(
        0,
        *(a_reading(f"feature={n}", 0.3, cause=cause, weight=n) for n in range(9)),
        a_reading(
            "source=Website", 0.95, kind=VOLUME, cause=cause, weight=100, story=a_story("No leads come")
        ),
        kinds=(DRIFT, VOLUME),
    )
    alert = the_alert()
    assert (alert.title, alert.kind, alert.level) == ("No leads come", "volume", "critical")
    assert [part["subject"] for part in alert.members][:2] == ["feature=8", "feature=7"]
    assert len(alert.members) == 9
    look(1, kinds=(DRIFT, VOLUME))
    assert (the_alert().state, len(history(the_alert()))) == ("closed", 2)


def test_two_checks_with_one_cause_share_an_alert_and_each_speaks_for_its_own_part() -> None:
    look(0, a_reading("feature=a", cause="feed"))
    look(0.5, a_reading("all", 0.6, kind=VOLUME, cause="feed", weight=5), kinds=(VOLUME,))
    assert len(the_alert().parts) == 2
    look(1)
    assert (the_alert().state, len(the_alert().parts)) == ("open", 1)
    look(1.5, a_reading("all", 0.1, kind=VOLUME), kinds=(VOLUME,))
    assert the_alert().state == "closed"


def test_a_reading_that_gets_a_cause_moves_to_that_alert() -> None:
    look(0, a_reading("feature=a"))
    look(1, a_reading("feature=a", cause="feed"), a_reading("feature=b", cause="feed"))
    old, new = Alert.objects.order_by("pk")
    assert (old.state, new.state, len(new.parts)) == ("closed", "open", 2)
    assert "goes on in their alert" in old.events.last().text  # type: ignore[union-attr]  # there is one


def test_an_undecided_part_of_a_group_stays_while_others_leave() -> None:
    look(0, a_reading("feature=a", cause="feed"), a_reading("feature=b", cause="feed"))
    look(1, a_reading("feature=a", None), a_reading("feature=b", 0.0))
    assert (the_alert().state, [part["subject"] for part in the_alert().parts]) == ("open", ["feature=a"])
    assert history(the_alert()) == ["onset", "updated"]


def test_the_same_check_twice_changes_nothing() -> None:
    set_rule(quiet_checks=2)
    look(0, a_reading())
    look(1, a_reading(value=0.0))
    before = Alert.objects.values().get()
    look(1, a_reading(value=0.0))
    assert Alert.objects.values().get() == before
    assert StoredReading.objects.count() == 2


@pytest.mark.parametrize("late", [0.0, 0.9])
def test_an_older_check_that_comes_late_undoes_nothing(late: float) -> None:
    look(0, a_reading(value=0.3))
    look(2, a_reading(value=0.6))
    before = Alert.objects.values().get()
    look(1, a_reading(value=late))
    assert Alert.objects.values().get() == before
    assert StoredReading.objects.count() == 3


def test_a_late_check_of_a_cleared_condition_opens_nothing() -> None:
    look(2, a_reading(value=0.0))
    look(1, a_reading(value=0.9))
    assert not Alert.objects.exists()


def test_a_check_of_other_kinds_leaves_alerts_alone() -> None:
    look(0, a_reading())
    look(1, kinds=(VOLUME,))
    assert the_alert().state == "open"


def test_a_condition_that_comes_back_is_a_new_alert() -> None:
    for hour, value in enumerate((0.3, 0.0, 0.3)):
        look(hour, a_reading(value=value))
    assert list(Alert.objects.order_by("pk").values_list("state", flat=True)) == ["closed", "open"]


def test_the_database_holds_one_standing_alert_for_each_fingerprint() -> None:
    look(0, a_reading())
    alert = the_alert()
    alert.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        alert.save(force_insert=True)


def test_a_check_that_fails_leaves_no_alert() -> None:
    def check() -> None:
        with transaction.atomic():
            look(0, a_reading())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        check()
    assert not Alert.objects.exists()
    look(0, a_reading())
    assert the_alert().state == "open"


@pytest.mark.parametrize(
    "nasty", ["a\x00b", "<script>alert(1)</script>", "\ud800", "x" * 5000, "𝕏" * 400, "a\r\nb"]
)
def test_any_text_of_a_lead_is_kept_as_plain_words(nasty: str) -> None:
    reading = a_reading(f"category={nasty}", story=a_story(nasty, what=nasty, link=nasty), cause=nasty)
    look(0, reading)
    look(1, reading)
    alert = the_alert()
    assert alert.last_seen == at(1)
    assert len(alert.subject) <= 300
    assert "\x00" not in alert.title + alert.subject + alert.what
    assert alert.link == ""


def test_two_long_subjects_stay_two() -> None:
    look(0, a_reading("x" * 400 + "a"), a_reading("x" * 400 + "b"))
    assert Alert.objects.count() == 2


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "//evil.example", "https://evil.example", "/\\evil.example"]
)
def test_a_link_leads_into_this_site_or_nowhere(link: str) -> None:
    look(0, a_reading(story=a_story(link=link)))
    assert the_alert().link == ""


def test_rules_are_made_once_and_never_overwritten() -> None:
    assert AlertRule.objects.count() == len(RuleKind)
    set_rule(warning=0.4, enabled=False)
    ensure_rules()
    rule = AlertRule.objects.get(kind=DRIFT.value)
    assert (rule.warning, rule.enabled) == (0.4, False)


def test_a_check_finds_its_rule_missing_and_makes_it() -> None:
    AlertRule.objects.all().delete()
    look(0, a_reading())
    assert the_alert().level == "warning"
    assert AlertRule.objects.get().judged_at == datetime(2026, 11, 2, 9, tzinfo=START.tzinfo)
