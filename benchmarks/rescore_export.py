"""Speed and memory of an export and of a rescoring over a full PostgreSQL (see `benchmarks.lists_data`).

    DATABASE_URL=postgresql://… VAR_DIR=… python -m benchmarks.rescore_export [--filter NAME=VALUE …] [--all-columns]

Trains a logistic model on 4,000 of the leads and lets it serve, unless one serves already; then exports and rescores
the leads that the filters find, as the admin's pages do. Rates are leads per second of wall time; `busy` is the share
of that time in which this process and its connection had a processor. Memory is this process's resident size.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from benchmarks.admin_lists import on_processor
from benchmarks.lists_data import specs


def resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def serve_a_model() -> None:
    """An open release of a model that can score these leads."""
    import numpy as np
    import pandas as pd
    from django.utils import timezone

    from scoring import loader, store
    from scoring.contracts import NoModelReleased
    from scoring.ml.document import dump_document
    from scoring.ml.schema import FeatureSchema, parse_frame
    from scoring.ml.training import TrainingConfig, TrainingData, train
    from scoring.models import FeatureSet, Lead, ModelVersion
    from scoring.selectors.versions import open_release
    from scoring.services.releases import activate_version

    try:
        loader.serving()
    except NoModelReleased:
        rows = list(Lead.objects.order_by("pk").values_list("attributes", flat=True)[:4000])
        schema = FeatureSchema(specs())
        rng = np.random.default_rng(1)
        target = np.array([rng.random() < 0.1 + 0.3 * (row["Source"] == "referral") for row in rows])
        data = TrainingData(
            frame=parse_frame(schema, pd.DataFrame(rows, dtype=object)),
            target=target,
            order=np.arange(len(rows), dtype=np.float64),
            order_kind="file",
        )
        result = train(schema, data, TrainingConfig(trials=1, timeout_s=20.0, threads=1))
        document = dump_document(result.document)
        number = (ModelVersion.objects.values_list("number", flat=True).first() or 0) + 1
        version = ModelVersion.objects.create(
            number=number, feature_set=FeatureSet.objects.get(state="active"), estimator=result.chosen.kind,
            artefact_digest=store.put(document), artefact_size=len(document), created_at=timezone.now(),
        )  # fmt: skip
        current = open_release()
        activate_version(
            version.pk, expected_open_release_id=current.pk if current else None, by=None, reason="measurement",
            as_of=timezone.now(),
        )  # fmt: skip


def report(name: str, leads: int, seconds: float, busy: float, before: float, most: float) -> None:
    print(
        f"{name}: {leads:,} leads in {seconds:.1f} s = {leads / max(seconds, 1e-9):,.0f}/s "
        f"(busy {busy / seconds:.0%}, so {leads / max(busy, 1e-9):,.0f} per busy second); "
        f"memory {before:.0f} MB before, {most:.0f} MB at most",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--filter", action="append", default=[], help="for example source=events")
    parser.add_argument("--all-columns", action="store_true", help="export the attributes too")
    parser.add_argument("--skip", choices=("export", "rescore"), action="append", default=[])
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadscoring.settings")
    import django

    django.setup()
    from django.db import connection
    from django.utils import timezone

    from scoring.models import RescoreRun
    from scoring.selectors.lead_list import Reader, listed, narrow
    from scoring.services import rescoring
    from scoring.services.exports import USUAL, columns_offered, export_leads

    filters = dict(pair.split("=", 1) for pair in options.filter)
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]

    def used() -> float:
        return time.process_time() + on_processor(backend) / 1000

    if "export" not in options.skip:
        columns = [column.key for column in columns_offered()] if options.all_columns else list(USUAL)
        begin, busy, before, most, leads = time.perf_counter(), used(), resident_mb(), 0.0, -1
        for part in export_leads(narrow(listed(), filters, Reader((), now)).rows, columns):
            leads += part.count("\n")
            most = max(most, resident_mb())
        report(
            f"export, {len(columns)} columns", leads, time.perf_counter() - begin, used() - busy, before, most
        )
    if "rescore" not in options.skip:
        serve_a_model()
        run = rescoring.request_rescore(
            filters=filters,
            owner_names=(),
            lead_ids=(),
            reason="measurement",
            requested_by=None,
            as_of=now,
            wake=False,
        )
        marks: list[Any] = []

        def clock() -> Any:
            marks.append(resident_mb())
            return timezone.now()

        begin, busy, before = time.perf_counter(), used(), resident_mb()
        rescoring.run_rescore(run.pk, clock=clock, slice_seconds=1e9)
        run = RescoreRun.objects.get(pk=run.pk)
        assert run.state == "done", run.error
        early = max(marks[: max(len(marks) // 10, 1)])
        report("rescore", run.leads_done, time.perf_counter() - begin, used() - busy, before, max(marks))
        print(f"memory after the first tenth {early:.0f} MB, at the end {marks[-1]:.0f} MB")


if __name__ == "__main__":
    main()
