"""Maturity windows estimated from all that is known; what a person set stays in force."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scoring.models import MaturityWindow
from scoring.services.maturity import estimate_windows
from tests.factories.rows import NOW, a_lead, an_outcome, days_ago

pytestmark = pytest.mark.django_db


def leads(n: int, *, source: str = "crm") -> None:
    """Leads over a year; each third one converted within ten days."""
    for at in range(n):
        age = 5 + 360 * at / n
        lead = a_lead(f"{source}-{at}", source_system=source, created=days_ago(age), first_seen=days_ago(age))
        if at % 3 == 0:
            when = days_ago(age) + timedelta(days=at % 10)
            if when < NOW:
                an_outcome(lead, occurred_at=when, recorded_at=when)


def test_the_window_of_a_source_is_where_nearly_all_its_conversions_have_come() -> None:
    leads(180)
    (row,) = estimate_windows(as_of=NOW)
    assert row.source_system == "crm"
    assert row.estimated_days == pytest.approx(9, abs=2)
    assert row.estimated_at == NOW
    assert "conversions" in row.estimate_note


def test_days_set_by_hand_stay_in_force() -> None:
    leads(180)
    MaturityWindow.objects.create(source_system="crm", set_days=45.0)
    (row,) = estimate_windows(as_of=NOW)
    assert row.days == 45.0
    assert row.estimated_days is not None


def test_too_few_conversions_leave_the_horizon_and_say_so() -> None:
    leads(12)
    (row,) = estimate_windows(as_of=NOW)
    assert row.estimated_days == 180.0
    assert "30 are needed" in row.estimate_note


def test_an_estimate_does_not_go_back_in_time() -> None:
    leads(60)
    estimate_windows(as_of=NOW)
    assert estimate_windows(as_of=NOW - timedelta(days=3)) == []
    assert MaturityWindow.objects.get().estimated_at == NOW


def test_without_leads_there_is_nothing_to_estimate() -> None:
    assert estimate_windows(as_of=NOW) == []
