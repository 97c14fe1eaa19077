"""Compare the leads of the last seven days with what the model learned from, here and now; needs no broker."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from leadscoring.common.console import DatabaseCommand, ProgressBar, print_json
from monitoring.models import CheckKind, DriftCheck
from monitoring.selectors.profiles import fold_state
from monitoring.services.watch import check_now
from scoring.models import ModelVersion

SHOWN = 12


class Command(DatabaseCommand):
    help = "Count new predictions, then check drift, data quality and volume; the checks are kept and feed the alerts."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # Django's own `--version` gives way: here it names the version that is compared.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--as-of", metavar="TIME", help="check as of this time, ISO 8601 with a zone, instead of now"
        )
        parser.add_argument(
            "--version", dest="number", type=int, metavar="N", help="drift of one version only"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = _time(options["as_of"])
        version_id = None
        if options["number"] is not None:
            version_id = (
                ModelVersion.objects.filter(number=options["number"]).values_list("pk", flat=True).first()
            )
            if version_id is None:
                raise CommandError(f"--version {options['number']}: there is no such version.")
        state = fold_state()
        begin = state.folded_until if state is not None else None
        with ProgressBar(quiet=options["json"]) as bar:

            def tick(at: datetime) -> None:
                start = begin or at
                whole = max((as_of - start).total_seconds(), 1.0)
                bar(f"Counted until {at:%Y-%m-%d %H:%M}", min((at - start).total_seconds() / whole, 1.0))

            checks = check_now(as_of=as_of, version_id=version_id, tick=tick)
        if options["json"]:
            print_json(self.stdout.write, {"checks": [_document(one) for one in checks]})
            return
        if not checks:
            self.stdout.write("Nothing to check: no lead was scored yet, or no version serves.")
        for one in checks:
            self._tell(one)

    def _tell(self, check: DriftCheck) -> None:
        write = self.stdout.write
        write("")
        write(
            self.style.SUCCESS(
                f"Version {check.version.number} ({check.role}), {check.get_kind_display()}: {check.level}"
            )
        )
        write(
            f"  {check.n:,} leads scored {check.since:%Y-%m-%d %H:%M} to {check.until:%Y-%m-%d %H:%M} UTC, "
            f"in {check.took_ms:.0f} ms"
        )
        if "problem" in check.summary:
            write(f"  {check.summary['problem']}")
        rows = _drift_lines(check) if check.kind == CheckKind.DRIFT else _quality_lines(check)
        for line in rows[:SHOWN]:
            write("  " + line)
        if len(rows) > SHOWN:
            write(f"  … and {len(rows) - SHOWN} more; see --json or the admin")


def _time(text: str | None) -> datetime:
    if not text:
        return timezone.now()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--as-of {text!r}: expected a time such as 2026-05-31T12:00:00+00:00.") from None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    if at > timezone.now():
        raise CommandError(f"--as-of {text}: lies in the future.")
    return at


def _drift_lines(check: DriftCheck) -> list[str]:
    lines = [f"{'level':<9} {'PSI':>7} {'p':>9} {'q':>9} {'leads':>8}  feature"]
    for row in check.found:
        if row["level"] == "unknown":
            needs = (
                f"needs {row['needs']:,}" if row["needs"] else row["problem"] or "the reference is too small"
            )
            figures = f"{'not enough':<9} {'':>7} {'':>9} {'':>9} {row['n']:>8,}"
        else:
            needs = ""
            figures = f"{row['level']:<9} {row['psi']:>7.3f} {row['p']:>9.2g} {row['q']:>9.2g} {row['n']:>8,}"
        lines.append(f"{figures}  {row['label']}{_where(row)}{f' ({needs})' if needs else ''}")
    return lines


def _quality_lines(check: DriftCheck) -> list[str]:
    lines = []
    for row in check.found:
        if row["what"] == "volume":
            lines.append(
                f"{row['level']:<9} {row['label']}{_where(row)}: {row['came']:,} came within {row['minutes']} min, "
                f"{row['expected']:.1f} expected"
            )
        else:
            lines.append(
                f"{row['level']:<9} {row['label']}{_where(row)} {row['what']}: {row['now']:.1%} of {row['n']:,} "
                f"within {row['minutes']} min, {row['before']:.1%} in the reference"
            )
    return lines or ["nothing stands out"]


def _where(row: dict[str, Any]) -> str:
    return f" [{row['segment']['label']} = {row['segment']['value']}]" if row["segment"] else ""


def _document(check: DriftCheck) -> dict[str, Any]:
    return {
        "kind": check.kind,
        "version": check.version.number,
        "role": check.role,
        "since": check.since.isoformat(),
        "until": check.until.isoformat(),
        "n": check.n,
        "level": check.level,
        "found": check.found,
        "summary": check.summary,
        "took_ms": check.took_ms,
    }
