"""kill -9 at random moments of real processes, a rerun each time, and a comparison with the truth.

    python -m benchmarks.kill_runs --what import   [--times 50] [--rows 20000] [--seed 1]
    python -m benchmarks.kill_runs --what training [--times 50]

Import: `manage.py import_leads` is killed at a moment drawn uniformly over a whole undisturbed run (start and end
included) and run again to its end. What must be there is computed from the file: each lead once, each outcome
once, the counts in the run's row, every refused row. Training: `manage.py train_model` is killed in the same way
and run again unless its run had ended; each run asked for must end in exactly one version.

Runs in the database of DATABASE_URL (SQLite under VAR_DIR without one) and deletes the leads it made.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.factories.files import lead_rows

SOURCE = "kill-runs"
SPOILT = 41


def started(arguments: list[str], said: Path) -> int:
    """`manage.py` with these arguments in a process of its own; its id. Forked from this one, which has loaded all
    modules: otherwise most kills would hit the start of Python."""
    from django.core.management import ManagementUtility
    from django.db import connections

    connections.close_all()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        ManagementUtility(["manage.py", *arguments]).execute()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def finished(arguments: list[str]) -> tuple[int, str, float]:
    """Exit code, what was said, seconds."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        began = time.perf_counter()
        _, status = os.waitpid(started(arguments, said), 0)
        took = time.perf_counter() - began
        return os.waitstatus_to_exitcode(status), said.read_text("utf-8", "replace"), took


def killed(arguments: list[str], after: float) -> bool:
    """Start, wait, kill -9; whether it was still running."""
    pid = started(arguments, Path(os.devnull))
    end = time.perf_counter() + after
    while time.perf_counter() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def load_everything() -> None:
    """Load what the commands load when they need it, so that children start with it."""
    for name in (
        "scoring.management.commands.import_leads",
        "scoring.management.commands.train_model",
        *("scoring.ml.training", "sklearn.linear_model", "lightgbm", "optuna", "mlflow.tracking", "openpyxl"),
    ):
        import_module(name)


def write_rows(path: Path, rows: int, seed: int) -> dict[str, Any]:
    """The file, and what must come of it."""
    leads = lead_rows(rows, seed=seed)
    for number in range(0, rows, SPOILT):
        leads[number]["Created"] = "some day"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(leads[0]))
        writer.writeheader()
        writer.writerows(leads)
    good = [row for number, row in enumerate(leads) if number % SPOILT]
    return {
        "ids": sorted(row["Lead ID"] for row in good),
        "converted": sorted(row["Lead ID"] for row in good if row["Converted"] == "1"),
        "refused": [number + 2 for number in range(0, rows, SPOILT)],
    }


def check_import(truth: dict[str, Any], *, by_id: bool) -> list[str]:
    """What differs from the truth, in words."""
    from scoring.models import ImportRun, Lead, Outcome

    wrong = []
    leads = Lead.objects.filter(source_system=SOURCE)
    if by_id:
        found = sorted(leads.values_list("external_id", flat=True))
        if found != truth["ids"]:
            wrong.append(f"{len(found)} leads instead of {len(truth['ids'])}")
    elif leads.count() != len(truth["ids"]):
        wrong.append(f"{leads.count()} leads instead of {len(truth['ids'])}")
    outcomes = Outcome.objects.filter(lead__source_system=SOURCE)
    if outcomes.filter(kind="converted", is_current=True).count() != len(truth["converted"]):
        wrong.append("conversions differ")
    if outcomes.count() != len(truth["converted"]):
        wrong.append("an outcome was recorded twice")
    run = ImportRun.objects.filter(source_system=SOURCE).latest("id")
    counts = (run.state, run.rows_read, run.rows_refused)
    if counts != ("done", len(truth["ids"]) + len(truth["refused"]), len(truth["refused"])):
        wrong.append(f"the run's row says {counts}")
    if run.rows_created + run.rows_updated + run.rows_unchanged != len(truth["ids"]):
        wrong.append("the run's counts do not add up")
    first = ImportRun.objects.filter(source_system=SOURCE).earliest("id")
    if first.pk == run.pk and run.rows_created != len(truth["ids"]):
        wrong.append(f"the run's row counts {run.rows_created} new leads")
    errors = list(run.row_errors.values_list("row_number", flat=True))
    if errors != truth["refused"]:
        wrong.append(f"{len(errors)} refused rows named instead of {len(truth['refused'])}")
    return wrong


def clear_import() -> None:
    """No lead, outcome, run or feature set of the benchmark left."""
    from scoring.models import FeatureSet, ImportRun, Lead, ModelVersion, Outcome, TrainingRun

    ModelVersion.objects.filter(training_run__reason="kill-runs").delete()
    TrainingRun.objects.filter(reason="kill-runs").delete()
    Outcome.objects.filter(lead__source_system=SOURCE).delete()
    Lead.objects.filter(source_system=SOURCE).delete()
    ImportRun.objects.filter(source_system=SOURCE).delete()
    FeatureSet.objects.filter(name__startswith="kill-runs").delete()


def import_command(path: Path, *, by_id: bool) -> list[str]:
    extra = ["--id", "Lead ID"] if by_id else []
    return [
        *("import_leads", str(path), "--converted", "Converted", "--created-at", "Created"),
        *("--source", SOURCE, "--json", *extra),
    ]


def kill_imports(times: int, rows: int, seed: int) -> dict[str, Any]:
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kill-runs.csv"
        truth = write_rows(path, rows, seed)
        clear_import()
        code, said, took = finished(import_command(path, by_id=True))
        if code or (wrong := check_import(truth, by_id=True)):
            raise SystemExit(f"the undisturbed run failed: {said if code else wrong}")

        span = took

        def once(number: int) -> tuple[bool, list[str], bool]:
            nonlocal span
            clear_import()
            by_id = number % 5 != 0
            command = import_command(path, by_id=by_id)
            hit = killed(command, draw.uniform(0.0, span))
            code, said, lasted = finished(command)
            resumed = "Went on behind row" in said
            # On a shared machine runs grow and shrink: the next kill is drawn over what a whole run takes now.
            span = span if resumed else lasted
            wrong = [f"the rerun ended with {code}: {said[-300:]}"] if code else []
            return hit, wrong or check_import(truth, by_id=by_id), resumed

        result = repeat(times, once)
        clear_import()
    return {"what": "import", "rows": rows, "undisturbed_seconds": round(took, 1), **result}


def kill_trainings(times: int, rows: int, seed: int) -> dict[str, Any]:
    from scoring.models import ModelVersion, TrainingRun

    draw = random.Random(seed)
    train = ["train_model", "--trials", "2", "--timeout", "6", "--reason", "kill-runs", "--json"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kill-runs.csv"
        write_rows(path, rows, seed)
        clear_import()
        code, said, _ = finished(import_command(path, by_id=True))
        if code:
            raise SystemExit(f"the import for training failed: {said}")
        code, said, took = finished(train)
        if code:
            raise SystemExit(f"the undisturbed run failed: {said}")

        span = took

        def once(number: int) -> tuple[bool, list[str], bool]:
            nonlocal span
            last = TrainingRun.objects.latest("id").pk
            before = ModelVersion.objects.count()
            hit = killed(train, draw.uniform(0.0, span))
            made = ModelVersion.objects.count() - before
            ended = TrainingRun.objects.filter(pk__gt=last, state="done").count()
            if made != ended:
                return hit, [f"{ended} runs ended and {made} versions are there"], False
            if not ended:
                code, said, span = finished(train)
                if code:
                    return hit, [f"the rerun ended with {code}: {said[-300:]}"], False
            wrong = []
            runs = TrainingRun.objects.filter(pk__gt=last)
            if ModelVersion.objects.count() - before != 1:
                wrong.append(f"{ModelVersion.objects.count() - before} versions instead of one")
            if runs.filter(state__in=["queued", "running"]).exists():
                wrong.append("a run is left open")
            if runs.filter(state="done").count() != 1:
                wrong.append("not exactly one run is done")
            return hit, wrong, runs.count() > 1

        result = repeat(times, once)
        TrainingRun.objects.filter(reason="kill-runs", version__isnull=True).delete()
    return {"what": "training", "leads": rows, "undisturbed_seconds": round(took, 1), **result}


def repeat(times: int, once: Callable[[int], tuple[bool, list[str], bool]]) -> dict[str, Any]:
    hits = clean = resumed = 0
    faults: list[str] = []
    for number in range(times):
        hit, wrong, went_on = once(number)
        hits += hit
        resumed += went_on
        clean += not wrong
        faults += [f"{number}: {one}" for one in wrong]
        print(f"{number + 1}/{times} killed {hit} went on {went_on} {wrong or 'clean'}", file=sys.stderr)
    return {"times": times, "killed": hits, "went_on": resumed, "clean": clean, "faults": faults}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--what", choices=["import", "training"], required=True)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadscoring.settings")
    import django

    django.setup()
    from django.db import connection

    load_everything()
    if asked.what == "import":
        result = kill_imports(asked.times, asked.rows or 20_000, asked.seed)
    else:
        result = kill_trainings(asked.times, asked.rows or 1500, asked.seed)
    print(json.dumps({"database": connection.vendor, **result, "load_average": os.getloadavg()[0]}))
    if result["clean"] != asked.times:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
