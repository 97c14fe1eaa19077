from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from django.db import transaction
from kombu.exceptions import OperationalError
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from leadscoring import tasks
from leadscoring.celery import app
from leadscoring.common import queue
from leadscoring.common.queue import Breaker, enqueue

PATH = "leadscoring.tasks.prune_idempotency"


class Wire:
    """Stands where messages leave; fails while `away`."""

    def __init__(self) -> None:
        self.away = False
        self.sent: list[tuple[str, list[object], dict[str, object]]] = []
        self.tries = 0

    def __call__(
        self, task: object, args: list[object], kwargs: dict[str, object], **options: object
    ) -> None:
        self.tries += 1
        assert options == {"retry": False}
        if self.away:
            raise OperationalError("Connection refused")
        self.sent.append((getattr(task, "name", ""), args, kwargs))


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    task_class = type(app.tasks[tasks.prune_idempotency.name])

    def send(self: object, args: list[object], kwargs: dict[str, object], **options: object) -> None:
        wire(self, args, kwargs, **options)

    monkeypatch.setattr(task_class, "apply_async", send)
    return wire


@pytest.mark.django_db
class TestEnqueue:
    def test_it_rings_only_after_the_commit(
        self, wire: Wire, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            enqueue(PATH, 7, run_id="8")
            assert not wire.sent
        assert wire.sent == [(PATH, [7], {"run_id": "8"})]

    def test_a_rolled_back_transaction_rings_nobody(
        self, wire: Wire, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
    ) -> None:
        @transaction.atomic
        def fail() -> None:
            enqueue(PATH, 7)
            raise ZeroDivisionError

        with django_capture_on_commit_callbacks(execute=True), pytest.raises(ZeroDivisionError):
            fail()
        assert not wire.sent

    def test_a_broker_that_is_away_neither_raises_nor_is_asked_again_at_once(
        self, wire: Wire, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
    ) -> None:
        wire.away = True
        with django_capture_on_commit_callbacks(execute=True):
            for number in range(5):
                enqueue(PATH, number)
        assert wire.tries == 1

    def test_it_rings_again_when_the_broker_is_back(
        self,
        wire: Wire,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        at = [0.0]
        monkeypatch.setattr(queue, "breaker", Breaker(pause_seconds=5, clock=lambda: at[0]))
        wire.away = True
        for moment, back in [(0.0, False), (4.9, True), (5.1, True), (5.2, True)]:
            at[0], wire.away = moment, not back
            with django_capture_on_commit_callbacks(execute=True):
                enqueue(PATH, 1)
        assert (wire.tries, len(wire.sent)) == (3, 2)

    def test_only_row_ids_travel(
        self, wire: Wire, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
    ) -> None:
        key = UUID(int=1)
        with django_capture_on_commit_callbacks(execute=True):
            enqueue(PATH, key)
        assert wire.sent == [(PATH, [str(key)], {})]
        for thing in ({"email": "a@b.example"}, ["x"], 1.5, True, None):
            with pytest.raises(TypeError, match="expected row ids"):
                enqueue(PATH, thing)  # type: ignore[arg-type]

    def test_eager_mode_runs_the_task_and_a_failing_one_does_not_reach_the_caller(
        self,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        ran: list[str] = []

        def fail() -> int:
            ran.append("prune")
            raise RuntimeError("inside the task")

        settings.CELERY_TASK_ALWAYS_EAGER = True
        monkeypatch.setitem(app.conf.changes, "task_always_eager", True)
        monkeypatch.setattr("leadscoring.tasks.idempotency.prune", fail)
        with django_capture_on_commit_callbacks(execute=True):
            enqueue(PATH)
        assert ran == ["prune"]

    def test_a_broker_that_is_not_there_reaches_nobody(
        self, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, settings: Settings
    ) -> None:
        address = settings.PLACES.broker_url.replace("unix://", "redis+socket://")
        with app.connection_for_write(address) as away, pytest.raises(OperationalError):
            away.ensure_connection(max_retries=1, interval_start=0)
        if not settings.EMBEDDED_BROKER:
            return
        with django_capture_on_commit_callbacks(execute=True):
            enqueue(PATH)
        assert not queue.breaker.allows()


class TestBreaker:
    @pytest.fixture
    def at(self) -> list[float]:
        return [100.0]

    @pytest.fixture
    def breaker(self, at: list[float]) -> Breaker:
        return Breaker(pause_seconds=5, clock=lambda: at[0])

    def test_it_lets_everyone_through_while_all_is_well(self, breaker: Breaker) -> None:
        assert breaker.allows()
        breaker.succeeded()
        assert breaker.allows()

    def test_after_a_pause_one_tries_and_the_others_wait(self, breaker: Breaker, at: list[float]) -> None:
        breaker.failed()
        assert not breaker.allows()
        at[0] += 5
        tries: list[Callable[[], bool]] = [breaker.allows] * 3
        assert [attempt() for attempt in tries] == [True, False, False]

    def test_a_success_opens_it_for_all(self, breaker: Breaker, at: list[float]) -> None:
        breaker.failed()
        at[0] += 5
        assert breaker.allows()
        breaker.succeeded()
        assert breaker.allows()
        assert breaker.allows()
