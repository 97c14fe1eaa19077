"""Refused rows: kept with their chunk, and handed out as a file that a spreadsheet opens safely and that can be mended
and imported again."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from django.conf import settings

from scoring.ml.cells import harmless
from scoring.ml.parsing import shown
from scoring.ml.reading_refused import marks
from scoring.models import ImportRowError, ImportRun
from scoring.services.imports.options import RowError

LONGEST_STEM = 150
"""Bytes of a source file's name that its file of refused rows is named after."""
_ENDINGS = re.compile(r"(\.(csv|tsv|txt|xlsx|xlsm|parquet|gz))+$", re.IGNORECASE)


def keep_errors(run_id: int, errors: Sequence[RowError], cells: Sequence[Sequence[str | None]]) -> None:
    """Into rows, each with the cells of its row; call in the transaction that writes the chunk."""
    ImportRowError.objects.bulk_create(
        [
            ImportRowError(
                import_run_id=run_id,
                row_number=error.row,
                column=shown(error.column, 254),
                value=error.value,
                expected=error.expected,
                external_id=error.lead,
                cells=row,
            )
            for error, row in zip(errors, cells, strict=True)
        ],
        batch_size=200,
    )


def error_lines(run: ImportRun) -> Iterator[str]:
    """The CSV of all refused rows, line by line in flat memory, written as its source was: what was wrong in front,
    then the row as it stood in the file. It begins with the mark that tells a spreadsheet UTF-8.
    """
    delimiter = str(run.layout.get("delimiter") or ",")
    columns = run.layout.get("columns", [])
    yield "\ufeff" + _line((*marks(run.pk), *map(harmless, columns)), delimiter)
    rows = run.row_errors.values_list("row_number", "external_id", "column", "value", "expected", "cells")
    for number, *texts, cells in rows.iterator(chunk_size=500):
        words = (harmless(cell or "") for cell in (*texts, *cells))
        yield _line((str(number), *words), delimiter)


def error_file_name(run: ImportRun) -> str:
    """What the file of refused rows is called: as its source, without characters that a file system trips over."""
    plain = "".join(
        mark if mark.isprintable() and mark not in '<>:"/\\|?*' else "-" for mark in run.file_name
    )
    stem = _ENDINGS.sub("", plain).encode("utf-8", "replace")[:LONGEST_STEM].decode("utf-8", "ignore")
    return f"{stem.strip(' .') or 'import'} refused rows.csv"


def write_errors(run: ImportRun) -> str:
    """All refused rows as a file under VAR_DIR/imports, whole or not at all; its path there, "" when there is none."""
    if not run.row_errors.exists():
        return ""
    folder = Path(settings.VAR_DIR) / "imports"
    target = folder / str(run.pk) / error_file_name(run)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f"{target.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8", newline="") as file:
        file.writelines(error_lines(run))
    aside.replace(target)
    return str(target.relative_to(folder))


def _line(cells: Iterable[str], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerow(cells)
    return out.getvalue()
