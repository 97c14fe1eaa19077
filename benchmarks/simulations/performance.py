"""The daily check of performance through services and rows: quiet half years, and a law redrawn overnight.

    DATABASE_URL=postgresql://…/scratch python -m benchmarks.simulations.performance [--seeds 20] [--leads 17000]

For each seed a business of 60 weeks is written to an empty database and checked day by day by `as_of` over 26 weeks.
Counted are alerts as the default rules make them: one for each cause, while readings last. A quiet half year may have
at most 1 warning and no critical one; a redrawn law must be heard in the week its first cohort is ripe.
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, date, datetime, timedelta

WINDOW = 60.0
START, END = date(2025, 1, 6), date(2026, 3, 2)
FIRST_LOOK = datetime(2025, 8, 25, tzinfo=UTC)
DAYS = 26 * 7
ONSET = date(2025, 8, 4)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--leads", type=int, default=17_000)
    parser.add_argument("--every", type=int, default=1, help="days between looks")
    parser.add_argument("--noise", type=float, default=0.3)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadscoring.settings")
    import django

    django.setup()
    from django.db import transaction

    from scoring.models import Lead

    if Lead.objects.exists():
        raise SystemExit(
            "This database holds leads; expected an empty one, made by: createdb NAME; manage.py migrate"
        )
    for seed in range(options.first, options.first + options.seeds):
        for onset in (None, ONSET):
            with transaction.atomic():
                print(
                    seed, "quiet" if onset is None else "redrawn", one_year(seed, onset, options), flush=True
                )
                transaction.set_rollback(True)


def one_year(seed: int, onset: date | None, options: argparse.Namespace) -> str:
    """Alerts of one half year, or when the redrawn law was heard."""
    from monitoring.services.performance import check
    from tests.factories.scored import a_scored_business

    a_scored_business(
        leads=options.leads,
        start=START,
        end=END,
        onset=onset,
        seed=seed,
        window_days=WINDOW,
        noise=options.noise,
    )
    heard: dict[str, tuple[datetime, str]] = {}
    for day in range(0, DAYS, options.every):
        as_of = FIRST_LOOK + timedelta(days=day)
        for subject, level in levels(check(as_of=as_of), as_of):
            if subject not in heard or (heard[subject][1] == "warning" and level == "critical"):
                heard[subject] = (as_of, level)
        if onset is not None and any(level == "critical" for _, level in heard.values()):
            break
    if onset is None:
        return (
            "; ".join(f"{level} {subject} {at:%Y-%m-%d}" for subject, (at, level) in heard.items()) or "none"
        )
    ripe = datetime.combine(onset, datetime.min.time(), UTC) + timedelta(days=WINDOW)
    return (
        "; ".join(
            f"{level} {subject} {(at - ripe) / timedelta(days=1):+.0f} days"
            for subject, (at, level) in heard.items()
        )
        or "never"
    )


def levels(checks: object, as_of: datetime) -> list[tuple[str, str]]:
    """What the default rules make of the readings of a moment."""
    from monitoring.contracts import RULES, AlertLevel
    from monitoring.models import StoredReading

    rules = {rule.kind.value: rule for rule in RULES}
    found = []
    for row in StoredReading.objects.filter(at=as_of).exclude(sure=""):
        rule = rules[row.kind]
        if rule.critical is not None and row.value >= rule.critical and row.sure == AlertLevel.CRITICAL.value:
            found.append((f"{row.kind} {row.subject}", "critical"))
        elif rule.warning is not None and row.value >= rule.warning:
            found.append((f"{row.kind} {row.subject}", "warning"))
    return found


if __name__ == "__main__":
    main()
