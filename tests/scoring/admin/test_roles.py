"""Roles as groups, made by migration."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from tests.factories.people import ROLES, make_roles

pytestmark = pytest.mark.django_db


def permissions() -> dict[str, list[str]]:
    return {
        group.name: sorted(group.permissions.values_list("codename", flat=True))
        for group in Group.objects.all()
    }


def test_it_makes_the_five_roles() -> None:
    assert set(permissions()) >= set(ROLES)


def test_it_gives_a_sales_rep_leads_and_predictions_only() -> None:
    assert permissions()["sales rep"] == [
        "change_lead",
        "override_lead",
        "view_lead",
        "view_prediction",
        "view_scoreoverride",
    ]


def test_it_lets_only_approvers_release_and_only_analysts_train() -> None:
    holders = {
        code: {name for name, held in permissions().items() if code in held}
        for code in (
            *("activate_release", "activate_featureset", "start_training", "add_apikey", "merge_lead"),
            *("add_importrun", "change_importrun"),
        )
    }
    assert holders == {
        "activate_release": {"approver"},
        "activate_featureset": {"analyst"},
        "start_training": {"analyst"},
        "add_apikey": {"operator", "integrator"},
        "merge_lead": {"analyst", "operator"},
        "add_importrun": {"analyst", "integrator"},
        "change_importrun": {"analyst", "integrator", "operator"},
    }


def test_it_changes_nothing_when_run_again_and_mends_what_is_missing() -> None:
    before = permissions()
    make_roles()
    assert permissions() == before
    Group.objects.get(name="approver").delete()
    Group.objects.get(name="analyst").permissions.clear()
    make_roles()
    assert permissions() == before


def test_it_keeps_what_an_administrator_added() -> None:
    from django.contrib.auth.models import Permission

    extra = Permission.objects.get(codename="view_apikey")
    Group.objects.get(name="sales rep").permissions.add(extra)
    make_roles()
    assert "view_apikey" in permissions()["sales rep"]
