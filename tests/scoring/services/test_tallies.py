"""Counts for the pages of the grade limits: asked for, taken once, kept, and taken again after a regrade."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from leadscoring.common import claims
from scoring import tasks
from scoring.models import GradeTally, Regrade
from scoring.selectors.grade_tally import newest_tally
from scoring.services import tallies
from scoring.services.grades import run_regrade
from scoring.services.maintenance import sweep
from scoring.services.releases import set_grade_limits
from scoring.services.tallies import current_tally, first_tally, request_tally, run_tally
from tests.factories.rows import NOW, a_lead

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]
Woken = list[tuple[str, Any]]


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two leads are too many to count at a view."""
    monkeypatch.setattr(tallies, "COUNTED_LIVE", 1)
    a_lead("one", score=80, grade="A")
    a_lead("two", score=80, grade="A")


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> Woken:
    found: Woken = []
    for module in ("tallies", "maintenance", "grades"):
        monkeypatch.setattr(
            f"scoring.services.{module}.enqueue", lambda path, *ids: found.append((path, *ids))
        )
    return found


def asked() -> int:
    """Ask for a count; the key of its row."""
    row = request_tally()
    assert row is not None
    return row.pk


@pytest.mark.usefixtures("many")
def test_a_count_is_kept_and_read_until_the_next() -> None:
    assert current_tally(as_of=NOW) is None
    assert run_tally(asked(), as_of=NOW)
    row = GradeTally.objects.get()
    assert (row.state, row.progress, row.message) == ("done", 1.0, "2 scored leads counted.")
    counted = current_tally(as_of=NOW + timedelta(hours=1))
    assert counted is not None
    assert (counted.tally.everything, counted.taken_at, counted.live) == ({("A", 80): 2}, NOW, False)


def test_a_few_leads_need_no_count() -> None:
    a_lead("only", score=80, grade="A")
    assert request_tally() is None
    assert first_tally() is None
    tasks.count_readiness()
    assert not GradeTally.objects.exists()
    counted = current_tally(as_of=NOW)
    assert counted is not None
    assert counted.live


@pytest.mark.usefixtures("many")
def test_one_that_waits_already_is_enough(woken: Woken) -> None:
    first = asked()
    assert asked() == first
    assert woken == [("scoring.tasks.count_grades", first)] * 2
    GradeTally.objects.filter(pk=first).update(state="running")
    assert asked() != first, "what is being counted may hold what was true before"


@pytest.mark.usefixtures("many")
def test_of_two_workers_one_counts() -> None:
    pk = asked()
    assert run_tally(pk, as_of=NOW)
    assert not run_tally(pk, as_of=NOW)
    assert not run_tally(pk + 99, as_of=NOW)


@pytest.mark.usefixtures("many")
def test_one_that_lost_its_claim_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pk, real = asked(), tallies.weekly_grades

    def overtaken(**options: Any) -> Any:
        GradeTally.objects.filter(pk=pk).update(fence=99)
        return real(**options)

    monkeypatch.setattr(tallies, "weekly_grades", overtaken)
    assert not run_tally(pk, as_of=NOW)
    assert newest_tally() is None


@pytest.mark.usefixtures("many")
def test_a_failure_is_told_tried_again_and_then_left(monkeypatch: pytest.MonkeyPatch, woken: Woken) -> None:
    pk, real = asked(), tallies.count_grades
    monkeypatch.setattr(tallies, "count_grades", lambda **options: 1 / 0)
    for state in ("queued", "queued", "failed"):
        GradeTally.objects.update(next_attempt_at=None)
        with pytest.raises(ZeroDivisionError):
            run_tally(pk, as_of=NOW)
        row = GradeTally.objects.get()
        assert (row.state, row.error) == (state, "ZeroDivisionError: division by zero")
    woken.clear()
    sweep(as_of=NOW)
    assert ("scoring.tasks.count_grades", pk) not in woken
    assert GradeTally.objects.count() == 1, "the hourly count tries again, not every sweep"
    monkeypatch.setattr(tallies, "count_grades", real)
    tasks.count_readiness()
    tasks.count_grades(GradeTally.objects.get(state="queued").pk)
    assert [row.state for row in GradeTally.objects.all()] == ["done"]


@pytest.mark.usefixtures("many")
def test_old_counts_go() -> None:
    for hour in range(5):
        run_tally(asked(), as_of=NOW + timedelta(hours=hour))
    waiting = asked()
    kept = [row.taken_at for row in GradeTally.objects.exclude(pk=waiting)]
    assert kept == [NOW + timedelta(hours=hour) for hour in (4, 3, 2)]
    newest = newest_tally()
    assert newest is not None
    assert newest.taken_at == NOW + timedelta(hours=4)


@pytest.mark.usefixtures("many")
def test_the_sweep_asks_for_the_first_count_once_and_wakes_who_takes_it(woken: Woken) -> None:
    sweep(as_of=NOW)
    pk = GradeTally.objects.get().pk
    assert ("scoring.tasks.count_grades", pk) in woken
    sweep(as_of=NOW)
    assert GradeTally.objects.count() == 1
    tasks.count_grades(pk)
    woken.clear()
    sweep(as_of=NOW)
    assert "scoring.tasks.count_grades" not in [path for path, *_ in woken]
    assert GradeTally.objects.count() == 1


def test_the_sweep_asks_for_none_where_leads_are_few(woken: Woken) -> None:
    a_lead("only", score=80, grade="A")
    sweep(as_of=NOW)
    assert not GradeTally.objects.exists()


@pytest.mark.usefixtures("many")
def test_the_sweep_wakes_a_count_whose_worker_was_killed(woken: Woken) -> None:
    pk = asked()
    assert claims.claim(GradeTally, pk, lease_seconds=60) is not None
    GradeTally.objects.update(lease_until=NOW - timedelta(days=9999))
    woken.clear()
    sweep(as_of=NOW)
    assert ("scoring.tasks.count_grades", pk) in woken
    assert run_tally(pk, as_of=NOW)


@pytest.mark.usefixtures("many")
def test_a_regrade_ends_with_a_count_that_holds_the_new_grades(woken: Woken) -> None:
    run_tally(asked(), as_of=NOW)
    set_grade_limits(a=90, b=70, c=40, by=None, reason="x", as_of=NOW)
    woken.clear()
    run_regrade(Regrade.objects.get().pk)
    waiting = GradeTally.objects.get(state="queued")
    assert woken == [("scoring.tasks.count_grades", waiting.pk)]
    run_tally(waiting.pk, as_of=NOW + timedelta(minutes=1))
    counted = current_tally(as_of=NOW)
    assert counted is not None
    assert counted.tally.everything == {("B", 80): 2}


@pytest.mark.usefixtures("many")
def test_a_regrade_that_was_stopped_asks_for_no_count() -> None:
    set_grade_limits(a=90, b=70, c=40, by=None, reason="x", as_of=NOW)
    older = Regrade.objects.get().pk
    set_grade_limits(a=95, b=85, c=60, by=None, reason="x", as_of=NOW + timedelta(seconds=1))
    assert run_regrade(older) is None
    assert not GradeTally.objects.exists()
