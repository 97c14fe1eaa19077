"""Play a scenario of the simulated business through the services, in its own time, and say when the alerts came."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from leadscoring.common.console import ProgressBar, print_json
from leadscoring.replay import Player, begin
from leadscoring.simulation import SCENARIOS, SimulationConfig, scenario, simulate
from monitoring.models import Alert, AlertEvent
from monitoring.services import performance, watch
from scoring.models import Lead

SOURCE = "drill"
#: So long after the onset beat's own pace is kept; before and after it the watch looks less often, to save time.
CLOSELY = timedelta(days=2)
FIVE_MINUTES = timedelta(minutes=5)
FIRST = date(2025, 1, 1)
LEARNED_WEEKS = 39


class Command(BaseCommand):
    help = (
        "Play a scenario of the simulated business in a database of its own: a model learns from nine months, serves "
        "some quiet weeks, then the scenario begins. Prints every alert with its time since the onset."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("scenario", choices=sorted(SCENARIOS))
        parser.add_argument("--per-week", type=int, default=700, help="leads a week (700)")
        parser.add_argument(
            "--before", type=int, default=6, help="quiet weeks that are served before the onset (6)"
        )
        parser.add_argument("--weeks", type=int, default=2, help="weeks played after the onset (2)")
        parser.add_argument("--seed", type=int, default=1, help="another seed is another business (1)")
        parser.add_argument(
            "--look-hours", type=int, default=6, help="hours between looks outside the onset (6)"
        )
        parser.add_argument(
            "--performance-days", type=int, default=7, help="days between checks of performance (7)"
        )
        parser.add_argument("--timeout", type=int, default=20, help="most seconds for tuning the model (20)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--here", action="store_true", help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        for name in ("per_week", "before", "weeks", "look_hours", "performance_days"):
            if options[name] < 1:
                raise CommandError(f"--{name.replace('_', '-')} {options[name]}: expected at least 1.")
        if 24 % options["look_hours"]:
            # The daily checks are made at midnight.
            raise CommandError(f"--look-hours {options['look_hours']}: expected a divisor of 24.")
        if not options["here"]:
            self._elsewhere()
            return
        if Lead.objects.exists():
            raise CommandError("This database holds leads; a drill needs an empty one.")
        print_or_tell(self, self._play(options), as_json=options["json"])

    def _elsewhere(self) -> None:
        """The same command with a place and a database of its own, removed afterwards."""
        with tempfile.TemporaryDirectory(prefix="leadscoring-drill-") as folder:
            environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
            environment |= {"VAR_DIR": folder, "LOG_LEVEL": "ERROR"}
            program = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py")]
            subprocess.run([*program, "migrate", "--verbosity=0"], env=environment, check=True)  # noqa: S603
            ended = subprocess.run([*program, *sys.argv[1:], "--here"], env=environment, check=False)  # noqa: S603
        if ended.returncode:
            raise CommandError("The drill did not end well; see above.")

    def _play(self, options: dict[str, Any]) -> dict[str, Any]:
        served = FIRST + timedelta(weeks=LEARNED_WEEKS)
        onset = served + timedelta(weeks=options["before"])
        end = onset + timedelta(weeks=options["weeks"])
        weeks = LEARNED_WEEKS + options["before"] + options["weeks"]
        config = SimulationConfig(
            seed=options["seed"], leads=options["per_week"] * weeks, start=FIRST, end=end
        ).with_dials(*scenario(options["scenario"], onset))
        start, begun, over = (datetime.combine(day, time(), UTC) for day in (served, onset, end))
        with ProgressBar(quiet=options["json"]) as bar:
            version = begin(
                config, served, Path(settings.VAR_DIR), source=SOURCE, reason="Drill.",
                timeout_s=options["timeout"], progress=lambda text, share: bar(text, share * 0.2),
            )  # fmt: skip
            if version is None:
                raise CommandError("Another training is running here.")
            player = Player(simulate(config), start, source=SOURCE)
            looks = 0
            for at in _moments(start, begun, over, timedelta(hours=options["look_hours"])):
                player.play(at)
                watch.look(as_of=at + timedelta(minutes=1))
                looks += 1
                if at.time() == time():
                    watch.check_drift(as_of=at + timedelta(minutes=12))
                    if (at.date() - served).days % options["performance_days"] == 0:
                        performance.check(as_of=at)
                bar(f"Played: until {at:%-d %b %Y}", 0.2 + 0.8 * (at - start) / (over - start))
        return {
            "scenario": options["scenario"],
            "seed": options["seed"],
            "per_week": options["per_week"],
            "model": {"test_auc": version.metrics["roc_auc"]},
            "served": start.isoformat(),
            "onset": begun.isoformat(),
            "end": over.isoformat(),
            "leads": player.scored,
            "outcomes": player.outcomes,
            "looks": looks,
            "alerts": [_alert(one, begun) for one in Alert.objects.order_by("onset", "pk")],
            "events": AlertEvent.objects.count(),
        }


def _moments(start: datetime, onset: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    at = start
    while at < end:
        at += FIVE_MINUTES if onset <= at < onset + CLOSELY else step
        yield at


def _alert(alert: Alert, onset: datetime) -> dict[str, Any]:
    return {
        "onset": alert.onset.isoformat(),
        "hours_after": round((alert.onset - onset).total_seconds() / 3600, 2),
        "kind": alert.kind,
        "subject": alert.subject,
        "cause": alert.cause,
        "level": alert.highest_level,
        "state": alert.state,
        "closed": alert.closed_at.isoformat() if alert.closed_at else None,
        "title": alert.title,
        "members": len(alert.parts),
        "n": alert.n,
        "p": alert.p,
    }


def print_or_tell(command: BaseCommand, found: dict[str, Any], *, as_json: bool) -> None:
    """The result as one JSON object, or in lines for people."""
    if as_json:
        print_json(command.stdout.write, json.loads(json.dumps(found, default=str)))
        return
    write = command.stdout.write
    write(
        f"\n{found['scenario']}, seed {found['seed']}: {found['leads']:,} leads scored, {found['outcomes']:,} outcomes "
        f"reported, {found['served'][:10]} to {found['end'][:10]}, onset {found['onset'][:10]}."
    )
    for alert in found["alerts"]:
        hours = alert["hours_after"]
        when = f"{hours:+.1f} h" if abs(hours) < 72 else f"{hours / 24:+.1f} days"
        end = f", over {alert['closed'][:16]}" if alert["closed"] else ", still open"
        write(f"  {when:>11}  {alert['level']:<8} {alert['title']} ({alert['members']} readings{end})")
    if not found["alerts"]:
        write("  no alert")
