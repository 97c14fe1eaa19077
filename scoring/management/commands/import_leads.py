"""Import a file of leads with their outcomes."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from leadscoring.common.console import DatabaseCommand, ProgressBar, print_json
from scoring.contracts import ImportRefused, ScoringError
from scoring.ml.phrases import count
from scoring.services.imports import ImportOptions, ImportSummary, Plan, import_file

SHOWN_ERRORS = 10


class Command(DatabaseCommand):
    help = (
        "Import leads from CSV (any delimiter, encoding and quoting), Excel or Parquet. The columns are audited for "
        "leaks; good rows go in, refused ones are named. Running it twice changes nothing, and after it was killed it "
        "goes on where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--converted", required=True, metavar="COL", help="the column with the outcome")
        parser.add_argument(
            "--converted-value",
            action="append",
            default=[],
            metavar="V",
            help="the value that means converted; may be given several times",
        )
        parser.add_argument(
            "--id", metavar="COL", help="the lead's id; without it rows are known by their content"
        )
        parser.add_argument("--created-at", metavar="COL", help="when the lead was created")
        parser.add_argument("--converted-at", metavar="COL", help="when it converted")
        parser.add_argument("--revenue", metavar="COL", help="what it brought")
        parser.add_argument("--currency", default="", metavar="CODE", help="of the revenue, such as AED")
        parser.add_argument("--owner", metavar="COL")
        parser.add_argument("--stage", metavar="COL")
        parser.add_argument("--source", metavar="NAME", help="the system the ids belong to (the file's name)")
        parser.add_argument(
            "--exclude", action="append", default=[], metavar="COL", help="hold out of training"
        )
        parser.add_argument("--delimiter", metavar="CHAR", help="detected when not given")
        parser.add_argument("--encoding", help="detected when not given")
        parser.add_argument("--sheet", help="of an Excel file (the one that looks most like leads)")
        parser.add_argument(
            "--header-row", type=int, metavar="N", help="found when not given; rows count from 1"
        )
        parser.add_argument("--dry-run", action="store_true", help="read, audit and compare; write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = ImportOptions(
            exclude=tuple(options["exclude"]),
            converted_values=tuple(options["converted_value"]),
            **{
                name: options[name]
                for name in (
                    *(
                        "converted",
                        "id",
                        "created_at",
                        "converted_at",
                        "revenue",
                        "currency",
                    ),
                    *("owner", "stage", "source", "delimiter", "encoding", "sheet", "header_row", "dry_run"),
                )
            },
        )
        try:
            with ProgressBar(quiet=options["json"]) as bar:
                summary = import_file(
                    options["file"],
                    asked,
                    requested_by=None,
                    as_of=timezone.now(),
                    progress=bar,
                    before=self._warn,
                )
        except (ImportRefused, ScoringError) as refused:
            raise CommandError(refused.detail) from refused
        if options["json"]:
            print_json(self.stdout.write, {**summary.to_json(), "feature_set_state": _feature_words(summary)})
        else:
            self._tell(summary)

    def _warn(self, plan: Plan) -> None:
        """Before a row is written, so that whoever watches can stop it."""
        for warning in plan.warnings:
            self.stderr.write(self.style.WARNING(f"Warning: {warning}"))
        held = plan.elsewhere
        if not held.leads:
            return
        where = ", ".join(f"“{source}” ({n:,})" for source, n in held.sources)
        again = " ".join(f"--source {shlex.quote(source)}" for source, _ in held.sources[:1])
        self.stderr.write(
            self.style.WARNING(
                f"Warning: {held.leads:,} of {count(held.looked_at, 'lead')} looked at "
                f"{'is' if held.leads == 1 else 'are'} known already under another source: {where}. As source "
                f"“{plan.source}” they are new leads, held twice. If the file is from the same system, import it with "
                f"{again}"
            )
        )

    def _tell(self, summary: ImportSummary) -> None:
        write = self.stdout.write
        title = "Dry run, nothing was written" if summary.dry_run else f"Import {summary.run_id}"
        write(
            self.style.SUCCESS(f"\n{title}: {count(summary.rows_read, 'row')} as source “{summary.source}”")
        )
        write(f"  {summary.format_note}")
        write(
            f"  {summary.created:,} new, {summary.updated:,} changed, {summary.unchanged:,} unchanged, "
            f"{summary.refused:,} refused; {summary.converted:,} converted, {summary.open:,} open"
        )
        for note in summary.notes:
            write(f"  {note}")
        if summary.held_out:
            write(self.style.WARNING("  Held out of training until a person says otherwise:"))
            for column in summary.held_out:
                write(f"    {column['label']}: {column['reason']}")
        for error in summary.errors[:SHOWN_ERRORS]:
            write(
                self.style.ERROR(
                    f"  row {error.row}, {error.column or 'whole row'}: “{error.value}”; expected {error.expected}"
                )
            )
        if summary.refused > SHOWN_ERRORS:
            write(f"  … and {summary.refused - SHOWN_ERRORS:,} more refused rows")
        if summary.error_file:
            write(f"  All refused rows: var/imports/{summary.error_file}")
        if summary.feature_set is not None:
            write(f"  Feature set {summary.feature_set} is {_feature_words(summary)}.")


def _feature_words(summary: ImportSummary) -> str:
    """Where the feature set stands, and the command that takes it further."""
    if not summary.feature_set_waits:
        return summary.feature_set_state
    command = f"manage.py feature_set activate {summary.feature_set} --reason TEXT"
    return f"{summary.feature_set_state}. To use it: {command}"
