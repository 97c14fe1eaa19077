"""How long after a release was opened the last answer of the version before it comes, over all web workers.

    DATABASE_URL=postgresql://… REDIS_URL=redis://… python -m benchmarks.release_swap [--json]

Makes a database, a business, two versions and a key of its own, starts granian with several workers, and sends leads
from several threads, each over a new connection so that every worker is met. In the middle of it the second version
is released. No call may fail; after the bar of 2 s no call may be answered by the old version.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.score_lead_http import payloads
from benchmarks.serving import granian, manage, own_database

BAR_S = 2.0
BEFORE_S, AFTER_S = 4.0, 6.0
CLIENTS = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """One call: when it was sent and answered (seconds of one clock), with what."""

    sent: float
    at: float
    status: int
    version: int


def call(port: int, key: str, body: bytes) -> Answer:
    sent = time.monotonic()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"Authorization": f"Api-Key {key}", "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/score-lead", body, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
    except OSError:
        return Answer(sent, time.monotonic(), 0, 0)
    version = answer["model"]["version"] if response.status == 200 else 0
    return Answer(sent, time.monotonic(), response.status, version)


def traffic(port: int, key: str, bodies: list[bytes], stop: threading.Event, answers: list[Answer]) -> None:
    number = 0
    while not stop.is_set():
        answers.append(call(port, key, bodies[number % len(bodies)]))
        number += 1


def release(environment: dict[str, str]) -> float:
    """Open the release of version 2 and return the moment of its commit, before anything else that follows it."""
    os.environ.update(environment, DJANGO_SETTINGS_MODULE="leadscoring.settings")
    import django

    django.setup()
    from django.db import transaction
    from django.utils import timezone

    from scoring import signals
    from scoring.models import ModelVersion, Release
    from scoring.services.releases import activate_version

    committed: list[float] = []

    def note(**_: Any) -> None:
        transaction.on_commit(lambda: committed.append(time.monotonic()))

    signals.release_changed.connect(note)
    current = Release.objects.get(is_open=True)
    activate_version(
        ModelVersion.objects.get(number=2).pk,
        expected_open_release_id=current.pk,
        by=None,
        reason="Benchmark of the swap.",
        as_of=timezone.now(),
    )
    return committed[0]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    named = os.environ.get("DATABASE_URL", "")
    url = named if named.startswith("postgres") else ""
    with tempfile.TemporaryDirectory(prefix="leadscoring-bench-") as place, own_database(url) as own:
        environment = os.environ | own | {"VAR_DIR": place, "LOG_LEVEL": "WARNING"}
        manage(environment, "demo", "--no-serve", "--json", "--leads", str(options.leads), "--timeout", "10")
        manage(environment, "train_model", "--json", "--seed", "1", "--timeout", "10")
        made = manage(
            environment, "create_api_key", "bench", "--scope", "score", "--per-minute", "1000000", "--json"
        )
        key = json.loads(made)["key"]
        bodies = payloads(500, leads=options.leads)
        answers: list[Answer] = []
        stop = threading.Event()
        with granian(environment, workers=options.workers, threads=2) as (port, _):
            threads = [
                threading.Thread(target=traffic, args=(port, key, bodies[i::CLIENTS], stop, answers))
                for i in range(CLIENTS)
            ]
            for thread in threads:
                thread.start()
            time.sleep(BEFORE_S)
            opened = release(environment)
            time.sleep(AFTER_S)
            stop.set()
            for thread in threads:
                thread.join()
        from django.db import connections

        connections.close_all()
    old = [answer for answer in answers if answer.version == 1 and answer.at > opened]
    return {
        "database": "postgresql" if url else "sqlite",
        "workers": options.workers,
        "calls": len(answers),
        "failed": sum(answer.status != 200 for answer in answers),
        "by_old_version": sum(answer.version == 1 for answer in answers),
        "by_new_version": sum(answer.version == 2 for answer in answers),
        "last_old_answer_s": round(max((answer.at - opened for answer in old), default=0.0), 3),
        "bar_s": BAR_S,
        "cores": os.cpu_count(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--leads", type=int, default=4000, help="leads of the simulated business")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    found = measure(options)
    if not found["by_new_version"]:
        raise SystemExit("No call was answered by the new version: the swap was not seen at all.")
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name.replace('_', ' '):<20} {value}")


if __name__ == "__main__":
    main()
