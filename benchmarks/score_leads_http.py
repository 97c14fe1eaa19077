"""How many leads a second `POST /api/v1/score-leads` stores and scores, 500 a call, over HTTP.

    DATABASE_URL=postgresql://… REDIS_URL=redis://… python -m benchmarks.score_leads_http [--json]

Makes a database of its own beside the one that DATABASE_URL names and a simulated business in it, learns a
logistic model and one of 100 trees with 31 leaves, and starts granian. For each model, with 1, 2 and 4
connections, calls with 500 new leads each are sent as fast as they are answered, then the same leads again
(updates). Every answer is compared with the row that the database holds afterwards. Beside the rate stands
what does not depend on what else the machine does: processor seconds for each 500 leads of the web server
and of PostgreSQL.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from benchmarks.serving import ROOT, database_seconds, granian, manage, own_database, web_seconds

BATCH = 500
BARS = {"boosting": 1000.0, "logistic": 3000.0}
SOURCE = "bench-crm"
END = date(2026, 6, 1)


def learned_from(place: Path, leads: int) -> tuple[Path, list[dict[str, Any]]]:
    """The file of a simulated business to learn from, and attributes of other leads to score."""
    from leadscoring.simulation import SimulationConfig, api_leads, newest, simulate, write_crm_csv

    path = place / "leads.csv"
    write_crm_csv(simulate(SimulationConfig(seed=1, leads=leads, end=END)), path)
    others = simulate(SimulationConfig(seed=2, leads=leads, end=END))
    return path, [lead["attributes"] for lead in api_leads(newest(others, 2000))]  # type: ignore[misc]


def import_business(environment: dict[str, str], path: Path) -> str:
    """Import the file and make a key; the key's text."""
    manage(environment, "migrate", "--no-input", "-v", "0")
    columns = ["--converted", "Converted", "--id", "Lead ID", "--created-at", "Created"]
    manage(environment, "import_leads", str(path), *columns, "--source", "business", "--json")
    made = manage(
        environment,
        "create_api_key",
        "bench",
        "--scope",
        "score",
        "--source",
        SOURCE,
        "--per-minute",
        "1000000",
        "--json",
    )
    return str(json.loads(made)["key"])


def serve_model(environment: dict[str, str], kind: str) -> dict[str, Any]:
    """Learn and release a model of this kind; its size."""
    command = [sys.executable, "-m", "benchmarks.fixed_model", kind]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().split("\n")[-1])
    return found


def bodies(prefix: str, calls: int, attributes: Sequence[dict[str, Any]]) -> list[bytes]:
    """Calls of 500 leads each that nobody else sends."""
    return [
        json.dumps(
            {
                "leads": [
                    {
                        "external_id": f"{prefix}-{call}-{i}",
                        "attributes": attributes[(call * 37 + i) % len(attributes)],
                    }
                    for i in range(BATCH)
                ]
            }
        ).encode()
        for call in range(calls)
    ]


def send(port: int, key: str, calls: Sequence[bytes]) -> list[tuple[float, bytes]]:
    """Send calls over one kept connection; seconds and answer of each."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Authorization": f"Api-Key {key}", "Content-Type": "application/json"}
    found = []
    for body in calls:
        begin = time.perf_counter()
        connection.request("POST", "/api/v1/score-leads", body, headers)
        response = connection.getresponse()
        answer = response.read()
        found.append((time.perf_counter() - begin, answer))
        if response.status != 200:
            raise SystemExit(f"A call was answered with {response.status}: {answer[:500]!r}")
    return found


def measure_once(
    port: int, pid: int, url: str, key: str, calls: Sequence[bytes], connections: int
) -> dict[str, Any]:
    """Send all calls over this many connections; rate, times and processor seconds."""
    web, database, own = web_seconds(pid), database_seconds(url), time.process_time()
    begin = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        parts = list(pool.map(lambda k: send(port, key, calls[k::connections]), range(connections)))
    seconds = time.perf_counter() - begin
    client = time.process_time() - own
    web, database = web_seconds(pid) - web, database_seconds(url) - database
    answers = [answer for part in parts for answer in part]
    check_stored(url, [body for _, body in answers])
    took = [one * 1000 for one, _ in answers]
    n = len(calls)
    return {
        "connections": connections,
        "leads_per_second": round(n * BATCH / seconds, 1),
        "p50_ms": round(float(np.percentile(took, 50)), 1),
        "p95_ms": round(float(np.percentile(took, 95)), 1),
        "web_cpu_s_per_500": round(web / n, 3),
        "postgresql_cpu_s_per_500": round(database / n, 3),
        "client_cpu_s_per_500": round(client / n, 3),
        "load_average": round(os.getloadavg()[0], 2),
    }


STORED = """
SELECT p.id::text, l.external_id, p.probability, p.score, p.grade, p.reasons, p.warnings, l.score, l.grade
FROM scoring_prediction p JOIN scoring_lead l ON l.id = p.lead_id WHERE p.id = ANY(%s::uuid[])
"""


def check_stored(url: str, answers: Sequence[bytes]) -> None:
    """End the measurement when a row is not what was answered."""
    said = {}
    for answer in answers:
        for item in json.loads(answer)["results"]:
            one = item["result"]
            said[one["prediction_id"]] = (
                one["external_id"],
                one["probability"],
                one["score"],
                one["grade"],
                one["reasons"],
                one["warnings"],
                one["score"],
                one["grade"],
            )
    with psycopg.connect(url) as database:
        stored = {row[0]: row[1:] for row in database.execute(STORED, [list(said)]).fetchall()}
    wrong = [key for key, row in said.items() if stored.get(key) != row]
    if len(said) != len(answers) * BATCH or wrong:
        raise SystemExit(f"{len(said):,} predictions were answered; {len(wrong):,} rows differ from them.")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All measurements, on a database of their own."""
    named = os.environ.get("DATABASE_URL", "")
    if not named.startswith("postgres"):
        raise SystemExit("Set DATABASE_URL to a PostgreSQL server; the bar is for PostgreSQL.")
    found: dict[str, Any] = {
        "measured_at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "workers": options.workers,
        "threads": options.threads,
        "cores": os.cpu_count(),
    }
    with tempfile.TemporaryDirectory(prefix="leadscoring-bench-") as place, own_database(named) as own:
        environment = os.environ | own | {"VAR_DIR": place, "LOG_LEVEL": "WARNING"}
        path, attributes = learned_from(Path(place), options.leads)
        key = import_business(environment, path)
        for kind in options.models:
            found[kind] = serve_model(environment, kind) | {"bar_leads_per_second": BARS[kind]}
            with granian(environment, workers=options.workers, threads=options.threads) as (port, pid):
                warm = bodies(f"{kind}-warm", 4 * options.workers, attributes)
                with ThreadPoolExecutor(2 * options.workers) as pool:
                    list(pool.map(lambda body, port=port: send(port, key, [body]), warm))
                for state in ("new", "known"):
                    found[kind][state] = [
                        measure_once(
                            port,
                            pid,
                            own["DATABASE_URL"],
                            key,
                            bodies(f"{kind}-{n}", options.calls, attributes),
                            n,
                        )
                        for n in options.connections
                    ]
            best = max(one["leads_per_second"] for one in found[kind]["new"])
            found[kind]["within_bar"] = best >= BARS[kind]
    return found


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=16, help="calls of 500 leads in each measurement (16)")
    parser.add_argument("--leads", type=int, default=6000, help="simulated leads to learn from (6000)")
    parser.add_argument("--workers", type=int, default=2, help="web processes (2)")
    parser.add_argument("--threads", type=int, default=2, help="threads in each (2)")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--models", nargs="+", choices=list(BARS), default=list(BARS))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    found = measure(options)
    if options.json:
        print(json.dumps(found))
        return
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
