"""A PostgreSQL full of leads for the measurements of the admin: seeded, written with COPY.

    DATABASE_URL=postgresql://… python -m benchmarks.lists_data [--leads 1000000] [--predictions 3000000]

Migrates the database named, refuses one that holds leads already, and writes leads with twenty attributes,
predictions with values and reasons of realistic size, outcomes, six versions, owners, stages and a person who
signs in. Drop it afterwards: `dropdb NAME`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
DAYS = 730
SOURCES, SOURCE_SHARES = (
    ("crm", "website", "events", "partner", "phone", "legacy"),
    (0.55, 0.25, 0.1, 0.07, 0.029, 0.001),
)
STAGES, STAGE_SHARES = (
    ("new", "contacted", "qualified", "meeting", "proposal", "negotiation", "won", "closed"),
    (0.2, 0.2, 0.15, 0.12, 0.08, 0.03, 0.02, 0.2),
)
FIRST = (
    "Ahmed Fatima Omar Amal Mariam Yusuf Sara Khalid Noor Ivan Olga Wei Mei Raj Priya Tom Anna Luis Ines Jo"
)
LAST = "Haddad Khan Petrov Singh Chen Silva Novak Ali Hassan Rossi Meyer Dupont Okafor Kim Tanaka Costa Berg Moor"
FIRMS = "Falcon Oasis Nomad Pearl Dune Atlas Harbor Cedar Lotus Summit Vertex Orbit Prism Delta Quartz Ember"
TRADES = "Trading Logistics Foods Media Software Holding Studio Foundry Travel Pharma Optics Textiles"
ME = "Amal Haddad"
BLOCK = 20_000
VERSIONS = 6


def attributes(rng: np.random.Generator, n: int, first: int) -> Iterator[dict[str, Any]]:
    """`n` leads' attributes: four that name somebody, sixteen that describe."""
    names, families = FIRST.split(), LAST.split()
    firms, trades = FIRMS.split(), TRADES.split()
    picks = rng.integers(0, 1 << 30, size=(n, 8))
    for row, p in enumerate(picks):
        name, family = names[p[0] % len(names)], families[p[1] % len(families)]
        number = first + row
        firm = f"{firms[p[2] % len(firms)]} {trades[p[3] % len(trades)]} {p[4] % 2000}"
        yield {
            "Name": f"{name} {family}",
            "E-mail": f"{name.lower()}.{family.lower()}{number}@example.com",
            "Phone": f"+9715{p[5] % 100_000_000:08d}",
            "Company": firm,
            **described(p),
        }


def described(p: Any) -> dict[str, Any]:
    """What a model may read."""
    return {
        "Source": ("referral", "ads", "mail", "fair", "organic")[p[0] % 5],
        "Country": ("AE", "IN", "GB", "RU", "CN", "PK", "DE", "FR", "EG", "NG")[p[1] % 10],
        "Activity": ("consulting", "trading", "media", "software", "logistics")[p[2] % 5],
        "Licence": ("commercial", "professional", "industrial")[p[3] % 3],
        "Package": ("basic", "plus", "premium")[p[4] % 3],
        "Office": ("flexi desk", "office", "warehouse", "none")[p[5] % 4],
        "Visas": str(p[6] % 7),
        "Budget": str(5000 + p[7] % 90_000),
        "Pages": str(p[0] // 7 % 40),
        "Visits": str(p[1] // 7 % 12),
        "Minutes": f"{p[2] // 7 % 900 / 10:.1f}",
        "Calls": str(p[3] // 7 % 6),
        "Messages": str(p[4] // 7 % 15),
        "Newsletter": ("yes", "no")[p[5] // 7 % 2],
        "Partner": ("yes", "no")[p[6] // 7 % 2],
        "Urgency": ("now", "this quarter", "later")[p[7] // 7 % 3],
    }


NAMES = ("Name", "E-mail", "Phone", "Company")
NUMBERS = ("Visas", "Budget", "Pages", "Visits", "Minutes", "Calls", "Messages")
YES_NO = ("Newsletter", "Partner")


def specs() -> tuple[Any, ...]:
    """The feature set of these leads."""
    from scoring.ml.schema import FeatureSpec, Kind

    kinds = (
        dict.fromkeys(NAMES, Kind.IDENTIFIER)
        | dict.fromkeys(NUMBERS, Kind.NUMBER)
        | dict.fromkeys(YES_NO, Kind.YES_NO)
    )
    found = described(np.zeros(8, dtype=int))
    return tuple(
        FeatureSpec(name=name, label=name, kind=kinds.get(name, Kind.CATEGORY), sensitive=name in NAMES)
        for name in (*NAMES, *found)
    )


def uuid7s(rng: np.random.Generator, milliseconds: np.ndarray[Any, Any]) -> list[str]:
    """Keys as the program makes them: time first, then chance."""
    low = rng.integers(0, 1 << 62, size=len(milliseconds))
    mid = rng.integers(0, 1 << 12, size=len(milliseconds))
    return [
        f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{m:03x}-{0x8000 | lo >> 48:04x}-{lo & 0xFFFFFFFFFFFF:012x}"
        for ms, m, lo in zip(milliseconds.tolist(), mid.tolist(), low.tolist(), strict=True)
    ]


def quoted(value: Any) -> str:
    """JSON as a field of COPY's text format."""
    return json.dumps(value, separators=(",", ":")).replace("\\", "\\\\")


def when(seconds: float) -> str:
    return (NOW - timedelta(seconds=float(seconds))).isoformat()


def load(leads: int, predictions: int, *, seed: int = 1) -> dict[str, float]:
    """Fill the database of the settings; seconds by step."""
    from django.db import connection

    took: dict[str, float] = {}
    rng = np.random.default_rng(seed)
    versions, releases = models_of_old()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET synchronous_commit = off")
        kept = drop_indexes(cursor)
        begin = time.perf_counter()
        keys, ages = copy_leads(cursor, rng, leads, versions)
        took["leads"] = time.perf_counter() - begin
        begin = time.perf_counter()
        copy_predictions(cursor, rng, keys, ages, predictions, versions, releases)
        took["predictions"] = time.perf_counter() - begin
        begin = time.perf_counter()
        copy_outcomes(cursor, rng, keys, ages)
        took["outcomes"] = time.perf_counter() - begin
        begin = time.perf_counter()
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for definition in kept:
            cursor.execute(definition)
        took["indexes"] = time.perf_counter() - begin
        begin = time.perf_counter()
        cursor.execute("VACUUM ANALYZE")
        took["analyze"] = time.perf_counter() - begin
        cursor.execute("SET session_replication_role = DEFAULT")
    return took


def drop_indexes(cursor: Any) -> list[str]:
    """Indexes that no constraint needs; what makes them again."""
    tables = ("scoring_lead", "scoring_prediction", "scoring_outcome")
    cursor.execute(
        "SELECT i.indexname, i.indexdef FROM pg_indexes i WHERE i.tablename = ANY(%s) AND NOT EXISTS "
        "(SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)",
        [list(tables)],
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f'DROP INDEX "{name}"')
    return [definition for _, definition in found]


def models_of_old() -> tuple[list[int], list[int]]:
    """Six versions that served one after the other, an active feature set, and the person who looks."""
    from django.contrib.auth.models import User

    from scoring.contracts import FeatureSetState
    from scoring.ml.schema import FeatureSchema
    from scoring.models import FeatureSet, ModelVersion, Release
    from scoring.services.features.sets import create_feature_set

    User.objects.create_superuser("amal", password=None, first_name="Amal", last_name="Haddad")
    features = create_feature_set(FeatureSchema(specs()), name="leads", by=None, as_of=NOW)
    FeatureSet.objects.filter(pk=features.pk).update(state=FeatureSetState.ACTIVE, rows_audited=20_000)
    for feature in features.features.all():
        feature.audit = an_audit()
        feature.save()
    versions, releases = [], []
    for number in range(1, VERSIONS + 1):
        at = NOW - timedelta(days=120 * (VERSIONS - number) + 1)
        version = ModelVersion.objects.create(
            number=number, feature_set=features, estimator="logistic", artefact_digest="0" * 64,
            artefact_size=10, created_at=at, training_rows=20_000, training_conversions=2_400,
            metrics={"roc_auc": {"value": 0.8, "low": 0.78, "high": 0.82, "n": 4000}},
        )  # fmt: skip
        last = number == VERSIONS
        release = Release.objects.create(
            champion=version, opened_at=at, reason="better on the test leads", is_open=last,
            closed_at=None if last else at + timedelta(days=120),
        )  # fmt: skip
        versions.append(version.pk)
        releases.append(release.pk)
    return versions, releases


def an_audit() -> dict[str, Any]:
    """What the audit of a column keeps."""
    return {
        "held_out": False, "score": 0.1, "auc": {"value": 0.55, "low": 0.53, "high": 0.57, "n": 20_000},
        "missing": 0.02, "levels": [{"value": f"level {i}", "n": 900 + i, "rate": 0.1} for i in range(12)],
        "evidence": ["No date after creation explains it."],
    }  # fmt: skip


def copy_leads(
    cursor: Any, rng: np.random.Generator, leads: int, versions: list[int]
) -> tuple[list[str], np.ndarray[Any, Any]]:
    """The leads; their keys and ages in seconds."""
    owners = [f"{a} {b}" for a in FIRST.split() for b in LAST.split()[:6]]
    assert ME in owners
    ages = np.sort(rng.beta(1, 1.6, size=leads) * DAYS * 86_400)[::-1] + 60
    keys = uuid7s(rng, ((NOW.timestamp() - ages) * 1000).astype(np.int64))
    columns = (
        "id,source_system,external_id,created,owner,stage,attributes,awaiting_score,score,grade,scored_at,"
        "scored_by_id,first_seen,updated_at"
    )
    with cursor.copy(f"COPY scoring_lead ({columns}) FROM STDIN") as copy:
        for start in range(0, leads, BLOCK):
            n = min(BLOCK, leads - start)
            sources = rng.choice(SOURCES, n, p=SOURCE_SHARES).tolist()
            stages = rng.choice(STAGES, n, p=STAGE_SHARES).tolist()
            mine = rng.integers(0, len(owners), n).tolist()
            nobody = (rng.random(n) < 0.2).tolist()
            scores = rng.integers(1, 100, n).tolist()
            chance = rng.random(n).tolist()
            lines = []
            for i, described_as in enumerate(attributes(rng, n, start)):
                age = float(ages[start + i])
                at, scored = when(age), when(age * chance[i] * 0.9)
                owner = "" if nobody[i] else owners[mine[i]]
                if chance[i] > 0.98:
                    state = f"{'t' if chance[i] > 0.998 else 'f'}\t\\N\t\t\\N\t\\N"
                else:
                    version = versions[-1] if chance[i] < 0.7 else versions[scores[i] % len(versions)]
                    grade = "DCBA"[min(scores[i] // 25, 3)]
                    state = f"f\t{scores[i]}\t{grade}\t{scored}\t{version}"
                lines.append(
                    f"{keys[start + i]}\t{sources[i]}\t{sources[i][:2].upper()}-{start + i:07d}\t{at}\t{owner}\t"
                    f"{stages[i]}\t{quoted(described_as)}\t{state}\t{at}\t{at}\n"
                )
            copy.write("".join(lines))
    return keys, ages


def copy_predictions(
    cursor: Any, rng: np.random.Generator, keys: list[str], ages: np.ndarray[Any, Any], predictions: int,
    versions: list[int], releases: list[int],
) -> None:  # fmt: skip
    """Predictions in order of time; the youngest lead has 1,000 of them."""
    pool = [quoted(described(p)) for p in rng.integers(0, 1 << 30, size=(4000, 8))]
    whys = [quoted(some_reasons(rng)) for _ in range(4000)]
    columns = (
        'id,role,cause,"values",warnings,raw_probability,probability,score,grade,reasons,propensity,latency_ms,'
        "scored_at,lead_id,version_id,release_id"
    )
    of = np.concatenate([rng.integers(0, len(keys), predictions - 1000), np.full(1000, len(keys) - 1)])
    ago = ages[of] * rng.random(predictions)
    order = np.argsort(-ago)
    of, ago = of[order], ago[order]
    ids = uuid7s(rng, ((NOW.timestamp() - ago) * 1000).astype(np.int64))
    with cursor.copy(f"COPY scoring_prediction ({columns}) FROM STDIN") as copy:
        for start in range(0, predictions, BLOCK):
            n = min(BLOCK, predictions - start)
            scores = rng.integers(1, 100, n).tolist()
            chance, picks = rng.random(n).tolist(), rng.integers(0, 4000, n).tolist()
            lines = []
            for i in range(n):
                at = start + i
                period = min(int(VERSIONS * (1 - ago[at] / (DAYS * 86_400))), VERSIONS - 1)
                draw, score = chance[i], scores[i]
                role = "shadow" if draw > 0.97 else "champion"
                cause = "release" if draw < 0.08 else "waiting" if draw < 0.085 else "api"
                grade = "DCBA"[min(score // 25, 3)]
                lines.append(
                    f"{ids[at]}\t{role}\t{cause}\t{pool[picks[i]]}\t[]\t{draw:.6f}\t{draw:.6f}\t{score}\t{grade}\t"
                    f"{whys[picks[i]]}\t1\t0.8\t{when(ago[at])}\t{keys[of[at]]}\t{versions[period]}\t{releases[period]}\n"
                )
            copy.write("".join(lines))


def some_reasons(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Six to ten reasons, each in words."""
    return [
        {
            "feature": name, "label": name, "value": f"value {rng.integers(100)}",
            "direction": "up" if i % 2 else "down", "contribution": round(float(rng.normal()), 4),
            "text": f"{name} is value {rng.integers(100)}, which moves the score",
        }
        for i, name in enumerate(list(described(np.zeros(8, dtype=int)))[: rng.integers(6, 11)])
    ]  # fmt: skip


def copy_outcomes(cursor: Any, rng: np.random.Generator, keys: list[str], ages: np.ndarray[Any, Any]) -> None:
    """One in nine converted, half lost, the others open; some corrected."""
    draws = rng.random(len(keys))
    columns = "lead_id,kind,occurred_at,revenue,currency,is_current,recorded_at,reported_by"
    with cursor.copy(f"COPY scoring_outcome ({columns}) FROM STDIN") as copy:
        lines = []
        for at in np.flatnonzero(draws < 0.6).tolist():
            draw, reported = draws[at], when(float(ages[at]) * 0.5)
            won = draw < 0.11
            money = f"{5000 + draw * 90_000:.2f}\tAED" if won else "\\N\t"
            row = f"{'converted' if won else 'lost'}\t{reported}\t{money}"
            lines.append(f"{keys[at]}\t{row}\tt\t{reported}\tapi\n")
            if draw < 0.01:
                lines.append(f"{keys[at]}\tlost\t{reported}\t\\N\t\tf\t{when(float(ages[at]) * 0.6)}\tapi\n")
        copy.write("".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--predictions", type=int, default=3_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadscoring.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    if connection.vendor != "postgresql":
        raise SystemExit("DATABASE_URL names no PostgreSQL; expected postgresql://… of a scratch database.")
    call_command("migrate", verbosity=0)
    from scoring.models import Lead

    if Lead.objects.exists():
        raise SystemExit(
            "This database holds leads already; expected an empty one. Make a new one: createdb NAME"
        )
    took = load(options.leads, options.predictions, seed=options.seed)
    # Rows without words: `fill_search` writes the words as a worker would.
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO scoring_leadsearch (lead_id, words) SELECT id, '' FROM scoring_lead")
    print(", ".join(f"{name} {seconds:.0f} s" for name, seconds in took.items()))


if __name__ == "__main__":
    main()
