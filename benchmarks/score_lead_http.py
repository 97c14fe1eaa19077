"""How long `POST /api/v1/score-lead` takes over HTTP: granian, a real model, reasons on, the row committed.

    DATABASE_URL=postgresql://… REDIS_URL=redis://… python -m benchmarks.score_lead_http [--json]

Makes a database of its own beside the one that DATABASE_URL names (SQLite in a temporary directory without
it), a business, a model and a key, starts granian as `run` does, sends one lead after another over one
connection, checks that each was stored, and removes everything again. `commit_p50_ms` is what the same
database takes to commit one small row: no call can be faster.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from benchmarks.serving import granian, manage, own_database

BAR_P95_MS = 15.0
# One call in four sends a lead that is known already.
KNOWN_EVERY = 4


def payloads(count: int, *, leads: int) -> list[bytes]:
    """Bodies with the attributes of simulated leads; ids repeat where a known lead is sent again."""
    from leadscoring.simulation import SimulationConfig, api_leads, newest, simulate

    stream = simulate(SimulationConfig(seed=2, leads=leads, end=date.fromisoformat("2026-06-01")))
    attributes = [lead["attributes"] for lead in api_leads(newest(stream, min(leads, 2000)))]
    bodies, known = [], 0
    for number in range(count):
        again = number % KNOWN_EVERY == KNOWN_EVERY - 1
        known += not again
        sent = {"external_id": f"bench-{known}", "attributes": attributes[number % len(attributes)]}
        bodies.append(json.dumps(sent).encode())
    return bodies


def send(port: int, key: str, bodies: Sequence[bytes]) -> tuple[list[float], dict[str, Any]]:
    """Milliseconds of each call over one kept connection, and the last answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Api-Key {key}", "Content-Type": "application/json"}
    took, last = [], b""
    for body in bodies:
        begin = time.perf_counter()
        connection.request("POST", "/api/v1/score-lead", body, headers)
        response = connection.getresponse()
        last = response.read()
        took.append((time.perf_counter() - begin) * 1000)
        if response.status != 200:
            raise SystemExit(f"A call was answered with {response.status}: {last[:500]!r}")
    return took, json.loads(last)


COUNT = """
from scoring.models import Lead, Prediction
leads = Lead.objects.filter(external_id__startswith="bench-")
print(Prediction.objects.filter(lead__in=leads).count(), leads.count())
"""
COMMITS = 200


def commit_ms(url: str, place: str) -> float:
    """The median time to insert and commit one small row, in milliseconds."""
    took = []
    database: Any = (
        psycopg.connect(url, autocommit=True) if url else sqlite3.connect(Path(place) / "commit.sqlite3")
    )
    if not url:
        database.isolation_level = None
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
    database.execute("CREATE TABLE benchmark_commit (n integer)")
    for _ in range(COMMITS):
        begin = time.perf_counter()
        database.execute("INSERT INTO benchmark_commit VALUES (1)")
        took.append((time.perf_counter() - begin) * 1000)
    database.close()
    return float(np.median(took))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    named = os.environ.get("DATABASE_URL", "")
    url = named if named.startswith("postgres") else ""
    with tempfile.TemporaryDirectory(prefix="leadscoring-bench-") as place, own_database(url) as own:
        environment = os.environ | own | {"VAR_DIR": place, "LOG_LEVEL": "WARNING"}
        size, limit = str(options.leads), str(options.train_seconds)
        demo = json.loads(
            manage(environment, "demo", "--no-serve", "--json", "--leads", size, "--timeout", limit)
        )
        made = manage(
            environment, "create_api_key", "bench", "--scope", "score", "--per-minute", "1000000", "--json"
        )
        key = json.loads(made)["key"]
        bodies = payloads(options.warm_up + options.calls, leads=options.leads)
        with granian(environment, workers=options.workers, threads=options.threads) as (port, _):
            send(port, key, bodies[: options.warm_up])
            begin = time.perf_counter()
            took, answer = send(port, key, bodies[options.warm_up :])
            seconds = time.perf_counter() - begin
        commit = commit_ms(environment.get("DATABASE_URL", ""), place)
        predictions, leads = (int(n) for n in manage(environment, "shell", "-v", "0", "-c", COUNT).split())
    if predictions != len(bodies):
        raise SystemExit(
            f"{len(bodies)} calls were answered with 200, but {predictions} predictions are stored."
        )
    p50, p95, p99 = (float(np.percentile(took, share)) for share in (50, 95, 99))
    return {
        "measured_at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "database": "postgresql" if url else "sqlite",
        "calls_counted_in": "redis" if os.environ.get("REDIS_URL") else "each process",
        "estimator": demo["estimator"],
        "attributes": len(json.loads(bodies[0])["attributes"]),
        "reasons": len(answer["reasons"]),
        "calls": len(took),
        "predictions_stored": predictions,
        "leads_stored": leads,
        "p50_ms": round(p50, 2),
        "p95_ms": round(p95, 2),
        "p99_ms": round(p99, 2),
        "max_ms": round(max(took), 2),
        "commit_p50_ms": round(commit, 2),
        "load_average": round(os.getloadavg()[0], 2),
        "calls_per_second": round(len(took) / seconds, 1),
        "bar_p95_ms": BAR_P95_MS,
        "within_bar": p95 <= BAR_P95_MS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=2000, help="calls that are measured (2000)")
    parser.add_argument("--warm-up", type=int, default=200, help="calls before (200)")
    parser.add_argument("--leads", type=int, default=6000, help="simulated leads to train on (6000)")
    parser.add_argument(
        "--train-seconds", type=int, default=20, help="most seconds for tuning the model (20)"
    )
    parser.add_argument("--workers", type=int, default=1, help="web processes (1)")
    parser.add_argument("--threads", type=int, default=4, help="threads in each (4)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    found = measure(options)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name.replace('_', ' '):22} {value}")


if __name__ == "__main__":
    main()
