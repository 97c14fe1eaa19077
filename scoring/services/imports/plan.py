"""What is known of a file before its rows are written: how it is read, what its columns are, which row is which."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scoring.contracts import ImportRefused
from scoring.ml.parsing import shown
from scoring.ml.phrases import count
from scoring.ml.reading import Table, TableError, open_table
from scoring.ml.schema import FeatureSpec
from scoring.models import DRAFT, ImportRun, ImportStep, Lead
from scoring.services.features import Audited
from scoring.services.imports.audited import audit_sample
from scoring.services.imports.elsewhere import HeldElsewhere, held_elsewhere
from scoring.services.imports.options import ImportOptions
from scoring.services.imports.survey import survey
from scoring.services.imports.target import Target, read_target

Progress = Callable[[str, float], None]
SURVEY_SHARE = 0.25
AUDIT_SHARE = 0.35
UNSTORED_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """A file read once and audited. The same file and options give the same plan again."""

    table: Table
    options: ImportOptions
    source: str
    target: Target
    mapped: Mapping[str, FeatureSpec]
    audited: Audited
    rows: int
    identity: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    """What a person should read before the first row is written."""
    elsewhere: HeldElsewhere


@dataclass(frozen=True, slots=True)
class Identity:
    """The columns whose content is a row's id (none: there is an id column), and what is to be said about that."""

    columns: tuple[str, ...] = ()
    note: str = ""
    warning: str = ""


def open_file(path: Path, options: ImportOptions) -> Table:
    """The file, read as the options say and as it shows where they say nothing.

    Raises:
        ImportRefused: it cannot be read.
    """
    try:
        return open_table(
            path,
            delimiter=options.delimiter,
            encoding=options.encoding,
            sheet=options.sheet,
            header_row=options.header_row,
        )
    except TableError as error:
        raise ImportRefused(str(error)) from error


def plan_import(path: Path, options: ImportOptions, *, progress: Progress) -> Plan:
    """Read the whole file once and audit a sample of its rows.

    Raises:
        ImportRefused: the file as a whole cannot be read, or its columns are not what the options say.
    """
    table = open_file(path, options)
    options.check(table.columns)
    try:
        found = survey(table, options, lambda message, share: progress(message, share * SURVEY_SHARE))
        unstored = table.unstored_formulas()
    except TableError as error:
        raise ImportRefused(str(error)) from error
    target = read_target(found.outcomes, options)
    progress("Auditing the columns", SURVEY_SHARE)
    source = options.source or source_name(path)
    audited, mapped = audit_sample(found.sample, options, target)
    if not audited.schema.features and not Lead.objects.filter(source_system=source).exists():
        raise ImportRefused(
            f"{path.name} has no column that describes a lead: {', '.join(table.columns)} are all mapped. "
            f"Expected one at least, or outcomes of leads that source “{source}” has sent before."
        )
    identity = identity_of(table.columns, options, source)
    return Plan(
        table=table,
        options=options,
        source=source,
        target=target,
        mapped=mapped,
        audited=audited,
        rows=found.rows + found.problems,
        identity=identity.columns,
        notes=tuple(filter(None, (target.note, identity.note, *audited.notes))),
        warnings=tuple(filter(None, (*unstored_words(unstored), *found.warnings, identity.warning))),
        elsewhere=held_elsewhere(found.sample, options, identity.columns, source),
    )


def unstored_words(cells: Mapping[str, int], within: str = "") -> tuple[str, ...]:
    """Warnings about formulas that read as nothing. `within` says which rows were looked at, where not all were."""
    return tuple(
        f"Column “{shown(column)}”: {count(n, 'cell holds', 'cells hold')} a formula without a stored result{within} "
        f"and {'is' if n == 1 else 'are'} read as empty. Open the workbook in Excel and save it there, or export the "
        "sheet as CSV, and take that file."
        for column, n in list(cells.items())[:UNSTORED_SHOWN]
    )


def source_name(path: Path) -> str:
    """The file's name without its endings, as the source system of leads nobody named one for; refused rows go where
    the others went."""
    stem = re.sub(r" refused rows( ?\(\d+\))?$", "", path.name.split(".")[0])
    return re.sub(r"[^a-z0-9]+", "-", stem.casefold()).strip("-")[:64] or "file"


def file_digest(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def identity_of(columns: tuple[str, ...], options: ImportOptions, source: str) -> Identity:
    """Without an id column: the columns whose content tells one row from another.

    The first import of a source decides: later ones use its columns, whatever they map, so that telling one more
    column apart (such as the revenue) does not make new leads of the ones that are known.
    """
    earlier = (
        ImportRun.objects.filter(source_system=source, step=ImportStep.IMPORT, rows_read__gt=0)
        .exclude(state=DRAFT)
        .order_by("id")
    )
    without = next((run for run in earlier if not run.options.get("id")), None)
    if options.id is not None:
        if without is None:
            return Identity()
        return Identity(
            warning=f"Import {without.pk} brought leads of “{source}” without an id column, known by their content. "
            f"By “{options.id}” they are other leads and would be held twice. Name no id column, or use another source."
        )
    own = tuple(name for name in columns if name not in options.not_attributes())
    if without is None:
        return Identity(own)
    used = tuple(without.identity_columns) or _as_before(columns, without)
    missing = [name for name in used if name not in columns]
    if missing:
        listed = ", ".join(f"“{name}”" for name in missing[:5])
        return Identity(
            own,
            warning=f"Rows are known by their content, and this file lacks {listed} of import {without.pk}: its rows "
            "count as new leads, and those that are known already would be held twice.",
        )
    if set(used) == set(own):
        return Identity(used)
    return Identity(
        used,
        note=f"Rows are told apart by the columns that import {without.pk} of “{source}” used, so that leads known "
        "already are found again.",
    )


def _as_before(columns: tuple[str, ...], run: ImportRun) -> tuple[str, ...]:
    """The columns of a run from before they were kept: all that its options did not give another meaning."""
    mapped = {run.options.get(key) for key in ("converted", "id", "converted_at", "revenue")}
    return tuple(name for name in columns if name not in mapped)
