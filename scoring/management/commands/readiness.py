"""How far the leads carry a model, and when there will be enough."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from leadscoring.common.console import DatabaseCommand, print_json
from scoring.ml.pace_words import pace_words, when_words
from scoring.ml.selection import NAMES
from scoring.services.readiness import Readiness, counted_readiness


class Command(DatabaseCommand):
    help = "Count the leads and say what a model would need, what there is, and when it will be enough."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        found = counted_readiness(as_of=timezone.now())
        if options["json"]:
            print_json(self.stdout.write, _document(found))
        else:
            self.stdout.write("\n".join(_lines(found)))


def _document(found: Readiness) -> dict[str, Any]:
    return {
        "as_of": found.taken_at.isoformat(),
        "leads": found.counts["leads"],
        "not_ripe": found.counts["not_ripe"],
        "ripe": found.counts["ripe"],
        **found.assessment.to_json(),
    }


def _lines(found: Readiness) -> list[str]:
    answer, as_of = found.assessment, found.taken_at
    rungs = ", ".join(NAMES[kind] for kind in answer.ladder) or "none"
    return [
        f"Ripe leads: {answer.leads:,} of {answer.need_leads:,}: {when_words(answer.ahead.leads, as_of=as_of)}.",
        (
            f"{answer.rarer_name.capitalize()}: {answer.rarer:,} of {answer.need_rarer:,}: "
            f"{when_words(answer.ahead.rarer, as_of=as_of)}."
        ),
        f"Not ripe yet: {found.counts['not_ripe']:,} leads.",
        pace_words(answer.ahead.pace),
        f"Training today would try: {rungs}.",
        *answer.messages,
    ]
