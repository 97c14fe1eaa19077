"""Leads in the database that a model can learn from, without the way through a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from scoring.models import ImportRun, Lead, Outcome
from tests.factories.files import lead_rows
from tests.factories.rows import NOW, SOURCE


def some_leads(
    n: int = 200,
    *,
    seed: int = 1,
    dated: bool = True,
    source_system: str = SOURCE,
    days: float = 400.0,
    until: datetime = NOW,
    prefix: str = "",
    **fields: Any,
) -> Sequence[Lead]:
    """n leads with the features of the small model, evenly over `days` before `until`; converted ones convert
    ten days later, lost ones are told as lost, and none is left open."""
    run = ImportRun.objects.create(
        file_name=f"{source_system}.csv", source_system=source_system, state="done"
    )
    rows = lead_rows(n, seed=seed)
    leads = []
    for number, row in enumerate(rows):
        created = until - timedelta(days=days * (1 - number / n))
        leads.append(
            Lead(
                source_system=source_system,
                external_id=prefix + row["Lead ID"],
                attributes={
                    name: row[name] for name in ("Source", "Pages", "Budget known", "Country") if row[name]
                },
                created=created if dated else None,
                file_position=number,
                import_run=run,
                first_seen=until,
                updated_at=until,
                **fields,
            )
        )
    Lead.objects.bulk_create(leads)
    Outcome.objects.bulk_create(
        Outcome(
            lead=lead,
            kind="converted" if row["Converted"] == "1" else "lost",
            occurred_at=None if lead.created is None else min(lead.created + timedelta(days=10), until),
            recorded_at=until,
            reported_by="file:test",
        )
        for lead, row in zip(leads, rows, strict=True)
    )
    return leads


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def day(at: datetime) -> float:
    """Days since 1970, as training counts them."""
    return (at - EPOCH) / timedelta(days=1)
