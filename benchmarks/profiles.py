"""Counting predictions into profiles, and the daily check of drift over what was counted, on PostgreSQL.

    DATABASE_URL=postgresql://… python -m benchmarks.profiles [--json]

Migrates the database named and refuses one that holds predictions. 40 features (20 numbers, 20 categories, two of
them watched value by value). Predictions are made in the server from 20,000 different leads, so that no time is spent
on making them. Bars: counting at least 50,000 predictions per second of processor time of this process, the reading
from the database included (what the server itself used is told beside); the check of a week of 200,000 and of
2,000,000 counted predictions in at most 0.5 s and with at most 100 MB more memory, in a fresh process, its first call
(reading the reference included; the modules of the pages, that stories link to, are loaded before).
Drop the database afterwards: `dropdb NAME`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.admin_lists import on_processor

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
POOL = 20_000
SMALL, LARGE = 200_000, 2_000_000
BAR_RATE, BAR_SECONDS, BAR_MB = 50_000, 0.5, 100
LEVELS = tuple(4 + 2 * place for place in range(20))
MB = 1024 * 1024


def leads(n: int, *, seed: int) -> dict[str, list[Any]]:
    """Columns of 20 numbers (one value in twenty missing) and of 20 categories of 4 to 42 levels."""
    rng = np.random.default_rng(seed)
    columns: dict[str, list[Any]] = {}
    for place in range(20):
        numbers = rng.lognormal(3.0, 0.8, n).round(2) if place % 2 else rng.normal(50.0, 12.0, n).round(1)
        gone = rng.random(n) < 0.05
        columns[f"number {place}"] = [
            None if absent else value for value, absent in zip(numbers.tolist(), gone.tolist(), strict=True)
        ]
    for place, levels in enumerate(LEVELS):
        codes = np.minimum(rng.geometric(2.5 / levels, n), levels)
        columns[f"category {place}"] = [f"level {code}" for code in codes.tolist()]
    return columns


def prepare() -> int:
    """A version with its reference, the release that serves it, and a table of leads to make predictions from."""
    import pandas as pd
    from django.db import connection

    from scoring.contracts import FeatureSetState
    from scoring.ml.reference import reference_profile
    from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_frame
    from scoring.models import FeatureSet, Lead, ModelVersion, Release
    from scoring.services.features.sets import create_feature_set

    columns = leads(POOL, seed=1)
    specs = tuple(
        FeatureSpec(
            name, name, Kind.NUMBER if name.startswith("number") else Kind.CATEGORY,
            segment=name in {"category 3", "category 5"},
        )
        for name in columns
    )  # fmt: skip
    schema = FeatureSchema(specs)
    rng = np.random.default_rng(2)
    p = rng.beta(1.2, 6.0, POOL)
    reference = reference_profile(
        parse_frame(schema, pd.DataFrame(columns, dtype=object)), schema, p,
        np.clip(p * 100, 1, 99).astype(np.int64),
    )  # fmt: skip
    features = create_feature_set(schema, name="leads", by=None, as_of=NOW - 2 * WEEK)
    FeatureSet.objects.filter(pk=features.pk).update(state=FeatureSetState.ACTIVE)
    version = ModelVersion.objects.create(
        number=1, feature_set=features, estimator="logistic", artefact_digest="0" * 64, artefact_size=10,
        created_at=NOW - 2 * WEEK, reference_profile=reference.to_json(),
        importance=[{"feature": name, "label": name, "share": 1 / 40} for name in columns],
    )  # fmt: skip
    release = Release.objects.create(champion=version, opened_at=NOW - 2 * WEEK, reason="measured")
    lead = Lead.objects.create(
        source_system="crm", external_id="L-1", attributes={}, first_seen=NOW, updated_at=NOW
    )
    rows = leads(POOL, seed=3)
    chances = rng.beta(1.2, 6.0, POOL)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET synchronous_commit = off")
        cursor.execute(
            "CREATE TABLE bench_pool (place int, lead uuid, version bigint, release bigint, data jsonb, p float8)"
        )
        with cursor.copy("COPY bench_pool FROM STDIN") as copy:
            for place in range(POOL):
                data = {name: values[place] for name, values in rows.items()}
                copy.write_row(
                    (place, lead.pk, version.pk, release.pk, json.dumps(data), float(chances[place]))
                )
    return version.pk


def predictions(n: int, since: datetime, until: datetime) -> None:
    """n predictions, evenly over a stretch."""
    from django.db import connection

    step = (until - since) / n
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO scoring_prediction (id, lead_id, version_id, release_id, role, cause, values, warnings,
                raw_probability, probability, score, grade, reasons, propensity, first, latency_ms, scored_at)
            SELECT gen_random_uuid(), lead, version, release, 'champion', 'api', data, '[]', p, p,
                greatest(1, least(99, (p * 100)::int)), substr('DCBA', 1 + least(3, (p * 6)::int), 1), '[]', 1.0,
                true, 1 + random() * 5, %s::timestamptz + (i * %s) * interval '1 microsecond'
            FROM generate_series(0, %s::bigint) AS i JOIN bench_pool ON place = (i * 7919) %% %s
            """,
            [since, step / timedelta(microseconds=1), n - 1, POOL],
        )
        cursor.execute("ANALYZE scoring_prediction")


def fold(as_of: datetime, n: int) -> dict[str, Any]:
    """Count what is there until a moment; processor seconds of this process and of the server's."""
    from django.db import connection

    from monitoring.services import profiles

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    begin, mine, theirs = time.perf_counter(), time.process_time(), on_processor(backend)
    done = profiles.fold(as_of=as_of).predictions
    ours = time.process_time() - mine
    assert done == n, (done, n)
    return {
        "predictions": n,
        "seconds": time.perf_counter() - begin,
        "our_cpu": ours,
        "server_cpu": (on_processor(backend) - theirs) / 1000,
        "rate": n / ours,
    }


def check_in_fresh_process() -> dict[str, Any]:
    """The check as a process makes it that has only started."""
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.profiles", "--check"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return dict(json.loads(told.stdout.splitlines()[-1]))


def check() -> dict[str, Any]:
    """Time and growth of memory of the first check of this process, and the time of the second."""
    from django.db import connection
    from django.urls import get_resolver

    from monitoring.services import drift

    connection.ensure_connection()
    before = memory("VmRSS")
    # Modules behind the addresses of pages: loaded once in the life of a process, and part of its memory here.
    begin = time.perf_counter()
    assert get_resolver().url_patterns
    loading = time.perf_counter() - begin
    took, used = [], []
    for _ in range(2):
        begin, busy = time.perf_counter(), time.process_time()
        made = drift.check(as_of=NOW)
        took.append(time.perf_counter() - begin)
        used.append(time.process_time() - busy)
    return {
        "n": made[0].n,
        "rows": len(made[0].found),
        "loading": loading,
        "first": took[0],
        "first_cpu": used[0],
        "second": took[1],
        "second_cpu": used[1],
        "mb": (memory("VmHWM") - before) / MB,
    }


def memory(name: str) -> int:
    """Bytes this process holds (VmRSS) or has held at most (VmHWM). getrusage would tell of the process it was forked
    from too."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def forget() -> None:
    """No prediction and no profile."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE scoring_prediction, monitoring_storedprofile, monitoring_foldstate, monitoring_driftcheck, "
            "monitoring_storedreading"
        )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--fold-only", action="store_true", help="only the counting of a dense hour")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadscoring.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django

    django.setup()
    if asked.check:
        print(json.dumps(check()))
        return
    from django.core.management import call_command
    from django.db import connection

    from scoring.models import ModelVersion, Prediction

    assert connection.vendor == "postgresql", "DATABASE_URL names no PostgreSQL"
    call_command("migrate", verbosity=0)
    assert not Prediction.objects.exists(), "the database holds predictions already"
    if not ModelVersion.objects.exists():
        prepare()
    else:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
    found: dict[str, Any] = {"load": os.getloadavg()[0]}
    predictions(SMALL, NOW - HOUR, NOW)
    found["fold_hour"] = fold(NOW + timedelta(minutes=6), SMALL)
    forget()
    if not asked.fold_only:
        for name, n in (("small", SMALL), ("large", LARGE)):
            predictions(n, NOW - WEEK, NOW)
            found[f"fold_{name}"] = fold(NOW + timedelta(minutes=6), n)
            found[f"check_{name}"] = check_in_fresh_process()
            forget()
    found["load_after"] = os.getloadavg()[0]
    print(json.dumps(found) if asked.json else "\n".join(table(found)))


def table(found: dict[str, Any]) -> list[str]:
    """What was measured, with its bars."""
    names = {
        "fold_hour": f"{SMALL:,} of one hour", "fold_small": f"{SMALL:,} of a week",
        "fold_large": f"{LARGE:,} of a week",
    }  # fmt: skip
    lines = [
        "| counting | per second of our processor | our s | server's s | s in all | bar |",
        "|---|---|---|---|---|---|",
    ]
    for key, name in names.items():
        if key in found:
            one = found[key]
            bar = (
                f">= {BAR_RATE:,}: {'met' if one['rate'] >= BAR_RATE else 'MISSED'}"
                if key == "fold_hour"
                else ""
            )
            lines.append(
                f"| {name} | {one['rate']:,.0f} | {one['our_cpu']:.1f} | {one['server_cpu']:.1f} "
                f"| {one['seconds']:.1f} | {bar} |"
            )
    lines += [
        "",
        "| check of a week | rows | first, s | second, s | memory, MB | bar |",
        "|---|---|---|---|---|---|",
    ]
    for key in ("check_small", "check_large"):
        if key in found:
            one = found[key]
            met = one["first"] <= BAR_SECONDS and one["mb"] <= BAR_MB
            lines.append(
                f"| {one['n']:,} | {one['rows']} | {one['first']:.3f} ({one['first_cpu']:.3f}) "
                f"| {one['second']:.3f} ({one['second_cpu']:.3f}) | {one['mb']:.0f} "
                f"| <= {BAR_SECONDS} s, {BAR_MB} MB: {'met' if met else 'MISSED'} |"
            )
    return [*lines, "", f"Load average {found['load']:.1f} before, {found['load_after']:.1f} after."]


if __name__ == "__main__":
    main()
