"""Queries and time of every list, of the lead's page, the audit page and the dashboard, on a full PostgreSQL.

    DATABASE_URL=postgresql://… python -m benchmarks.lists_data      # fills an empty database, some minutes
    DATABASE_URL=postgresql://… python -m benchmarks.admin_lists [--only TEXT] [--requests 20] [--json]

Each address is asked through Django's whole request path (middleware, templates) by a signed-in superuser: two calls
to warm up, then twenty that count. Bars: at most 15 queries, and 300 ms at the 95th percentile. `busy` is the processor
time per call of this process and of its connection in PostgreSQL (read from /proc, so both on one machine): what a
call takes on a machine that does nothing else. It is the number to read where the load says that others were at work.
The clock stands at the newest prediction, so that "the last 7 days" holds leads.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import time_machine

BAR_MS, BAR_QUERIES = 300.0, 15
# What is asked by POST: the first press of a form, which shows and changes nothing.
POSTED = {"limits previewed": {"a": "80", "b": "55", "c": "20", "reason": "measured", "_preview": "1"}}


@dataclass(frozen=True, slots=True)
class Row:
    """One address."""

    name: str
    queries: int
    p50_ms: float
    p95_ms: float
    busy_ms: float

    @property
    def falls_short(self) -> bool:
        return self.queries > BAR_QUERIES or self.p95_ms > BAR_MS


def addresses() -> list[tuple[str, str]]:
    """What is measured: a name and the path behind /admin/."""
    from scoring.models import FeatureSet, Lead, ModelVersion, Prediction

    newest, oldest = ModelVersion.objects.first(), ModelVersion.objects.last()
    assert newest is not None
    assert oldest is not None
    young = Lead.objects.order_by("-pk").first()
    some = Lead.objects.filter(score__isnull=False).order_by("-score", "-pk").first()
    assert young is not None
    assert some is not None
    features = FeatureSet.objects.get(state="active")
    prediction = Prediction.objects.order_by("-scored_at").first()
    assert prediction is not None
    leads = {
        "first page": "view=all", "page 2": "p=2", "page 200 (last)": "p=200",
        "grade A": "grade=A", "grade D, page 100": "grade=D&p=100", "mine": "whose=mine",
        "nobody's": "whose=nobody", "owner starts": "owner=Kh", "owner, nobody so": "owner=Zz",
        "stage won": "stage=won", "stage new": "stage=new", "stage unknown": "stage=none+such",
        "source legacy (0.1 %)": "source=legacy", "source crm": "source=crm",
        "converted": "outcome=converted", "lost": "outcome=lost", "no outcome": "outcome=open",
        "no outcome, last page": "outcome=open&p=200",
        "7 days": "age=7", "30 days": "age=30", "90 days": "age=90", "older": "age=older",
        "created in a week": "created_from=2025-03-03&created_to=2025-03-09",
        "created on a day long ago": "created_from=2024-06-05&created_to=2024-06-05",
        "waiting": "scored=waiting", "not scored": "scored=never", "scored": "scored=yes",
        "scored in 7 days": "when=7", "not scored in 90 days": "when=not90",
        "by the newest version": f"version={newest.number}", "by the oldest version": f"version={oldest.number}",
        "a rep's morning": "whose=mine&grade=A&outcome=open&age=90",
        "rare together": "source=legacy&grade=A&stage=won&outcome=converted",
        "search an id": f"q={young.external_id}", "search an id's start": "q=CR-00", "search its middle": "q=0012345",
        "search a name": "q=amal+haddad", "search a first name": "q=amal", "search two letters": "q=am",
        "search one letter": "q=a", "search an e-mail": f"q={young.attributes['E-mail']}",
        "search a phone": f"q={young.attributes['Phone']}".replace("+", "%2B"), "search a company": "q=falcon+trading",
        "search nothing there": "q=qqqqzz", "search and filter": "q=amal&grade=A&outcome=open",
        "sorted by score, worst first": "o=2", "by owner": "o=4", "by owner, falling": "o=-4",
        "by created": "o=8", "by created, newest": "o=-8", "by scored": "o=9", "by scored, last page": "o=9&p=200",
        "worn-out address": "no_such=1&grade=Z",
    }  # fmt: skip
    predictions = {
        "first page": "", "last page": "p=200", "role shadow": "role=shadow", "role challenger": "role=challenger",
        "cause release": "cause=release", "cause import (none)": "cause=import", "cause waiting": "cause=waiting",
        "grade A": "grade=A", "newest version": f"version={newest.number}",
        "oldest version": f"version={oldest.number}",
        "oldest version, shadow": f"version={oldest.number}&role=shadow",
        "a day": "scored_at_from=2025-03-03&scored_at_to=2025-03-03",
        "search an id": f"q={young.external_id}", "search a name": "q=amal+haddad",
        "search an id's start": "q=CR-00", "search nothing there": "q=qqqqzz",
    }  # fmt: skip
    outcomes = {
        "first page": "", "last page": "p=200", "converted": "kind=converted",
        "a week": "recorded_at_from=2025-03-03&recorded_at_to=2025-03-09",
        "search an id": f"q={young.external_id}", "search a name": "q=amal+haddad", "search an id's start": "q=CR-00",
    }  # fmt: skip
    found = [("dashboard", "")]
    for model, parts in (("lead", leads), ("prediction", predictions), ("outcome", outcomes)):
        found += [(f"{model}s: {name}", f"scoring/{model}/?{query}") for name, query in parts.items()]
    others = (
        "featureset", "modelversion", "release", "gradeband", "regrade", "importrun", "trainingrun", "adoptionrun",
        "foreignversion", "rescorerun", "scoreoverride", "identityscan", "mergeproposal", "leadmerge", "savedview",
        "maturitywindow", "apikey",
    )  # fmt: skip
    found += [(f"list: {model}", f"scoring/{model}/") for model in others]
    found += [
        ("lead's page", f"scoring/lead/{some.pk}/change/"),
        ("lead's page, 1,000 predictions", f"scoring/lead/{young.pk}/change/"),
        ("prediction's page", f"scoring/prediction/{prediction.pk}/change/"),
        ("audit page", f"scoring/featureset/{features.pk}/change/"),
        ("set new grade limits", "scoring/gradeband/set-limits/"),
        ("limits previewed", "scoring/gradeband/set-limits/"),
        ("readiness", "scoring/readinesssnapshot/"),
        ("version's page", f"scoring/modelversion/{newest.pk}/change/"),
    ]
    return found


def on_processor(pid: int) -> float:
    """Milliseconds that a process spent on a processor so far."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def measure(client: Any, name: str, path: str, requests: int) -> Row:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    address = f"/admin/{path}"
    form = POSTED.get(name)

    def ask() -> Any:
        return client.get(address) if form is None else client.post(address, form)

    with CaptureQueriesContext(connection) as captured:
        answer = ask()
    queries = len(captured)
    assert answer.status_code == 200, (name, answer.status_code, answer.headers.get("Location"))
    ask()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    took, busy = [], []
    for _ in range(requests):
        begin, used = time.perf_counter(), time.process_time() * 1000 + on_processor(backend)
        ask()
        took.append((time.perf_counter() - begin) * 1000)
        busy.append(time.process_time() * 1000 + on_processor(backend) - used)
    middle, late = np.percentile(took, [50, 95])
    return Row(
        name, queries, round(float(middle), 1), round(float(late), 1), round(float(np.median(busy)), 1)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default="", help="measure only what has this in its name")
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadscoring.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client

    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(
            "SELECT (SELECT COUNT(*) FROM scoring_lead), (SELECT COUNT(*) FROM scoring_prediction)"
        )
        leads, predictions = cursor.fetchone()
    from scoring.models import Prediction
    from scoring.services.readiness import take_snapshot
    from scoring.services.search import add_missing, out_of_step
    from scoring.services.tallies import request_tally, run_tally

    if add_missing(most=1) or out_of_step().exists():
        raise SystemExit(
            "Leads are without their words to search by; expected: all have them. "
            "Run python manage.py shell -c 'from scoring.services.search import fill_search; fill_search(seconds=3000)'"
        )
    scored = Prediction.objects.filter(cause="api").order_by("-scored_at")
    newest = scored.values_list("scored_at", flat=True)[0]
    time_machine.travel(newest, tick=True).start()
    # As the hourly task keeps them.
    take_snapshot(as_of=newest)
    if (tally := request_tally()) is not None:
        run_tally(tally.pk, as_of=newest)
    client = Client()
    client.force_login(User.objects.get(username="amal"), backend="django.contrib.auth.backends.ModelBackend")
    rows = []
    if not options.json:
        print(f"{leads:,} leads, {predictions:,} predictions; load {os.getloadavg()[0]:.1f}")
        print(f"{'':44} queries   p50 ms   p95 ms   busy ms")
    for name, path in addresses():
        if options.only in name:
            row = measure(client, name, path, options.requests)
            rows.append(row)
            if not options.json:
                mark = "  falls short" if row.falls_short else ""
                print(
                    f"{name:44} {row.queries:7} {row.p50_ms:8.1f} {row.p95_ms:8.1f} {row.busy_ms:8.1f}{mark}",
                    flush=True,
                )
    short = [row.name for row in rows if row.falls_short]
    if options.json:
        print(json.dumps({"leads": leads, "predictions": predictions, "rows": [asdict(row) for row in rows]}))
    else:
        print(
            f"{len(rows) - len(short)} of {len(rows)} within {BAR_QUERIES} queries and {BAR_MS:.0f} ms (p95)."
        )


if __name__ == "__main__":
    main()
