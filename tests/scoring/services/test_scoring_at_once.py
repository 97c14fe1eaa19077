"""Scoring from several threads at once (PostgreSQL): one lead is one row, and nothing is lost."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from scoring import loader
from scoring.contracts import (
    Cause,
    ScoredLead,
)
from scoring.models import Lead, Prediction
from scoring.services.scoring import rescore, score_waiting
from tests.factories.calls import score, score_all, sent
from tests.factories.rows import NOW, a_lead
from tests.factories.trained import GOOD, a_served_release

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


def together(*works: Any) -> list[Any]:
    """Runs these at once in threads of their own; returns what they returned or raised, in order."""
    ready = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def go(index: int, work: Any) -> None:
        try:
            loader.serving()
            ready.wait(timeout=20)
            results[index] = work()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_one_new_lead_sent_twice_at_once_is_one_lead_with_two_predictions() -> None:
    a_served_release()
    for round_number in range(5):
        external_id = f"L-{round_number}"
        results = together(
            *(
                lambda i=i, of=external_id: score(sent(of, attributes={**GOOD, f"from {i}": 1}))
                for i in range(4)
            )
        )
        assert all(isinstance(result, ScoredLead) for result in results), results
        lead = Lead.objects.get(external_id=external_id)
        assert Prediction.objects.filter(lead=lead).count() == 4
        assert {f"from {i}" for i in range(4)} <= set(lead.attributes), "no call wipes out another's fields"


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_two_batches_with_the_same_new_leads_in_opposite_order_both_answer() -> None:
    a_served_release()
    for round_number in range(3):
        leads = [sent(f"{round_number}-{i}") for i in range(100)]
        results = together(
            lambda leads=leads: score_all(*leads), lambda leads=leads: score_all(*reversed(leads))
        )
        assert all(isinstance(result, list) for result in results), results
    assert Lead.objects.count() == 300
    assert Prediction.objects.count() == 600


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_two_workers_score_a_waiting_lead_once() -> None:
    for number in range(100):
        a_lead(f"L-{number}", attributes=GOOD, awaiting_score=True)
    a_served_release()
    results = together(*(lambda: score_waiting(as_of=NOW) for _ in range(3)))
    assert sum(results) == 100, results
    assert Prediction.objects.count() == 100


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_scoring_again_does_not_wipe_out_what_arrives_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    a_served_release()
    lead = a_lead(attributes=GOOD)
    read, sent_meanwhile = threading.Event(), threading.Event()
    from scoring.services import scoring as service

    real = service._predict

    def slow(rows: Any, *args: Any, **kwargs: Any) -> Any:
        predictions = real(rows, *args, **kwargs)
        if kwargs["cause"] is Cause.RESCORE:
            read.set()
            # Either the other call is let through now, or it waits for this one's lock: both are right.
            sent_meanwhile.wait(timeout=1)
        return predictions

    monkeypatch.setattr(service, "_predict", slow)

    def arrive() -> ScoredLead:
        read.wait(timeout=20)
        answer = score(sent(attributes={"Phone": "given"}))
        sent_meanwhile.set()
        return answer

    results = together(lambda: rescore([lead.pk], cause=Cause.RESCORE, as_of=NOW), arrive)
    assert results[0] == 1, results
    assert Lead.objects.get().attributes["Phone"] == "given"
