"""`import_leads` as a process of its own that ends without a word at named points, as kill -9 ends it; then run again.

The long form, with random moments, is `python -m benchmarks.kill_runs`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.factories.files import lead_rows, write_leads

ROOT = Path(__file__).resolve().parents[4]

PROGRAM = """
import os, sys
import django
django.setup()
from django.core.management import call_command
from scoring.services.imports import chunks, run, write
from scoring.services.imports.options import ImportSummary

chunks.CHUNK = 20
point, path = sys.argv[1], sys.argv[2]
calls = []

def dies(original, at):
    def wrapped(*args, **kwargs):
        calls.append(1)
        if len(calls) == at:
            os._exit(137)
        return original(*args, **kwargs)
    return wrapped

if point == "before the first row":
    run.write_rows = dies(run.write_rows, 1)
elif point == "inside a transaction":
    chunks.claims.renew = dies(chunks.claims.renew, 3)
elif point == "between two chunks":
    ImportSummary.take = dies(ImportSummary.take, 3)
elif point == "before the end":
    run.settle_feature_set = dies(run.settle_feature_set, 1)
elif point == "inside the end":
    run.claims.finish = dies(run.claims.finish, 1)
call_command("import_leads", path, converted="Converted", id="Lead ID", created_at="Created", json=True)
"""

LOOK = """
import json
import django
django.setup()
from scoring.models import FeatureSet, ImportRun, Lead, Outcome
print(json.dumps({
    "runs": list(ImportRun.objects.order_by("id").values_list("state", "rows_read", "rows_created")),
    "leads": Lead.objects.count(),
    "outcomes": Outcome.objects.count(),
    "sets": list(FeatureSet.objects.values_list("state", flat=True)),
}))
"""


def python(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")
    }
    environment |= {"VAR_DIR": str(place), "PYTHONPATH": str(ROOT), "LOG_LEVEL": "WARNING"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of its own, made once; SQLite in a file, so that it outlives the process that dies."""
    place = tmp_path_factory.mktemp("migrated")
    done = python(place, "manage.py", "migrate", "--verbosity", "0")
    assert done.returncode == 0, done.stderr
    return place


@pytest.mark.parametrize(
    "point",
    [
        "before the first row",
        "inside a transaction",
        "between two chunks",
        "before the end",
        "inside the end",
    ],
)
def test_a_rerun_right_after_a_killed_process_ends_it(point: str, migrated: Path, tmp_path: Path) -> None:
    place = tmp_path / "var"
    place.mkdir()
    (place / "db.sqlite3").write_bytes((migrated / "db.sqlite3").read_bytes())
    rows = lead_rows(100)
    path = write_leads(tmp_path / "leads.csv", rows)
    died = python(place, "-c", PROGRAM, point, str(path))
    assert died.returncode == 137, died.stderr
    rerun = python(place, "-c", PROGRAM, "nowhere", str(path))
    assert rerun.returncode == 0, rerun.stderr
    said: dict[str, Any] = json.loads(rerun.stdout)
    assert (said["rows_read"], said["created"], said["unchanged"]) == (100, 100, 0)
    assert json.loads(python(place, "-c", LOOK).stdout) == {
        "runs": [["done", 100, 100]],
        "leads": 100,
        "outcomes": sum(row["Converted"] == "1" for row in rows),
        "sets": ["active"],
    }
