"""How long an import takes on PostgreSQL, against COPY of the same lead rows into the same table.

    DATABASE_URL=postgresql://… python -m benchmarks.import_speed [--rows 100000] [--columns 20] [--again]

Runs `manage.py import_leads` as a process of its own on a made-up file and reports its wall clock and its
largest resident memory. The floor beside it: the lead rows the import wrote, as text, by one COPY into the same
table with all its indexes, in the same database. Leads of source "import-speed" are made and deleted again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

SOURCE = "import-speed"
ROOT = Path(__file__).resolve().parent.parent


def write_file(path: Path, rows: int, columns: int) -> None:
    """A file as an export has it: id, date, outcome, revenue, numbers, categories, flags."""
    draw = random.Random(7)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    names = ["Lead ID", "Created", "Status", "Revenue", *(f"Field {i}" for i in range(columns - 4))]
    levels = [[f"level {k} of {i}" for k in range(4 + 3 * i)] for i in range(columns)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for n in range(rows):
            cells: list[object] = []
            for i in range(columns - 4):
                kind = i % 4
                if kind == 0:
                    cells.append(draw.choice(levels[i]))
                elif kind == 1:
                    cells.append(draw.randrange(10_000))
                elif kind == 2:
                    cells.append(draw.choice(("yes", "no", "")))
                else:
                    cells.append(f"{draw.gauss(100, 25):.2f}")
            won = draw.random() < 0.2
            created = start + timedelta(minutes=n)
            writer.writerow(
                [
                    f"L-{n:08d}",
                    created.strftime("%Y-%m-%d %H:%M"),
                    "Won" if won else "Lost",
                    f"{draw.random() * 9000:.2f}" if won else "",
                    *cells,
                ]
            )


def run_import(path: Path) -> tuple[float, float, float, dict[str, object]]:
    """Seconds, processor seconds of the process, peak MiB, and what the command said."""
    command = [sys.executable, str(ROOT / "manage.py"), "import_leads", str(path), "--json"]
    command += ["--converted", "Status", "--converted-value", "Won", "--id", "Lead ID"]
    command += ["--created-at", "Created", "--revenue", "Revenue", "--currency", "AED", "--source", SOURCE]
    began = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"the import ended with {process.returncode}")
        out.seek(0)
        said: dict[str, object] = json.loads(out.read())
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said


def copy_floor() -> tuple[float, int]:
    """Seconds of one COPY FROM of the lead rows just imported, into the same table with its indexes."""
    from django.db import connection

    names = (
        "id, source_system, external_id, created, owner, stage, attributes, file_position, import_run_id, "
    )
    names += "awaiting_score, score, grade, scored_at, scored_by_id, first_seen, updated_at"
    with tempfile.TemporaryFile() as file, connection.cursor() as cursor:
        chosen = f"SELECT {names} FROM scoring_lead WHERE source_system = '{SOURCE}' ORDER BY id"
        with cursor.copy(f"COPY ({chosen}) TO STDOUT") as copy:
            for block in copy:
                file.write(bytes(block))
        cleared()
        file.seek(0)
        cursor.execute("VACUUM ANALYZE scoring_lead")
        began = time.perf_counter()
        with cursor.copy(f"COPY scoring_lead ({names}) FROM STDIN") as copy:
            while block := file.read(1 << 20):
                copy.write(block)
        took = time.perf_counter() - began
        cursor.execute("SELECT count(*) FROM scoring_lead WHERE source_system = %s", [SOURCE])
        return took, int(cursor.fetchone()[0])


def cleared() -> None:
    """No lead of the benchmark left."""
    from django.db import connection

    with connection.cursor() as cursor:
        chosen = "(SELECT id FROM scoring_lead WHERE source_system = %s)"
        for table in ("scoring_outcome", "scoring_leadsearch", "scoring_leadevent"):
            cursor.execute(f"DELETE FROM {table} WHERE lead_id IN {chosen}", [SOURCE])
        cursor.execute("DELETE FROM scoring_lead WHERE source_system = %s", [SOURCE])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--again", action="store_true", help="import the same file a second time, unchanged")
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadscoring.settings")
    import django

    django.setup()
    from django.db import connection

    if connection.vendor != "postgresql":
        raise SystemExit("DATABASE_URL names no PostgreSQL; COPY is what this is measured against.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leads.csv"
        write_file(path, asked.rows, asked.columns)
        cleared()
        took, processor, memory, said = run_import(path)
        again = run_import(path) if asked.again else None
        floor, copied = copy_floor()
    cleared()
    result = {
        "rows": asked.rows,
        "columns": asked.columns,
        "created": said["created"],
        "import_seconds": round(took, 2),
        "import_processor_seconds": round(processor, 2),
        "peak_rss_mib": round(memory),
        "copy_seconds": round(floor, 2),
        "copied_rows": copied,
        "times_copy": round(took / floor, 1),
        "load_average": round(os.getloadavg()[0], 2),
        "own_peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    if again is not None:
        result["again_seconds"], result["again_unchanged"] = round(again[0], 2), again[3]["unchanged"]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
