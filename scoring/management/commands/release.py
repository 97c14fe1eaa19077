"""What serves now, and putting a version into service."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from leadscoring.common.console import DatabaseCommand, print_json
from scoring.contracts import ScoringError
from scoring.models import ModelVersion, Release
from scoring.selectors.versions import open_release
from scoring.services.releases import activate_version


class Command(DatabaseCommand):
    help = "Show the open release, or put a version into service."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True)
        show = commands.add_parser("show", help="what serves now")
        show.add_argument("--json", action="store_true")
        activate = commands.add_parser("activate", help="put a version into service")
        activate.add_argument("version", type=int, metavar="VERSION")
        activate.add_argument("--reason", required=True, help="why, for the record")
        activate.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        release = (
            self._activate(options["version"], options["reason"])
            if options["action"] == "activate"
            else open_release()
        )
        if options["json"]:
            print_json(self.stdout.write, _document(release))
        elif release is None:
            self.stdout.write("No release is open: nothing serves. Train a model, then activate it.")
        else:
            self.stdout.write(
                f"Release {release.pk}: {release.champion} serves every lead since "
                f"{release.opened_at:%Y-%m-%d %H:%M} UTC. Reason: {release.reason}"
            )

    def _activate(self, number: int, reason: str) -> Release:
        version = ModelVersion.objects.filter(number=number).first()
        if version is None:
            known = ", ".join(str(n) for n in ModelVersion.objects.values_list("number", flat=True)[:20])
            raise CommandError(
                f"There is no version {number}. Known: {known or 'none; train a model first'}."
            )
        current = open_release()
        try:
            return activate_version(
                version.pk,
                expected_open_release_id=current.pk if current else None,
                by=None,
                reason=reason,
                as_of=timezone.now(),
            )
        except ScoringError as error:
            raise CommandError(error.detail) from error


def _document(release: Release | None) -> dict[str, Any]:
    if release is None:
        return {"release": None}
    return {
        "release": release.pk,
        "version": release.champion.number,
        "estimator": release.champion.estimator,
        "opened_at": release.opened_at.isoformat(),
        "reason": release.reason,
    }
