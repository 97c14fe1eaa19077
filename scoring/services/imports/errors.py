"""Refused rows: kept with their chunk, and handed out as a file that a spreadsheet opens safely."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from django.conf import settings

from scoring.models import ImportRowError, ImportRun
from scoring.services.imports.options import RowError

HEADER = ("row", "column", "value", "expected")


def keep_errors(run_id: int, errors: Sequence[RowError]) -> None:
    """Into rows; call in the transaction that writes the chunk."""
    ImportRowError.objects.bulk_create(
        [
            ImportRowError(
                import_run_id=run_id,
                row_number=error.row,
                column=error.column[:255],
                value=error.value[:255],
                expected=error.expected,
            )
            for error in errors
        ],
        batch_size=200,
    )


def error_lines(run: ImportRun) -> Iterator[str]:
    """The CSV of all refused rows, line by line in flat memory, with the mark that tells a spreadsheet UTF-8."""
    yield "\ufeff" + _line(HEADER)
    rows = run.row_errors.values_list("row_number", "column", "value", "expected")
    for number, *texts in rows.iterator(chunk_size=2000):
        yield _line((str(number), *map(harmless, texts)))


def write_errors(run: ImportRun) -> str:
    """All refused rows as a file under VAR_DIR/imports, whole or not at all; its name, "" when there is none."""
    if not run.row_errors.exists():
        return ""
    target = Path(settings.VAR_DIR) / "imports" / f"import-{run.pk}-errors.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f"{target.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8", newline="") as file:
        file.writelines(error_lines(run))
    aside.replace(target)
    return target.name


def harmless(text: str) -> str:
    """A cell that a spreadsheet shows and never runs: texts that would start a formula get an apostrophe."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
