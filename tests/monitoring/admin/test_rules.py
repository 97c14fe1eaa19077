"""Rules in the admin: tried on the past before they are saved."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from monitoring.contracts import Looked
from monitoring.models import AlertRule
from monitoring.services.readings import record
from monitoring.services.rules import ensure_rules
from tests.factories.people import a_person
from tests.factories.watch import DRIFT, a_reading

pytestmark = pytest.mark.django_db
FORM = {"enabled": "on", "warning": "0.4", "critical": "", "quiet_checks": "2", "note": "calm"}
SHOWN = "True|0.4|None|2"


@pytest.fixture
def rule() -> AlertRule:
    ensure_rules()
    now = timezone.now()
    for days, value in ((9, 0.3), (8, 0.0), (7, 0.3), (6, 0.0), (5, 0.45), (4, 0.0)):
        record(Looked(now - timedelta(days=days), frozenset({DRIFT}), (a_reading(value=value),)))
    return AlertRule.objects.get(kind=DRIFT.value)


def edit(rule: AlertRule) -> str:
    return f"/admin/monitoring/alertrule/{rule.pk}/edit/"


def test_the_page_shows_what_the_limits_would_have_done(rule: AlertRule, admin_client: Client) -> None:
    text = admin_client.get(f"/admin/monitoring/alertrule/{rule.pk}/change/").content.decode()
    assert '<span class="ls-big">3</span> times in 90 days' in text
    assert "6 readings of 6 checks" in text
    assert "<svg" in text


def test_a_preview_compares_and_saves_nothing(rule: AlertRule, admin_client: Client) -> None:
    text = admin_client.post(edit(rule), {**FORM, "_preview": "1"}).content.decode()
    assert '<span class="ls-big">3</span> times in 90 days' in text
    assert '<span class="ls-big">1</span> time in 90 days' in text
    assert f'name="_save" value="{SHOWN}"' in text
    rule.refresh_from_db()
    assert rule.warning == 0.25


def test_what_was_tried_is_saved(rule: AlertRule, admin_client: Client) -> None:
    assert admin_client.post(edit(rule), {**FORM, "_save": SHOWN}).status_code == 302
    rule.refresh_from_db()
    assert (rule.warning, rule.critical, rule.quiet_checks, rule.note) == (0.4, None, 2, "calm")
    assert str(rule.changed_by) == "admin"


def test_limits_changed_after_the_preview_are_tried_first(rule: AlertRule, admin_client: Client) -> None:
    answer = admin_client.post(edit(rule), {**FORM, "warning": "0.2", "_save": SHOWN})
    assert "changed after they were tried" in answer.content.decode()
    rule.refresh_from_db()
    assert rule.warning == 0.25


@pytest.mark.parametrize(
    "wrong",
    [
        {"warning": "0.5", "critical": "0.4"},
        {"warning": "-1"},
        {"warning": "nan"},
        {"warning": "inf"},
        {"warning": "much"},
        {"quiet_checks": "0"},
        {"note": "a\x00b"},
    ],
)
def test_limits_that_make_no_sense_are_refused(
    wrong: dict[str, str], rule: AlertRule, admin_client: Client
) -> None:
    assert admin_client.post(edit(rule), {**FORM, **wrong, "_save": SHOWN}).status_code == 400
    rule.refresh_from_db()
    assert rule.warning == 0.25


@pytest.mark.parametrize(
    ("role", "reads", "edits"),
    [("analyst", 200, 302), ("operator", 200, 302), ("approver", 200, 403), ("nobody", 403, 403)],
)
def test_each_role_does_what_it_may(role: str, reads: int, edits: int, rule: AlertRule) -> None:
    client = Client()
    client.force_login(a_person(role))
    assert client.get(f"/admin/monitoring/alertrule/{rule.pk}/change/").status_code == reads
    assert client.post(edit(rule), {**FORM, "_save": SHOWN}).status_code == edits


def test_a_rule_without_a_past_says_so(admin_client: Client) -> None:
    ensure_rules()
    for rule in AlertRule.objects.all():
        text = admin_client.get(f"/admin/monitoring/alertrule/{rule.pk}/change/").content.decode()
        assert "nothing can be said" in text
    assert (
        admin_client.get("/admin/monitoring/alertrule/").content.decode().count("data-row")
        == AlertRule.objects.count()
    )
