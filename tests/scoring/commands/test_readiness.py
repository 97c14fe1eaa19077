"""`manage.py readiness`."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command

from tests.factories.learned import some_leads
from tests.factories.rows import counts

pytestmark = pytest.mark.django_db


def readiness(*words: str) -> str:
    out = io.StringIO()
    call_command("readiness", *words, stdout=out)
    return out.getvalue()


def test_it_prints_one_json_object() -> None:
    some_leads(80)
    before = counts()
    document = json.loads(readiness("--json"))
    assert document["need"] == {"leads": 1000, "rarer_outcome": 120, "days_watched": 180}
    assert document["have"]["leads"] == document["ripe"]["leads"] > 0
    assert document["enough"] is False
    assert set(document["enough_in_days"]) == {"leads", "rarer_outcome", "both"}
    assert counts() == before


def test_it_says_it_in_lines_and_on_an_empty_database_too() -> None:
    said = readiness()
    assert "Ripe leads: 0 of 1,000: not at this pace: no lead was created in the last 60 days." in said
    assert "Training today would try: none." in said
