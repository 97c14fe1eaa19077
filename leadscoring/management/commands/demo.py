"""`manage.py demo`: a year of simulated business, imported, audited, learned from, released, scored and served."""

from __future__ import annotations

import json
import secrets
import shlex
import subprocess
import sys
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from leadscoring.common.console import ProgressBar, print_json
from leadscoring.feeding import AlertTeller, Feed, answers, scenario_leads
from leadscoring.replay import COLUMNS
from leadscoring.simulation import (
    SCENARIOS,
    SimulationConfig,
    Stream,
    api_leads,
    newest,
    simulate,
    write_crm_csv,
)
from scoring.contracts import Cause, LeadInput, ScoringError
from scoring.models import ModelVersion
from scoring.selectors.versions import open_release
from scoring.services.imports import ImportSummary, import_file
from scoring.services.keys import create_key
from scoring.services.releases import activate_version
from scoring.services.scoring import score_leads
from scoring.services.training import train_here

SOURCE = "demo-crm"
USER = "demo"
MONTHS = 12
NEWEST = 200
BATCH = 100
REASON = "Demo: first model, trained on the simulated year."


class Command(BaseCommand):
    help = (
        "Simulate twelve months of leads, import and audit them, train and release a model, score the newest leads, "
        "then serve. Started again, it keeps what is there and serves."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--leads", type=int, default=20_000, help="how many leads to simulate (20,000)")
        parser.add_argument("--seed", type=int, default=1, help="another seed is another business (1)")
        parser.add_argument("--timeout", type=int, default=45, help="most seconds for tuning the model (45)")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=2, help="web processes (2)")
        parser.add_argument(
            "--scenario",
            choices=sorted(SCENARIOS),
            help="send leads of this scenario to the running demo (started first if it is not running); quiet turns "
            "the dial back",
        )
        parser.add_argument(
            "--per-minute", type=int, default=240, help="leads a minute of the scenario (240)"
        )
        parser.add_argument("--minutes", type=int, default=20, help="how long the scenario sends leads (20)")
        parser.add_argument("--no-serve", action="store_true", help="stop before the servers start")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        # Of the process that `demo --scenario` starts beside the servers.
        parser.add_argument("--feed-only", action="store_true", help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        begin = monotonic()
        if options["leads"] < NEWEST:
            raise CommandError(f"--leads {options['leads']}: expected at least {NEWEST}.")
        if not (1 <= options["per_minute"] <= 6000 and 1 <= options["minutes"] <= 1440):
            raise CommandError("--per-minute: expected 1 to 6,000; --minutes: expected 1 to 1,440.")
        url = f"http://127.0.0.1:{options['port']}"
        if options["scenario"] and (options["feed_only"] or answers(url)):
            self._feed(url, options)
            return
        call_command("migrate", interactive=False, verbosity=0)
        now = timezone.now()
        try:
            stream, path = self._simulate(options, now)
            version = self._learn(stream, path, options, now)
        except ScoringError as error:
            raise CommandError(error.detail) from error
        password = self._user()
        key = create_key(name="demo", scopes=["score", "outcomes", "read"], source_system=SOURCE, as_of=now)
        facts = {
            "address": f"http://127.0.0.1:{options['port']}/admin/",
            "user": USER,
            "password": password,
            "api_key": key.key,
            "curl": _curl(options["port"], key.key, stream),
            "version": version.number,
            "estimator": version.estimator,
            "test_auc": version.metrics["roc_auc"],
            "best_possible_auc": round(stream.bayes_auc, 4),
            "seconds": round(monotonic() - begin, 1),
        }
        if options["json"]:
            print_json(self.stdout.write, facts)
        else:
            self._tell(facts)
        self.stdout.flush()
        if not options["no_serve"]:
            with self._feeder(options):
                call_command("run", port=options["port"], workers=options["workers"], stdout=self.stderr)

    @contextmanager
    def _feeder(self, options: dict[str, Any]) -> Iterator[None]:
        """The feed of a scenario as a process beside the servers; ended with them."""
        if not options["scenario"]:
            yield
            return
        words = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "demo", "--feed-only"]
        words += [
            f"--{name.replace('_', '-')}={options[name]}"
            for name in ("scenario", "port", "per_minute", "minutes")
        ]
        child = subprocess.Popen(words)  # noqa: S603  # our own words
        try:
            yield
        finally:
            child.terminate()
            child.wait()

    def _feed(self, url: str, options: dict[str, Any]) -> None:
        now = timezone.now()
        made = Path(settings.VAR_DIR) / "demo" / "business.json"
        world = json.loads(made.read_text(encoding="utf-8"))["seed"] if made.exists() else options["seed"]
        key = create_key(name="demo feed", scopes=["score"], source_system=SOURCE, as_of=now)
        feed = Feed(url, key.key, options["per_minute"])
        if not feed.wait_for_server():
            raise CommandError(f"No server answers at {url}; start the demo first, or name its --port.")
        name, total = options["scenario"], options["per_minute"] * options["minutes"]
        self.stderr.write(f"Scenario {name}: {total:,} leads in {options['minutes']} minutes to {url}.")
        leads = scenario_leads(name, world=world, n=total, today=now.date(), run=f"{name}-{now:%H%M%S}")
        told = AlertTeller(self.stderr.write if options["json"] else self.stdout.write)
        with ProgressBar(quiet=options["json"]) as bar:
            for sent in feed.run(leads):
                told.tell()
                bar(f"Sent: {sent:,} leads, {feed.refused} refused", sent / total)
        facts = {"scenario": name, "sent": total, "scored": feed.scored, "refused": feed.refused}
        if options["json"]:
            print_json(self.stdout.write, {**facts, "errors": feed.errors[:5]})
        else:
            self.stdout.write(
                f"Scored {feed.scored:,} leads, {feed.refused:,} refused. Alerts: {url}/admin/monitoring/alert/"
            )

    def _simulate(self, options: dict[str, Any], now: datetime) -> tuple[Stream, Path]:
        end = now.astimezone(UTC).date() + timedelta(days=1)
        folder = Path(settings.VAR_DIR) / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / "business.json"
        # Started again, the same business goes on: a new end would draw other leads under the same ids.
        if made.exists():
            known = json.loads(made.read_text(encoding="utf-8"))
        else:
            known = {"seed": options["seed"], "leads": options["leads"], "end": end.isoformat()}
        config = SimulationConfig(
            seed=known["seed"],
            leads=known["leads"],
            end=datetime.fromisoformat(known["end"]).date(),
            months=MONTHS,
        )
        self.stderr.write(f"Simulating {config.leads:,} leads over {MONTHS} months …")
        stream = simulate(config)
        path = folder / "leads.csv"
        write_crm_csv(stream, path)
        made.write_text(json.dumps(known), encoding="utf-8")
        return stream, path

    def _learn(self, stream: Stream, path: Path, options: dict[str, Any], now: datetime) -> ModelVersion:
        release = open_release()
        if release is not None:
            self.stderr.write(f"Version {release.champion.number} serves already; nothing is trained again.")
            return release.champion
        with ProgressBar(quiet=options["json"]) as bar:
            summary = import_file(
                path,
                replace(COLUMNS, source=SOURCE),
                requested_by=None,
                as_of=now,
                progress=bar,
            )
        self._tell_import(summary)
        with ProgressBar(quiet=options["json"]) as bar:
            run, version = train_here(timeout_s=options["timeout"], reason=REASON, as_of=now, progress=bar)
        if version is None:
            raise CommandError(f"Training run {run.pk} was taken by another process; run the demo again.")
        activate_version(version.pk, expected_open_release_id=None, by=None, reason=REASON, as_of=now)
        self._score(stream, options, now)
        return version

    def _score(self, stream: Stream, options: dict[str, Any], now: datetime) -> None:
        leads = [
            LeadInput(external_id=str(lead["external_id"]), attributes=lead["attributes"])  # type: ignore[arg-type]
            for lead in api_leads(newest(stream, NEWEST))
        ]
        with ProgressBar(quiet=options["json"]) as bar:
            for start in range(0, len(leads), BATCH):
                bar("Scoring the newest leads", start / len(leads))
                score_leads(leads[start : start + BATCH], source_system=SOURCE, cause=Cause.API, as_of=now)
            bar(f"Scored the newest {len(leads):,} leads", 1.0)

    def _tell_import(self, summary: ImportSummary) -> None:
        self.stderr.write(
            f"Imported {summary.created:,} leads ({summary.converted:,} converted), {summary.refused:,} rows refused."
        )
        for column in summary.held_out:
            self.stderr.write(f"  held out: {column['label']}: {column['reason']}")

    def _user(self) -> str:
        """A login of this run: the password is new each time and shown once."""
        password = secrets.token_urlsafe(12)
        user, _ = get_user_model().objects.get_or_create(username=USER)
        user.is_staff = user.is_superuser = True
        user.set_password(password)
        user.save()
        return password

    def _tell(self, facts: dict[str, Any]) -> None:
        auc = facts["test_auc"]
        self.stdout.write(
            "\n".join(
                [
                    "",
                    self.style.SUCCESS(f"Ready after {facts['seconds']:.0f} s."),
                    (
                        f"  model     version {facts['version']}, {facts['estimator'].replace('_', ' ')}: ROC-AUC "
                        f"{auc['value']:.3f} on the newest fifth (95 % {auc['low']:.3f} to {auc['high']:.3f}, "
                        f"n = {auc['n']:,}); the best anybody could reach here is {facts['best_possible_auc']:.3f}"
                    ),
                    f"  admin     {facts['address']}",
                    f"  login     {facts['user']} / {facts['password']}",
                    f"  API key   {facts['api_key']}",
                    "  score a lead:",
                    facts["curl"],
                    "",
                ]
            )
        )


def _curl(port: int, key: str, stream: Stream) -> str:
    lead = next(iter(api_leads(newest(stream, 1))))
    body = json.dumps({**lead, "external_id": "from-curl-1"}, ensure_ascii=False)
    return (
        f"curl -s http://127.0.0.1:{port}/api/v1/score-lead -H 'Authorization: Api-Key {key}' "
        f"-H 'Content-Type: application/json' -d {shlex.quote(body)}"
    )
