"""Rows whose lead was merged, and what an import leaves in the history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scoring.contracts import OutcomeKind
from scoring.models import Lead, LeadEvent, Outcome
from scoring.services.imports.rows import FileLead
from scoring.services.imports.write import Written, write_chunk
from scoring.services.merges import merge_leads
from tests.factories.rows import NOW, SOURCE, a_lead

pytestmark = pytest.mark.django_db


def row(external_id: str, number: int = 1, **changes: Any) -> FileLead:
    plain = FileLead(number, external_id, {"source": "web"}, None, "", "", None, None, None)
    return replace(plain, **changes)


def write(*rows: FileLead, hours: float = 1) -> Written:
    return write_chunk(
        rows,
        source=SOURCE,
        currency="AED",
        run_id=None,
        reported_by="file:crm",
        as_of=NOW + timedelta(hours=hours),
        dry_run=False,
    )


@pytest.fixture
def merged() -> Lead:
    """L-1, into which L-2 was merged."""
    one, other = a_lead("L-1", attributes={"source": "web"}), a_lead("L-2", attributes={"source": "web"})
    merge_leads(survivor_id=one.pk, merged_id=other.pk, by=None, reason="same", as_of=NOW)
    return one


def test_a_row_of_a_merged_id_tells_the_lead_that_stands_for_it(merged: Lead) -> None:
    write(row("L-2", attributes={"pages": "4"}, owner="Ben", outcome=OutcomeKind.CONVERTED))
    merged.refresh_from_db()
    assert (merged.attributes, merged.owner) == ({"source": "web", "pages": "4"}, "Ben")
    outcome = Outcome.objects.get()
    assert (outcome.lead, outcome.reported_by) == (merged, "file:crm via L-2")
    assert Lead.objects.get(external_id="L-2").attributes == {"source": "web"}


def test_both_ids_in_one_file_are_one_lead_and_twice_changes_nothing(merged: Lead) -> None:
    rows = (
        row("L-2", 1, attributes={"source": "fair", "pages": "4"}, outcome=OutcomeKind.CONVERTED),
        row("L-1", 2, attributes={"source": "mail"}, outcome=OutcomeKind.LOST),
    )
    write(*rows)
    merged.refresh_from_db()
    assert merged.attributes == {"source": "mail", "pages": "4"}
    assert Outcome.objects.get(is_current=True).kind == "converted"
    outcomes, events = Outcome.objects.count(), LeadEvent.objects.count()
    again = write(*rows, hours=2)
    assert (again.updated, again.outcomes) == (0, 0)
    assert (Outcome.objects.count(), LeadEvent.objects.count()) == (outcomes, events)


def test_the_order_and_the_chunks_do_not_matter_to_the_outcome(merged: Lead) -> None:
    lost, won = row("L-1", outcome=OutcomeKind.LOST), row("L-2", outcome=OutcomeKind.CONVERTED)
    for rows in ((lost,), (won,), (lost,), (won, lost), (lost, won)):
        write(*rows)
    assert Outcome.objects.get(is_current=True).kind == "converted"
    assert Outcome.objects.count() == 2


def test_an_import_notes_what_changed_and_only_that() -> None:
    a_lead("L-1", attributes={"source": "web"}, stage="new")
    write(row("L-1", attributes={"source": "fair", "pages": "1"}, stage="offer"), row("N-1", 2, stage="new"))
    write(row("L-1", attributes={"source": "fair", "pages": "1"}, stage="offer"), hours=2)
    events = LeadEvent.objects.order_by("kind").values_list("kind", "was", "now", "by", "details__fields")
    assert list(events) == [
        ("attributes", "", "", "file:crm", ["source", "pages"]),
        ("stage", "new", "offer", "file:crm", None),
    ]
