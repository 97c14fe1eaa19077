"""Read, exchange and activate feature sets."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from leadscoring.common.console import DatabaseCommand, print_json
from scoring.contracts import FeatureSetError, FeatureSetState
from scoring.models import Feature, FeatureSet
from scoring.services.features import activate_feature_set, export_feature_set, import_feature_set

MAX_FILE = 8 * 1024 * 1024


class Command(DatabaseCommand):
    help = "Show a feature set with its audit, write it as JSON, read one from JSON as a draft, or activate a draft."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True)
        for action, words in (("show", "read a set and its audit"), ("export", "write it as JSON")):
            command = commands.add_parser(action, help=words)
            command.add_argument("number", type=int, nargs="?", help="the active one when not given")
            command.add_argument("--json", action="store_true")
        read = commands.add_parser("import", help="read a JSON file as a new draft")
        read.add_argument("file", type=Path)
        read.add_argument("--json", action="store_true")
        activate = commands.add_parser("activate", help="make a draft the one in use")
        activate.add_argument("number", type=int)
        activate.add_argument("--reason", required=True)
        activate.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = self._act(options)
        except FeatureSetError as error:
            raise CommandError(error.detail) from error
        if options["json"] or options["action"] == "export":
            print_json(self.stdout.write, export_feature_set(found))
        elif options["action"] == "show":
            self._show(found)
        else:
            self.stdout.write(f"{found} is {found.state}.")

    def _act(self, options: dict[str, Any]) -> FeatureSet:
        if options["action"] == "import":
            return import_feature_set(_read(options["file"]), by=None, as_of=timezone.now())
        found = _find(options["number"])
        if options["action"] == "activate":
            return activate_feature_set(found.pk, by=None, reason=options["reason"], as_of=timezone.now())
        return found

    def _show(self, found: FeatureSet) -> None:
        write = self.stdout.write
        write(self.style.SUCCESS(f"{found} · {found.state} · audited on {found.rows_audited:,} rows"))
        for note in found.notes:
            write(f"  {note}")
        for feature in found.features.all():
            write(
                f"\n  {_name_words(feature)}  [{feature.kind}]  {self._use(feature)}  {_audit_words(feature)}"
            )
            if feature.excluded and feature.exclusion_reason:
                write(f"      {feature.exclusion_reason}")
            elif feature.known_at_reason:
                write(f"      {feature.get_known_at_display()}: {feature.known_at_reason}")
            if feature.missing_tokens:
                write(f"      missing: blank, {', '.join(repr(token) for token in feature.missing_tokens)}")
            for note in feature.notes:
                write(f"      {note}")

    def _use(self, feature: Feature) -> str:
        if feature.excluded:
            return self.style.WARNING("held out")
        return "trains  " if feature.spec().trainable else "not used"


def _name_words(feature: Feature) -> str:
    """What people read, and the column's own name where that differs: files and models ask for the name."""
    return feature.label if feature.label == feature.name else f"{feature.label} (column “{feature.name}”)"


def _audit_words(feature: Feature) -> str:
    auc = feature.audit.get("auc")
    if not auc:
        return ""
    return f"AUC alone {auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f}, n = {auc['n']:,})"


def _find(number: int | None) -> FeatureSet:
    if number is None:
        found = FeatureSet.objects.filter(state=FeatureSetState.ACTIVE).first()
        if found is None:
            raise CommandError("No feature set is active; give a number, or import a file first.")
        return found
    found = FeatureSet.objects.filter(number=number).first()
    if found is None:
        known = ", ".join(str(n) for n in FeatureSet.objects.values_list("number", flat=True)[:20])
        raise CommandError(f"There is no feature set {number}. Known: {known or 'none'}.")
    return found


def _read(path: Path) -> object:
    try:
        if path.stat().st_size > MAX_FILE:
            raise CommandError(
                f"{path.name} has more than {MAX_FILE // 1024 // 1024} MiB; expected a feature set."
            )
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CommandError(f"{path.name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path.name} is not JSON: {error}.") from error
