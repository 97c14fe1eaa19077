"""Two people who merge the same leads at once: one does, the other is told. Needs PostgreSQL: SQLite has one writer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from scoring.contracts import MergeRefused
from scoring.models import Lead, LeadMerge
from scoring.services.merges import merge_leads, undo_merge
from tests.factories.rows import NOW, a_lead

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


def at_once(*calls: object) -> list[str]:
    """Every call in a thread of its own; "done", or what it was told."""
    barrier = Barrier(len(calls))

    def run(call: object) -> str:
        barrier.wait()
        try:
            call()  # type: ignore[operator]
        except MergeRefused as error:
            return error.detail
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_opposite_merges_of_one_pair_never_make_a_circle() -> None:
    one, other = a_lead("L-1"), a_lead("L-2")

    def merge(survivor: Lead, merged: Lead) -> None:
        merge_leads(survivor_id=survivor.pk, merged_id=merged.pk, by=None, reason="same", as_of=NOW)

    said = at_once(lambda: merge(one, other), lambda: merge(other, one))
    assert sorted(words == "done" for words in said) == [False, True]
    assert any("meanwhile" in words for words in said)
    assert Lead.objects.filter(merged_into__isnull=False).count() == LeadMerge.objects.count() == 1


def test_an_undo_happens_once() -> None:
    one, other = a_lead("L-1"), a_lead("L-2")
    row = merge_leads(survivor_id=one.pk, merged_id=other.pk, by=None, reason="same", as_of=NOW)

    def undo() -> None:
        undo_merge(merge_id=row.pk, by=None, reason="not the same", as_of=NOW)

    said = at_once(undo, undo, undo)
    assert said.count("done") == 1
    assert sum("undone already" in words for words in said) == 2
