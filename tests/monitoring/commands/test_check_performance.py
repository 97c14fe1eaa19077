"""The command: the same check by hand, as sentences or as JSON."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from scoring.models import MaturityWindow
from tests.factories.rows import a_lead, a_prediction, a_release, a_version, days_ago

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("check_performance", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def _one_lead() -> None:
    a_release(a_version(), opened_at=days_ago(100))
    MaturityWindow.objects.create(source_system="crm", set_days=30.0)
    a_prediction(a_lead(created=days_ago(40)), scored_at=days_ago(40))


@pytest.mark.usefixtures("_one_lead")
def test_it_says_what_it_rests_on() -> None:
    text = said("--as-of", "2026-06-01T09:00:00Z")
    assert "Version 1, serving (serves): 1 ripe leads, 0 converted, 0 wait." in text
    assert "ROC-AUC: not enough data" in text


@pytest.mark.usefixtures("_one_lead")
def test_it_writes_one_json_object_of_one_version() -> None:
    found = json.loads(said("--as-of", "2026-06-01T09:00:00Z", "--version", "1", "--json"))
    assert [one["ripe"] for one in found["checks"]] == [1]


@pytest.mark.usefixtures("_one_lead")
def test_it_refuses_what_it_cannot_read_in_a_sentence() -> None:
    with pytest.raises(CommandError, match="There is no version 7"):
        said("--version", "7")
    for text in ("yesterday", "2026-06-01T09:00:00", "2026-13-45T00:00:00Z"):
        with pytest.raises(CommandError, match="expected one with its zone"):
            said("--as-of", text)


def test_it_says_that_there_is_nothing_to_judge() -> None:
    assert "nothing to judge" in said()
