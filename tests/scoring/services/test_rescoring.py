"""Scoring many leads again: asked for, gone on with after a death, stopped, refused in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from leadscoring.common import claims
from scoring import loader
from scoring.models import Lead, Prediction, Release, RescoreRun
from scoring.services import maintenance, rescoring
from scoring.services.rescoring import RescoreRefused, cancel_rescore, request_rescore, run_rescore
from tests.factories.rows import NOW, a_lead, counts, days_ago
from tests.factories.trained import GOOD, POOR, a_served_release

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescoring, "BATCH", 2)


def some_leads(n: int = 7) -> list[Lead]:
    return [
        a_lead(f"L-{i}", attributes=GOOD if i % 2 else POOR, stage="won" if i < 3 else "new")
        for i in range(n)
    ]


def asked(lead_ids: Sequence[UUID] = (), **changes: Any) -> RescoreRun:
    return request_rescore(
        **{
            "filters": {}, "owner_names": (), "lead_ids": lead_ids, "reason": "new model", "requested_by": None,
            "as_of": NOW, "wake": False, **changes,
        }
    )  # fmt: skip


def scored_once() -> dict[str, int]:
    """Leads by how often they were scored."""
    return {lead.external_id: Prediction.objects.filter(lead=lead).count() for lead in Lead.objects.all()}


def test_every_lead_that_matches_is_scored_once_with_the_cause() -> None:
    some_leads()
    a_served_release()
    run = asked(filters={"stage": "won"})
    assert run.leads_expected == 3
    run_rescore(run.pk, clock=lambda: NOW)
    run.refresh_from_db()
    assert (run.state, run.leads_done, run.progress) == ("done", 3, 1.0)
    assert sum(run.grade_changes.values()) == 3
    assert {p.cause for p in Prediction.objects.all()} == {"rescore"}
    assert {key for key, n in scored_once().items() if n == 1} == {"L-0", "L-1", "L-2"}
    run_rescore(run.pk)
    assert Prediction.objects.count() == 3, "running it again changes nothing"


def test_chosen_leads_are_scored_whatever_the_filters_say() -> None:
    leads = some_leads()
    a_served_release()
    run = asked([leads[5].pk, leads[6].pk], filters={"nonsense": "1"})
    run_rescore(run.pk)
    assert {key for key, n in scored_once().items() if n} == {"L-5", "L-6"}


def test_a_lead_that_came_later_is_not_part_of_it() -> None:
    some_leads(2)
    a_served_release()
    run = asked()
    a_lead("late", first_seen=days_ago(-1, now=timezone.now()))
    run_rescore(run.pk)
    assert scored_once() == {"L-0": 1, "L-1": 1, "late": 0}


@pytest.mark.parametrize("dies_in", [0, 1, 2, 3])
def test_after_a_worker_dies_the_next_one_goes_on_and_no_lead_is_scored_twice(
    dies_in: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_leads()
    a_served_release()
    run = asked()
    real, calls = rescoring.rescore, []

    def dying(*args: Any, **kwargs: Any) -> int:
        done = real(*args, **kwargs)
        if len(calls) == dies_in:
            # Nothing is caught or closed: as with kill -9, only what was committed is left.
            raise SystemExit
        calls.append(done)
        return done

    monkeypatch.setattr(rescoring, "rescore", dying)
    with pytest.raises(SystemExit):
        run_rescore(run.pk)
    run.refresh_from_db()
    assert (run.state, run.leads_done) == ("running", 2 * dies_in)
    monkeypatch.setattr(rescoring, "rescore", real)
    run_rescore(run.pk)
    assert Prediction.objects.count() == 2 * dies_in, "its lease still holds"
    RescoreRun.objects.filter(pk=run.pk).update(lease_until=days_ago(9_999))
    assert claims.stale(RescoreRun) == [run.pk]
    run_rescore(run.pk)
    run.refresh_from_db()
    assert (run.state, run.leads_done) == ("done", 7)
    assert set(scored_once().values()) == {1}


def test_a_worker_that_lost_its_row_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    some_leads()
    a_served_release()
    run = asked()
    real = rescoring.rescore

    def overtaken(*args: Any, **kwargs: Any) -> int:
        RescoreRun.objects.filter(pk=run.pk).update(fence=99)
        return real(*args, **kwargs)

    monkeypatch.setattr(rescoring, "rescore", overtaken)
    run_rescore(run.pk)
    assert not Prediction.objects.exists()
    assert RescoreRun.objects.get().leads_done == 0


def test_it_stops_on_request_and_keeps_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    some_leads()
    a_served_release()
    run = asked()
    monkeypatch.setattr(claims.Lease, "__init__", eager_lease(claims.Lease.__init__))
    real = rescoring.rescore

    def stopping(*args: Any, **kwargs: Any) -> int:
        cancel_rescore(run.pk)
        return real(*args, **kwargs)

    monkeypatch.setattr(rescoring, "rescore", stopping)
    run_rescore(run.pk)
    run.refresh_from_db()
    assert (run.state, run.leads_done) == ("cancelled", 2)
    assert "2 leads were scored" in run.message
    assert Prediction.objects.count() == 2


def eager_lease(init: Any) -> Any:
    """A lease that writes every progress, so that no test waits for a second to pass."""

    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **{**kwargs, "every": 0.0})

    return made


def test_queued_work_is_cancelled_at_once() -> None:
    some_leads()
    a_served_release()
    run = asked()
    assert cancel_rescore(run.pk)
    run_rescore(run.pk)
    assert not Prediction.objects.exists()
    assert not cancel_rescore(run.pk)


def test_a_long_run_goes_on_in_the_next_task() -> None:
    some_leads()
    a_served_release()
    run = asked()
    for done in (2, 4, 6):
        run_rescore(run.pk, slice_seconds=0.0)
        run.refresh_from_db()
        assert (run.state, run.leads_done, run.attempts) == ("queued", done, 0)
    run_rescore(run.pk)
    assert set(scored_once().values()) == {1}


def test_it_says_so_when_the_model_is_gone_half_way(monkeypatch: pytest.MonkeyPatch) -> None:
    some_leads()
    a_served_release()
    run = asked()
    Release.objects.update(is_open=False, closed_at=NOW)
    loader.forget()
    run_rescore(run.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "No model serves any more" in run.error


def test_the_sweep_wakes_a_run_whose_message_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    some_leads(2)
    a_served_release()
    run = asked()
    woken: list[Any] = []
    monkeypatch.setattr(maintenance, "enqueue", lambda *args: woken.append(args))
    maintenance.sweep(as_of=NOW)
    assert ("scoring.tasks.run_rescore", run.pk) in woken


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": "  "}, "reason"),
        ({"filters": {"grade": "Z"}}, "grade"),
        ({"filters": {"stage": "none such"}}, "No lead"),
        ({"lead_ids": [UUID(int=1)]}, "No lead"),
        ({"lead_ids": [UUID(int=i) for i in range(1001)]}, "at most 1,000"),
    ],
)
def test_it_refuses_in_words(changes: dict[str, Any], said: str) -> None:
    some_leads(2)
    a_served_release()
    before = counts()
    with pytest.raises(RescoreRefused, match=said):
        asked(**changes)
    assert counts() == before


def test_it_refuses_while_nothing_serves_and_while_another_is_under_way() -> None:
    some_leads(2)
    with pytest.raises(RescoreRefused, match="Activate a version"):
        asked()
    a_served_release()
    loader.forget()
    asked()
    with pytest.raises(RescoreRefused, match="queued"):
        asked()
