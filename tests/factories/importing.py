"""`import_leads` as tests run it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.factories.rows import counts

MAPPED = {"converted": "Converted", "id": "Lead ID", "created_at": "Created"}
HEADER = ["Lead ID", "Created", "Source", "Pages", "Converted"]


def run(path: Path, **options: Any) -> dict[str, Any]:
    """The command's JSON."""
    out = io.StringIO()
    call_command("import_leads", str(path), json=True, stdout=out, **{**MAPPED, **options})
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def rows(n: int = 8) -> list[list[str]]:
    """A header and n plain rows, half of them converted."""
    return [
        HEADER,
        *([f"L-{i}", f"2026-01-{i % 28 + 1:02d}", "web", str(i), str(i % 2)] for i in range(n)),
    ]


def refusal(path: Path, **options: Any) -> str:
    """The words of a refused file; not a row of any table is written."""
    before = counts()
    with pytest.raises(CommandError) as refused:
        run(path, **options)
    assert counts() == before, "nothing half-written"
    return str(refused.value)


def refused_rows(result: dict[str, Any]) -> list[tuple[int, str, str, str]]:
    return [(e["row"], e["column"], e["value"], e["expected"]) for e in result["errors"]]
