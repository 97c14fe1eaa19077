"""How long leads of each source are waited for: estimated anew from all that is known, beside what a person set."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from scoring.models import MaturityWindow
from scoring.selectors.readiness import estimate_windows as estimates_of_sources


def estimate_windows(*, as_of: datetime) -> list[MaturityWindow]:
    """Estimate the window of every source and keep it; the days set by hand stay, and stay in force.

    An estimate never goes back in time: a source whose window was estimated after `as_of` is left alone.
    """
    kept = []
    with transaction.atomic():
        for source, found in sorted(estimates_of_sources(as_of=as_of).items()):
            if not source:
                continue
            row, _ = MaturityWindow.objects.get_or_create(source_system=source)
            newer = MaturityWindow.objects.filter(pk=row.pk, estimated_at__gt=as_of)
            if newer.exists():
                continue
            row.estimated_days, row.estimate_note, row.estimated_at = found.days, found.reason, as_of
            row.save(update_fields=["estimated_days", "estimate_note", "estimated_at"])
            kept.append(row)
    return kept
