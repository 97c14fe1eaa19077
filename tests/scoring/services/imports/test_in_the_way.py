"""Chunks that another transaction is in the way of: tried again whole, nothing doubled, and not for ever.

PostgreSQL's refusal is faked where it arrives, at the statement that ends a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from scoring.models import ImportRun, Lead, LeadEvent, Outcome
from scoring.services.imports import ImportOptions, ImportSummary, chunks, import_file
from scoring.services.leads import TRIES
from tests.factories.files import lead_rows, write_leads
from tests.factories.rows import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]

OPTIONS = ImportOptions(converted="Converted", id="Lead ID", created_at="Created", source="crm")


class Refused(Exception):
    """What the driver raises."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(f"refused with {sqlstate}")
        self.sqlstate = sqlstate


@contextmanager
def refusing(sqlstate: str, *, times: int) -> Iterator[list[str]]:
    """The database refuses the checkpoint of the third chunk this often; the list has an entry for each refusal."""
    refusals: list[str] = []
    checkpoints: list[str] = []

    def wire(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and "scoring_importrun" in sql and "rows_read" in sql:
            checkpoints.append(sql)
            if len(checkpoints) >= 3 and len(refusals) < times:
                refusals.append(sql)
                raise OperationalError("refused") from Refused(sqlstate)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wire):
        yield refusals


@pytest.fixture
def leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fifty leads, ten a chunk, every seventh with a date that is none."""
    monkeypatch.setattr(chunks, "CHUNK", 10)
    made = lead_rows(50)
    for number in range(0, 50, 7):
        made[number]["Created"] = "some day"
    return write_leads(tmp_path / "leads.csv", made)


def run(path: Path) -> ImportSummary:
    return import_file(path, OPTIONS, requested_by=None, as_of=NOW, progress=lambda message, share: None)


def written() -> tuple[int, ...]:
    row = ImportRun.objects.latest("id")
    return (
        row.rows_read,
        row.rows_created,
        row.rows_refused,
        row.row_errors.count(),
        row.outcomes_recorded,
        Lead.objects.count(),
        Outcome.objects.count(),
        LeadEvent.objects.count(),
    )


@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
def test_a_chunk_in_a_deadlock_is_written_by_a_later_try_and_once(leads: Path, sqlstate: str) -> None:
    with refusing(sqlstate, times=TRIES - 1) as refusals:
        summary = run(leads)
    assert len(refusals) == TRIES - 1
    row = ImportRun.objects.get()
    won = sum(r["Converted"] == "1" for n, r in enumerate(lead_rows(50)) if n % 7)
    assert row.state == "done"
    assert written() == (50, 42, 8, 8, won, 42, won, 0)
    assert (summary.rows_read, summary.created, len(summary.errors)) == (50, 42, 8)


def test_a_deadlock_that_does_not_end_fails_the_import_and_keeps_what_was_written(leads: Path) -> None:
    with refusing("40P01", times=TRIES) as refusals, pytest.raises(OperationalError):
        run(leads)
    assert len(refusals) == TRIES
    row = ImportRun.objects.get()
    assert (row.state, row.rows_read, Lead.objects.count()) == ("failed", 20, 17)
    assert run(leads).created == 25
    assert Lead.objects.count() == 42


def test_what_is_no_matter_of_another_transaction_is_tried_once(leads: Path) -> None:
    with refusing("57014", times=1) as refusals, pytest.raises(OperationalError):
        run(leads)
    assert len(refusals) == 1
    row = ImportRun.objects.get()
    assert (row.state, row.rows_read, Lead.objects.count()) == ("failed", 20, 17)
    assert row.row_errors.count() == row.rows_refused == 3
