"""`manage.py create_api_key`: make an API key; its text is shown once."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from scoring.contracts import UNKNOWN_SOURCE
from scoring.services.keys import KeyNotMade, Scope, create_key

LONGEST_DAYS = 36_500


class Command(BaseCommand):
    """Makes a key and prints it; only a hash of it is kept."""

    help = "Make an API key. Its text is shown once and cannot be read again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="Who or what will use the key.")
        parser.add_argument(
            "--scope",
            dest="scopes",
            action="append",
            required=True,
            metavar="SCOPE",
            help=f"What the key may do: {', '.join(scope.value for scope in Scope)}. Repeat it, or separate "
            f"by commas.",
        )
        parser.add_argument(
            "--source",
            default=UNKNOWN_SOURCE,
            metavar="NAME",
            help="The source system whose external ids the key speaks (default: %(default)s, as in "
            "import_leads).",
        )
        parser.add_argument(
            "--days", type=int, metavar="N", help="The key ends after N days (default: never)."
        )
        parser.add_argument(
            "--per-minute", type=int, default=6000, metavar="N", help="Calls a minute (default: %(default)s)."
        )
        parser.add_argument(
            "--json", action="store_true", help="Print one JSON object on stdout, nothing else."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        days: int | None = options["days"]
        if days is not None and not 1 <= days <= LONGEST_DAYS:
            raise CommandError(f"--days is {days}; expected 1 to {LONGEST_DAYS}.")
        scopes = [part.strip() for given in options["scopes"] for part in given.split(",") if part.strip()]
        try:
            issued = create_key(
                name=options["name"],
                scopes=scopes,
                source_system=options["source"],
                per_minute=options["per_minute"],
                expires_at=None if days is None else now + timedelta(days=days),
                as_of=now,
            )
        except KeyNotMade as error:
            raise CommandError(error.detail) from error
        end = None if issued.expires_at is None else issued.expires_at.isoformat(timespec="seconds")
        if options["json"]:
            document = {
                "id": issued.id,
                "name": issued.name,
                "key": issued.key,
                "prefix": issued.prefix,
                "scopes": [scope.value for scope in issued.scopes],
                "source_system": issued.source_system,
                "per_minute": options["per_minute"],
                "expires_at": end,
            }
            self.stdout.write(json.dumps(document))
            return
        self.stderr.write(
            f"Key “{issued.name}” for {', '.join(issued.scopes)}, source system {issued.source_system}, "
            f"{'ends ' + end if end else 'without an end'}. It is shown only now:"
        )
        self.stdout.write(issued.key)
