"""Workers that settle at the same time make the same alerts as one."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections

from monitoring.contracts import RuleKind
from monitoring.models import Alert, Delivery, NotificationChannel
from monitoring.services.rules import ensure_rules
from tests.factories.watch import a_channel, a_reading, look

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*jobs: Callable[[], None]) -> list[BaseException]:
    """Run jobs in threads that start together; returns what they raised."""
    gate, raised = threading.Barrier(len(jobs)), []

    def run(job: Callable[[], None]) -> None:
        try:
            gate.wait(10)
            job()
        except BaseException as error:  # told to the test
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return raised


@pytest.fixture(autouse=True)
def _on_a_server_or_a_file() -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]  # of SQLite
        pytest.skip("threads share one connection to a database in memory")


def test_two_workers_with_the_same_check_make_one_alert_and_one_message() -> None:
    ensure_rules()
    NotificationChannel.objects.all().delete()
    a_channel()
    assert not at_once(*[lambda: look(0, a_reading())] * 4)
    assert Alert.objects.count() == 1
    assert Delivery.objects.count() == 1


def test_checks_of_different_kinds_with_one_cause_make_one_alert() -> None:
    ensure_rules()
    kinds = (RuleKind.FEATURE_DRIFT, RuleKind.VOLUME, RuleKind.MISSING, RuleKind.UNSEEN)

    def check(kind: RuleKind) -> Callable[[], None]:
        return lambda: look(0, a_reading("all", 0.95, kind=kind, cause="feed"), kinds=(kind,))

    assert not at_once(*map(check, kinds))
    alert = Alert.objects.get()
    assert {part["kind"] for part in alert.parts} == {kind.value for kind in kinds}
