"""Judge the versions on ripe leads, and estimate how they do on those that wait."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from leadscoring.common.admin.words import estimate_words
from leadscoring.common.console import DatabaseCommand, ProgressBar, print_json
from monitoring.models import PerformanceCheck
from monitoring.services.performance import check


class Command(DatabaseCommand):
    help = (
        "Check how the versions do: metrics on ripe leads with intervals, and estimates for those that wait."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # Django's own `--version` gives way: here it names the version that is judged.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--as-of", default="", help="a moment with its zone, 2026-06-01T00:00Z; default: now"
        )
        parser.add_argument(
            "--version",
            type=int,
            default=None,
            dest="number",
            metavar="N",
            help="judge this version only; rules and alerts are left as they are",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = _moment(options["as_of"])
        with ProgressBar() as bar:
            try:
                rows = check(as_of=as_of, version=options["number"], progress=bar)
            except LookupError as error:
                raise CommandError(str(error)) from error
        if options["json"]:
            print_json(self.stdout.write, _document(as_of, rows))
        else:
            self.stdout.write("\n".join(_lines(rows)))


def _moment(text: str) -> datetime:
    if not text:
        return timezone.now().replace(microsecond=0)
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise CommandError(
            f"--as-of {text!r} is no moment; expected one with its zone, 2026-06-01T00:00:00Z."
        )
    return found


def _document(as_of: datetime, rows: Sequence[PerformanceCheck]) -> dict[str, Any]:
    return {
        "as_of": as_of.isoformat(),
        "checks": [
            {
                "check": row.pk,
                "version": row.version.number,
                "predictions": row.role,
                "serves": row.serves,
                "ripe": row.ripe,
                "conversions": row.conversions,
                "waiting": row.waiting,
                "took_ms": row.took_ms,
                **row.results,
            }
            for row in rows
        ],
    }


def _lines(rows: Sequence[PerformanceCheck]) -> list[str]:
    if not rows:
        return ["No version has scored a lead in the past year: there is nothing to judge."]
    lines = []
    for row in rows:
        found = row.results
        auc = found["metrics"].get("roc_auc")
        why = found["missing"].get("roc_auc") or found["missing"].get("all") or ""
        lines += [
            (
                f"Version {row.version.number}, {row.get_role_display()}{' (serves)' if row.serves else ''}: "
                f"{row.ripe:,} ripe leads, {row.conversions:,} converted, {row.waiting:,} wait."
            ),
            f"  ROC-AUC {estimate_words(auc)}" if auc else f"  ROC-AUC: not enough data: {why}",
            f"  Estimated for those that wait: {estimate_words(found['estimate'].get('roc_auc'))}",
        ]
        lines += [f"  Left out: {n:,} {reason}" for reason, n in found["left_out"].items()]
    return lines
