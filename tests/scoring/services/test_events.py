"""The history is written where a lead changes, once, and never afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scoring.contracts import Grade, OverrideInput
from scoring.models import Lead, LeadEvent
from scoring.services.events import changed_names
from scoring.services.overrides import end_expired, end_override, set_override
from tests.factories.calls import score, score_all, sent
from tests.factories.rows import NOW, a_lead
from tests.factories.trained import GOOD, a_served_release

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


def test_a_call_notes_stage_owner_and_which_fields_changed() -> None:
    a_served_release()
    score(sent(stage="new", owner="Ben"))
    assert not LeadEvent.objects.exists()
    score(sent(stage="offer", owner="Amal", attributes={"Pages": "12", "Country": None}))
    found = {e.kind: (e.was, e.now, e.by, e.details) for e in LeadEvent.objects.all()}
    assert found == {
        "stage": ("new", "offer", "API: crm", {}),
        "owner": ("Ben", "Amal", "API: crm", {}),
        "attributes": ("", "", "API: crm", {"fields": ["Pages", "Country"], "count": 2}),
    }


def test_a_call_that_changes_nothing_costs_no_query_for_the_history() -> None:
    a_served_release()
    score(sent())
    with CaptureQueriesContext(connection) as seen:
        score(sent())
    assert seen.captured_queries
    assert not any("leadevent" in query["sql"].lower() for query in seen.captured_queries)


def test_many_changes_are_one_statement() -> None:
    a_served_release()
    score_all(*(sent(f"L-{n}", stage="new") for n in range(30)))
    score_all(*(sent(f"L-{n}", stage="old", attributes={**GOOD, "Pages": "1"}) for n in range(30)))
    assert LeadEvent.objects.count() == 60


def test_it_tells_true_from_one_and_sees_what_was_cleared() -> None:
    assert changed_names({"a": 1, "b": 2, "c": 3}, {"a": True, "b": 2, "d": 0}) == ["a", "d", "c"]


def test_an_event_is_never_changed_or_deleted() -> None:
    event = LeadEvent.objects.create(lead=a_lead(), kind="stage", happened_at=NOW, recorded_at=NOW)
    with pytest.raises(TypeError, match="never changed"):
        event.save()
    with pytest.raises(TypeError, match="never deleted"):
        event.delete()


def test_expired_overrides_are_closed_once_and_noted() -> None:
    lead = a_lead()
    ends = NOW + timedelta(days=2)
    set_override(
        lead_id=lead.pk, sent=OverrideInput(Grade.A, None, "x", ends), by="y", person=None, as_of=NOW
    )
    assert end_expired(as_of=NOW + timedelta(days=1)) == 0
    assert end_expired(as_of=NOW + timedelta(days=3)) == 1
    assert end_expired(as_of=NOW + timedelta(days=3)) == 0
    event = LeadEvent.objects.get(kind="override_ended")
    assert (event.happened_at, event.now) == (ends, "expired")
    assert end_override(lead_id=lead.pk, reason="x", by="y", person=None, as_of=NOW) is None
    assert Lead.objects.get().grade == ""
