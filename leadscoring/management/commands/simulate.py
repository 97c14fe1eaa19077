"""`manage.py simulate`: a simulated business in files: the CRM's export, its event feed, and the truth."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leadscoring.common.console import ProgressBar, print_json
from leadscoring.simulation import (
    SimulationConfig,
    Stream,
    event_count,
    event_feed,
    simulate,
    write_crm_csv,
    write_truth,
)
from leadscoring.simulation.config import DEFAULT_END
from leadscoring.simulation.dial_text import KINDS, parse_dial
from leadscoring.simulation.scenarios import SCENARIOS, scenario
from leadscoring.simulation.truth import change_records, summary

EVENTS = "events.jsonl"


class Command(BaseCommand):
    help = (
        "Simulate a business whose truth is known and write it into a folder: leads.csv (as the CRM exports it), "
        "events.jsonl (its event feed, in the order of arrival), truth.csv, gone.csv, weeks.csv, changes.csv and "
        "truth.json. Needs no database. The same options give the same bytes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--output", type=Path, required=True, metavar="FOLDER", help="made if it is missing"
        )
        parser.add_argument("--leads", type=int, default=20_000, help="how many leads (20,000)")
        parser.add_argument("--seed", type=int, default=1, help="another seed, other leads (1)")
        parser.add_argument("--world", type=int, help="another world, another law; without it the seed's own")
        parser.add_argument(
            "--end", type=_day, default=DEFAULT_END, help=f"day after the last ({DEFAULT_END})"
        )
        parser.add_argument("--months", type=int, default=12, help="how many months up to the end (12)")
        parser.add_argument("--as-of", type=_day, help="day on which the CRM is read; without it the end")
        parser.add_argument(
            "--dial",
            action="append",
            default=[],
            metavar="KIND[:TARGET],key=value,…",
            help="a change, such as broken-field:Budget,from=2025-09-01,how=missing; may be given several times. "
            f"Kinds: {', '.join(KINDS)}. Keys of all: from, until, size, ramp (days).",
        )
        parser.add_argument(
            "--scenario", choices=tuple(SCENARIOS), metavar="NAME", help=f"one of {', '.join(SCENARIOS)}"
        )
        parser.add_argument("--onset", type=_day, help="first day of the scenario; without it the middle")
        parser.add_argument("--no-events", action="store_true", help="leave out events.jsonl")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            config = _config(options)
        except ValueError as error:
            raise CommandError(f"{error}.") from error
        folder: Path = options["output"]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with ProgressBar(quiet=options["json"]) as bar:
                bar(f"Simulating {config.leads:,} leads", 0.0)
                stream = simulate(config)
                events = _write(stream, folder, bar, with_events=not options["no_events"])
                bar("Written", 1.0)
        except OSError as error:
            raise CommandError(f"The folder {folder} cannot be written: {error}") from error
        except ValueError as error:
            raise CommandError(f"{error}.") from error
        facts = {
            "output": str(folder),
            **summary(stream),
            "events": events,
            "changes": change_records(config),
        }
        if options["json"]:
            print_json(self.stdout.write, facts)
            return
        self.stdout.write(
            f"{facts['leads']:,} leads, {facts['conversions']:,} of them convert; the best possible ROC-AUC is "
            f"{facts['bayes_auc']:.3f} ({facts['expected_bayes_auc']:.3f} expected). {events:,} events. In {folder}."
        )
        for change in facts["changes"]:
            self.stdout.write(f"  {change['date']}  {change['words']}")


def _day(text: str) -> date:
    """A day for argparse, which makes the error of it."""
    return date.fromisoformat(text)


def _config(options: dict[str, Any]) -> SimulationConfig:
    dials = [parse_dial(text) for text in options["dial"]]
    plain = SimulationConfig(
        seed=options["seed"],
        world_seed=options["world"],
        leads=options["leads"],
        end=options["end"],
        months=options["months"],
        as_of=options["as_of"],
    )
    if options["scenario"]:
        onset = options["onset"] or plain.first_day + (plain.last_day - plain.first_day) / 2
        dials = [*scenario(options["scenario"], onset), *dials]
    elif options["onset"]:
        raise ValueError("--onset is the first day of a scenario; expected --scenario beside it")
    return plain.with_dials(*dials)


def _write(stream: Stream, folder: Path, bar: ProgressBar, *, with_events: bool) -> int:
    """All files, moved into the folder when all are written: files of two runs never stand side by side."""
    with TemporaryDirectory(dir=folder, prefix=".writing-") as name:
        draft = Path(name)
        bar("Writing leads.csv", 0.3)
        write_crm_csv(stream, draft / "leads.csv")
        write_truth(stream, draft, lambda words, share: bar(words, 0.45 + 0.15 * share))
        events = _write_events(stream, draft / EVENTS, bar) if with_events else 0
        (folder / EVENTS).unlink(missing_ok=True)
        for path in sorted(draft.iterdir()):
            path.replace(folder / path.name)
    return events


def _write_events(stream: Stream, path: Path, bar: ProgressBar) -> int:
    total, written = event_count(stream), 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for batch in event_feed(stream):
            file.writelines(f"{json.dumps(event, ensure_ascii=False)}\n" for event in batch.records())
            written += len(batch)
            bar("Writing events.jsonl", 0.6 + 0.4 * written / total)
    return written
