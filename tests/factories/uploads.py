"""An uploaded file, audited and ready to be imported."""

from __future__ import annotations

from pathlib import Path

from scoring.models import ImportRun
from scoring.services.imports import store_upload
from tests.factories.files import lead_rows, write_leads

OPTIONS = {"converted": "Converted", "converted_values": ["1"], "id": "Lead ID", "source": "fair"}


def an_upload(place: Path, *, rows: int = 40, step: str = "audited") -> ImportRun:
    """Stored as the upload page does it, with the answers of the pages after it."""
    content = write_leads(place / "fair.csv", lead_rows(rows)).read_bytes()
    run = store_upload("fair.csv", [content], by=None)
    ImportRun.objects.filter(pk=run.pk).update(step=step, options=OPTIONS, source_system="fair")
    run.refresh_from_db()
    return run
