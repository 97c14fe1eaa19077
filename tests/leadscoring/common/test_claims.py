from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from leadscoring.common import claims
from leadscoring.common.claims import Claim, Lease, LostClaim, WorkState
from scoring.models import ImportRun
from tests.processes import race

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)


@pytest.fixture(autouse=True)
def _three_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImportRun, "max_attempts", 3)


def queue(**fields: object) -> ImportRun:
    # One import a source may be open.
    source = f"file {ImportRun.objects.count()}"
    return ImportRun.objects.create(file_name="leads.csv", source_system=source, **fields)


def take(row: ImportRun, now: datetime | None = NOW) -> Claim:
    claim = claims.claim(ImportRun, row.pk, lease_seconds=60, now=now)
    assert claim is not None
    row.refresh_from_db()
    return claim


@pytest.mark.django_db
class TestClaim:
    def test_a_queued_row_is_taken_once(self) -> None:
        row = queue()
        claim = take(row)
        assert (claim.fence, claim.attempts) == (1, 1)
        assert row.state == WorkState.RUNNING
        assert row.started_at == NOW
        assert row.lease_until == NOW + timedelta(seconds=60)
        assert claims.claim(ImportRun, row.pk, lease_seconds=60, now=NOW) is None

    def test_database_time_is_used_unless_told_otherwise(self) -> None:
        row = queue()
        before = timezone.now()
        take(row, now=None)
        assert row.lease_until is not None
        assert row.started_at is not None
        assert abs((row.lease_until - before).total_seconds() - 60) < 30
        assert abs((row.started_at - before).total_seconds()) < 30
        assert claims.claim(ImportRun, row.pk, lease_seconds=60) is None

    def test_a_lease_that_ran_out_in_database_time_is_taken_over(self) -> None:
        row = queue()
        first = claims.claim(ImportRun, row.pk, lease_seconds=-1)
        second = claims.claim(ImportRun, row.pk, lease_seconds=60)
        assert first is not None
        assert second is not None
        assert second.fence == first.fence + 1

    def test_a_silent_workers_row_goes_to_another_and_keeps_its_first_start(self) -> None:
        row = queue()
        take(row)
        second = take(row, now=LATER)
        assert (second.fence, second.attempts) == (2, 2)
        assert row.started_at == NOW

    def test_a_row_that_waits_for_its_next_attempt_is_left_alone(self) -> None:
        row = queue(next_attempt_at=LATER)
        assert claims.claim(ImportRun, row.pk, lease_seconds=60, now=NOW) is None
        assert claims.claim(ImportRun, row.pk, lease_seconds=60, now=LATER) is not None

    @pytest.mark.parametrize("state", [WorkState.DONE, WorkState.FAILED, WorkState.CANCELLED])
    def test_finished_work_is_never_taken(self, state: WorkState) -> None:
        row = queue(state=state)
        assert claims.claim(ImportRun, row.pk, lease_seconds=60, now=NOW) is None

    def test_work_that_killed_its_workers_is_not_tried_for_ever(self) -> None:
        row = queue(state=WorkState.RUNNING, attempts=ImportRun.max_attempts, lease_until=NOW)
        assert claims.claim(ImportRun, row.pk, lease_seconds=60, now=LATER) is None
        assert claims.fail_exhausted(ImportRun, now=LATER) == 1
        row.refresh_from_db()
        assert row.state == WorkState.FAILED
        assert "fell silent 3 times" in row.error

    def test_the_progress_of_a_row_stays_a_share(self) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            queue(progress=1.5)


@pytest.mark.django_db
class TestHeldRow:
    def test_progress_extends_the_lease(self) -> None:
        row = queue()
        claim = take(row)
        assert not claims.renew(ImportRun, claim, lease_seconds=60, progress=0.25, message="¼", now=LATER)
        row.refresh_from_db()
        assert (row.progress, row.message) == (0.25, "¼")
        assert row.lease_until == LATER + timedelta(seconds=60)

    @pytest.mark.parametrize("share", [-1.0, 7.0])
    def test_progress_outside_its_range_is_clipped(self, share: float) -> None:
        row = queue()
        claims.renew(ImportRun, take(row), lease_seconds=60, progress=share)
        row.refresh_from_db()
        assert row.progress == min(max(share, 0.0), 1.0)

    def test_the_late_worker_may_write_nothing(self) -> None:
        row = queue()
        late = take(row)
        take(row, now=LATER)
        for write in (
            lambda: claims.renew(ImportRun, late, lease_seconds=60, progress=0.9),
            lambda: claims.finish(ImportRun, late, rows_read=99),
            lambda: claims.fail(ImportRun, late, "too late"),
            lambda: claims.cancel(ImportRun, late),
        ):
            with pytest.raises(LostClaim, match="claim number 1 no longer holds it"):
                write()
        row.refresh_from_db()
        assert (row.state, row.progress, row.rows_read, row.error) == (WorkState.RUNNING, 0.0, 0, "")

    def test_what_the_late_worker_wrote_is_undone_with_its_claim(self) -> None:
        row = queue()
        late = take(row)
        take(row, now=LATER)

        @transaction.atomic
        def write_results() -> None:
            queue(message="result of the late worker")
            claims.finish(ImportRun, late)

        with pytest.raises(LostClaim):
            write_results()
        assert not ImportRun.objects.filter(message="result of the late worker").exists()

    def test_finishing_closes_the_row_with_its_results(self) -> None:
        row = queue()
        claims.finish(ImportRun, take(row), message="Done.", rows_read=3, now=LATER)
        row.refresh_from_db()
        assert (row.state, row.progress, row.rows_read, row.message) == (WorkState.DONE, 1.0, 3, "Done.")
        assert (row.finished_at, row.lease_until) == (LATER, None)

    def test_a_failure_is_tried_again_later_while_attempts_are_left(self) -> None:
        row = queue()
        claims.fail(ImportRun, take(row), "broken pipe", retry_in=60, now=NOW)
        row.refresh_from_db()
        assert (row.state, row.error) == (WorkState.QUEUED, "broken pipe")
        assert row.next_attempt_at == NOW + timedelta(seconds=60)
        assert row.finished_at is None

    def test_the_last_failure_is_final(self) -> None:
        row = queue(attempts=ImportRun.max_attempts - 1)
        claims.fail(ImportRun, take(row), "broken pipe", retry_in=60, now=NOW)
        row.refresh_from_db()
        assert (row.state, row.finished_at) == (WorkState.FAILED, NOW)


@pytest.mark.django_db
class TestCancelling:
    def test_queued_work_is_cancelled_at_once(self) -> None:
        row = queue()
        assert claims.request_cancel(ImportRun, row.pk, now=NOW)
        row.refresh_from_db()
        assert row.state == WorkState.CANCELLED
        assert claims.claim(ImportRun, row.pk, lease_seconds=60, now=NOW) is None

    def test_running_work_hears_of_it_at_its_next_progress(self) -> None:
        row = queue()
        claim = take(row)
        assert claims.request_cancel(ImportRun, row.pk, now=NOW)
        assert claims.renew(ImportRun, claim, lease_seconds=60)
        claims.cancel(ImportRun, claim)
        row.refresh_from_db()
        assert row.state == WorkState.CANCELLED

    def test_finished_work_cannot_be_cancelled(self) -> None:
        row = queue(state=WorkState.DONE)
        assert not claims.request_cancel(ImportRun, row.pk)

    def test_work_asked_to_stop_is_closed_when_its_worker_is_gone(self) -> None:
        row = queue()
        take(row)
        claims.request_cancel(ImportRun, row.pk)
        assert claims.claim(ImportRun, row.pk, lease_seconds=60, now=LATER) is None
        assert claims.fail_exhausted(ImportRun, now=LATER) == 1
        row.refresh_from_db()
        assert row.state == WorkState.CANCELLED


@pytest.mark.django_db
def test_the_sweep_finds_what_is_due_and_what_fell_silent_oldest_first() -> None:
    due, silent = queue(), queue()
    take(silent)
    queue(next_attempt_at=LATER + timedelta(hours=1))
    queue(state=WorkState.DONE)
    exhausted = queue(state=WorkState.RUNNING, attempts=ImportRun.max_attempts, lease_until=NOW)
    held = queue()
    take(held, now=LATER)
    assert claims.stale(ImportRun, now=LATER) == [due.pk, silent.pk]
    assert exhausted.pk not in claims.stale(ImportRun, now=LATER)
    assert claims.stale(ImportRun, now=LATER, limit=1) == [due.pk]


@pytest.mark.django_db
def test_a_lease_writes_progress_at_most_once_a_second_and_always_at_the_end() -> None:
    row = queue()
    at = [0.0]
    lease = Lease(ImportRun, take(row), lease_seconds=60, clock=lambda: at[0])
    seen = []
    for moment, share in [(0.0, 0.1), (0.5, 0.2), (1.2, 0.3), (1.3, 1.0)]:
        at[0] = moment
        lease.progress("…", share)
        row.refresh_from_db()
        seen.append(row.progress)
    assert seen == [0.1, 0.1, 0.3, 1.0]
    claims.request_cancel(ImportRun, row.pk)
    at[0] = 5.0
    lease.progress("…", 0.5)
    assert lease.cancelled()
    with pytest.raises(claims.Cancelled):
        lease.stop_if_cancelled()


def claim_all(seed: int) -> list[int]:
    keys = list(ImportRun.objects.values_list("pk", flat=True))
    random.Random(seed).shuffle(keys)
    return [pk for pk in keys if claims.claim(ImportRun, pk, lease_seconds=60)]


@pytest.mark.django_db(transaction=True)
def test_processes_claiming_at_once_never_hold_the_same_row(tmp_path: Path) -> None:
    keys = [queue().pk for _ in range(60)]
    taken = race(claim_all, [1, 2, 3], tmp_path)
    assert sorted(key for keys_of_one in taken for key in keys_of_one) == keys
