"""New grade limits: every scored lead gets the grade its score has; what was said stays said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from leadscoring.common import claims
from scoring import tasks
from scoring.contracts import GradeMode, ScoringError
from scoring.models import GradeBand, Lead, Prediction, Regrade
from scoring.services import grades
from scoring.services.grades import mend_grades, run_regrade
from scoring.services.releases import set_grade_limits, set_grade_shares
from tests.factories.rows import NOW, a_lead, a_prediction, an_outcome, counts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


def set_limits(a: int = 90, b: int = 70, c: int = 40, **changes: Any) -> GradeBand:
    return set_grade_limits(**{"a": a, "b": b, "c": c, "by": None, "reason": "x", "as_of": NOW, **changes})


def leads(*rows: tuple[int | None, str]) -> None:
    for number, (score, grade) in enumerate(rows):
        a_lead(f"L-{number}", score=score, grade=grade, scored_at=NOW - timedelta(days=1))


def graded() -> list[str]:
    return list(Lead.objects.order_by("external_id").values_list("grade", flat=True))


def pending() -> Regrade:
    return Regrade.objects.get(state="queued")


def test_every_scored_lead_gets_the_grade_of_its_score() -> None:
    leads((95, "A"), (80, "A"), (60, "B"), (39, "C"), (None, ""))
    an_outcome(Lead.objects.get(external_id="L-1"))
    set_limits()
    assert graded() == ["A", "A", "B", "C", ""], "nothing changes before a worker comes"
    assert run_regrade(pending().pk) == 3
    assert graded() == ["A", "B", "C", "D", ""]
    row = Regrade.objects.get()
    assert (row.state, row.leads_seen, row.leads_changed, row.progress) == ("done", 4, 3, 1.0)
    assert row.message == "4 scored leads looked at; 3 have another grade now."


def test_predictions_keep_the_grade_that_was_said() -> None:
    leads((80, "A"))
    said = a_prediction(Lead.objects.get(), score=80, grade="A")
    set_limits()
    run_regrade(pending().pk)
    assert Prediction.objects.get(pk=said.pk).grade == "A"
    assert graded() == ["B"]


def test_setting_the_old_limits_again_undoes_it() -> None:
    leads((95, "A"), (80, "A"), (60, "B"), (39, "C"))
    set_limits()
    run_regrade(pending().pk)
    set_limits(75, 50, 25)
    run_regrade(pending().pk)
    assert graded() == ["A", "A", "B", "C"]


def test_a_pass_that_was_killed_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    leads(*[(80, "A")] * 7)
    monkeypatch.setattr(grades, "BATCH", 2)
    set_limits()
    row = pending()
    real, batches = grades._apply, []

    def dies_in_the_third(page: Any, limits: Any) -> int:
        batches.append(page.count())
        if len(batches) == 3:
            raise KeyboardInterrupt
        return real(page, limits)

    monkeypatch.setattr(grades, "_apply", dies_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        run_regrade(row.pk)
    assert graded().count("B") == 4
    # Its lease runs out, and the sweep finds it.
    Regrade.objects.filter(pk=row.pk).update(lease_until=NOW - timedelta(days=9999))
    assert claims.stale(Regrade) == [row.pk]
    monkeypatch.setattr(grades, "_apply", real)
    assert run_regrade(row.pk) == 7
    row.refresh_from_db()
    assert (graded(), row.leads_seen, row.leads_changed, row.attempts) == (["B"] * 7, 7, 7, 2)


def test_one_that_lost_its_claim_writes_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    leads(*[(80, "A")] * 4)
    monkeypatch.setattr(grades, "BATCH", 2)
    set_limits()
    row = pending()
    real = grades._next_keys
    calls: list[int] = []

    def overtaken(scored: Any, after: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            Regrade.objects.filter(pk=row.pk).update(fence=99)
        return real(scored, after)

    monkeypatch.setattr(grades, "_next_keys", overtaken)
    assert run_regrade(row.pk) is None
    assert graded() == ["B", "B", "A", "A"]


def test_two_workers_at_once_regrade_once() -> None:
    leads((80, "A"))
    set_limits()
    row = pending()
    assert run_regrade(row.pk) == 1
    assert run_regrade(row.pk) is None
    assert run_regrade(999) is None


def test_newer_limits_stop_the_pass_for_older_ones() -> None:
    leads((80, "A"))
    set_limits()
    older = pending()
    set_limits(95, 85, 60)
    older.refresh_from_db()
    assert older.state == "cancelled"
    assert run_regrade(older.pk) is None
    assert run_regrade(pending().pk) == 1
    assert graded() == ["C"]


def test_a_pass_under_way_stops_for_newer_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    leads(*[(80, "A")] * 4)
    monkeypatch.setattr(grades, "BATCH", 2)
    set_limits()
    row = pending()
    real = grades._next_keys
    calls: list[int] = []

    def asked_to_stop(scored: Any, after: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            claims.request_cancel(Regrade, row.pk)
        return real(scored, after)

    monkeypatch.setattr(grades, "_next_keys", asked_to_stop)
    assert run_regrade(row.pk) is None
    row.refresh_from_db()
    assert (row.state, row.leads_seen) == ("cancelled", 2)


def test_a_failure_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    leads((80, "A"))
    set_limits()
    row = pending()
    monkeypatch.setattr(grades, "_next_keys", lambda scored, after: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_regrade(row.pk)
    row.refresh_from_db()
    assert (row.state, row.error) == ("queued", "ZeroDivisionError: division by zero")


def test_a_lead_graded_by_old_limits_meanwhile_is_mended() -> None:
    set_limits()
    run_regrade(pending().pk)
    a_lead("late", score=80, grade="A", scored_at=NOW + timedelta(seconds=1))
    a_lead("long before", score=80, grade="A", scored_at=NOW - timedelta(days=1))
    assert mend_grades(as_of=NOW + timedelta(minutes=1)) == 1
    assert Lead.objects.get(external_id="late").grade == "B"
    assert Lead.objects.get(external_id="long before").grade == "A", "that is the pass's to do"
    assert mend_grades(as_of=NOW + timedelta(minutes=1)) == 0
    Lead.objects.filter(external_id="late").update(grade="A")
    assert mend_grades(as_of=NOW + timedelta(minutes=11)) == 0, "ten minutes are enough for every worker"


def test_the_sweep_wakes_a_pass_whose_message_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[Any] = []
    monkeypatch.setattr("scoring.services.maintenance.enqueue", lambda path, pk: woken.append((path, pk)))
    set_limits()
    tasks.sweep()
    assert woken == [("scoring.tasks.run_regrade", pending().pk)]
    tasks.run_regrade(pending().pk)
    assert Regrade.objects.get().state == "done"


def test_shares_set_the_limits_and_are_kept() -> None:
    band = set_grade_shares(a=10, b=20, c=30, d=40, by=None, reason="x", as_of=NOW)
    assert (band.a, band.b, band.c, band.mode) == (90, 70, 40, GradeMode.SHARES)
    assert band.shares_shown() == "A 10 %, B 20 %, C 30 %, D 40 %"
    fixed = set_limits(as_of=NOW + timedelta(seconds=1))
    assert (fixed.mode, fixed.shares, fixed.shares_shown()) == (GradeMode.LIMITS, {}, "")


@pytest.mark.parametrize("shares", [(10, 20, 30, 41), (0, 30, 30, 40), (50, 30, 19, 1)])
def test_shares_that_cannot_be_are_refused_and_nothing_is_written(shares: tuple[int, ...]) -> None:
    before = counts()
    a, b, c, d = shares
    with pytest.raises(ScoringError, match=r"expected .*\.$"):
        set_grade_shares(a=a, b=b, c=c, d=d, by=None, reason="x", as_of=NOW)
    assert counts() == before


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_refused_change_starts_no_pass(reason: str) -> None:
    with pytest.raises(ScoringError):
        set_limits(reason=reason)
    assert Regrade.objects.count() == 0
