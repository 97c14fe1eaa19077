"""Counting leads for the pages of the grade limits: in the database, never lead by lead except ripe ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from itertools import groupby
from typing import Any

from django.db.models import Count, FilteredRelation, Q
from django.db.models.functions import TruncWeek

from leadscoring.common.claims import WorkState
from scoring.contracts import GradeLimits, OutcomeKind, Role
from scoring.models import GradeTally, Lead, MaturityWindow, Outcome, Prediction, TrainingPolicy

GRADES = "ABCD"
RIPE_READ = 10_000
WEEKS_SHOWN = 26
RECENT = (30, 90)
Cells = dict[tuple[str, int], int]
Weeks = list[tuple[datetime, dict[str, int]]]


@dataclass(frozen=True, slots=True)
class FirstScores:
    """Ripe leads by the score that was said first, before their outcome: how many, and how many converted."""

    leads: Mapping[int, int]
    conversions: Mapping[int, int]
    cut: bool

    def by_grade(self, limits: GradeLimits) -> dict[str, tuple[int, int]]:
        """(conversions, leads) of each grade under limits."""
        found = {grade: [0, 0] for grade in GRADES}
        for score, n in self.leads.items():
            grade = limits.grade(score).value
            found[grade][0] += self.conversions.get(score, 0)
            found[grade][1] += n
        return {grade: (hits, n) for grade, (hits, n) in found.items()}


@dataclass(frozen=True, slots=True)
class Tally:
    """Scored leads counted by (grade, score): all of them, the open ones (no outcome), the open ones of each
    owner, and by score those created in the last 30 and 90 days. `owners_left_out` have fewer open leads than
    the owners kept."""

    everything: Cells
    still_open: Cells
    owners: Mapping[str, Cells]
    owners_left_out: int
    recent: Mapping[int, Mapping[int, int]]
    first: FirstScores


def count_grades(*, as_of: datetime, most_owners: int) -> Tally:
    """Count now, keeping the `most_owners` owners with the most open leads; five queries whatever the number."""
    everything: Cells = {}
    still_open: Cells = {}
    recent: dict[int, dict[int, int]] = {days: {} for days in RECENT}
    seen = 0

    def by_owner() -> Iterator[tuple[str, Cells]]:
        nonlocal seen
        for owner, rows in groupby(_grouped(as_of), key=lambda row: row["owner"]):
            cells: Cells = {}
            for row in rows:
                key = (row["grade"], int(row["score"]))
                everything[key] = everything.get(key, 0) + row["n"]
                if row["n"] > row["closed"]:
                    cells[key] = row["n"] - row["closed"]
                    still_open[key] = still_open.get(key, 0) + cells[key]
                for days in RECENT:
                    if row[f"last_{days}"]:
                        recent[days][key[1]] = recent[days].get(key[1], 0) + row[f"last_{days}"]
            if cells:
                seen += 1
                yield owner, cells

    kept = dict(nlargest(most_owners, by_owner(), key=lambda item: sum(item[1].values())))
    return Tally(everything, still_open, kept, seen - len(kept), recent, first_scores(as_of=as_of))


def _grouped(as_of: datetime) -> Iterator[Any]:
    """Counts by owner, grade and score, each owner's rows together. A lead has at most one current outcome, so
    the join doubles nothing."""
    lately = {
        f"last_{days}": Count("pk", filter=Q(created__gt=as_of - timedelta(days=days), created__lte=as_of))
        for days in RECENT
    }
    rows = (
        Lead.objects.filter(score__isnull=False, merged_into__isnull=True)
        .annotate(ended=FilteredRelation("outcomes", condition=Q(outcomes__is_current=True)))
        .order_by("owner")
        .values("owner", "grade", "score")
        .annotate(n=Count("pk"), closed=Count("ended__pk"), **lately)
    )
    yield from rows.iterator(chunk_size=5000)


def first_scores(*, as_of: datetime) -> FirstScores:
    """The newest ripe leads, at most 10,000, that were scored before their outcome and before they were ripe.

    A score given later would flatter: the model may have learned from that very lead. Leads whose window has not
    passed are left out, converted or not.
    """
    horizon = (TrainingPolicy.objects.first() or TrainingPolicy()).horizon_days
    windows = {window.source_system: window.days for window in MaturityWindow.objects.all()}
    ripe = Q(created__lte=as_of - timedelta(days=horizon)) & ~Q(source_system__in=list(windows))
    for source, days in windows.items():
        ripe |= Q(source_system=source, created__lte=as_of - timedelta(days=days or horizon))
    newest = list(
        Lead.objects.filter(ripe, score__isnull=False, merged_into__isnull=True)
        .order_by("-created")
        .values_list("pk", "created", "source_system")[: RIPE_READ + 1]
    )
    cut, newest = len(newest) > RIPE_READ, newest[:RIPE_READ]
    ends = {
        pk: created + timedelta(days=windows.get(source) or horizon)
        for pk, created, source in newest
        if created is not None
    }
    outcomes = {
        row.lead_id: row
        for row in Outcome.objects.filter(lead_id__in=_keys(newest), is_current=True).only(
            "lead_id", "kind", "occurred_at", "recorded_at"
        )
    }
    leads: dict[int, int] = {}
    conversions: dict[int, int] = {}
    met: set[Any] = set()
    scored = Prediction.objects.filter(lead_id__in=_keys(newest), role=Role.CHAMPION.value)
    for pk, at, score in scored.order_by("lead_id", "scored_at", "id").values_list(
        "lead_id", "scored_at", "score"
    ):
        if pk in met or pk not in ends:
            continue
        met.add(pk)
        outcome = outcomes.get(pk)
        known = (outcome.occurred_at or outcome.recorded_at) if outcome is not None else None
        if at >= ends[pk] or (known is not None and known < at):
            continue
        leads[score] = leads.get(score, 0) + 1
        if outcome is not None and outcome.kind == OutcomeKind.CONVERTED:
            conversions[score] = conversions.get(score, 0) + 1
    return FirstScores(leads, conversions, cut)


def _keys(newest: list[Any]) -> list[Any]:
    return [pk for pk, _, _ in newest]


def weekly_grades(*, as_of: datetime) -> Weeks:
    """Grades that champions gave in each of the last 26 weeks, oldest first, as they were said then.

    Each week counts the scorings of that week; weeks without any are left out.
    """
    monday = as_of.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = monday - timedelta(days=monday.weekday() + 7 * (WEEKS_SHOWN - 1))
    rows = (
        Prediction.objects.filter(scored_at__gte=since, scored_at__lte=as_of, role=Role.CHAMPION.value)
        .order_by()
        .annotate(week=TruncWeek("scored_at", tzinfo=UTC))
        .values_list("week", "grade")
        .annotate(n=Count("pk"))
    )
    weeks: dict[datetime, dict[str, int]] = {}
    for week, grade, n in rows:
        weeks.setdefault(week, dict.fromkeys(GRADES, 0))[grade] = int(n)
    return sorted(weeks.items())


def as_json(tally: Tally) -> dict[str, Any]:
    """A tally as it is kept."""
    return {
        "everything": _flat(tally.everything),
        "still_open": _flat(tally.still_open),
        "owners": [[owner, _flat(cells)] for owner, cells in tally.owners.items()],
        "owners_left_out": tally.owners_left_out,
        "recent": [[days, list(scores.items())] for days, scores in tally.recent.items()],
        "first": [list(tally.first.leads.items()), list(tally.first.conversions.items()), tally.first.cut],
    }


def of_json(kept: Mapping[str, Any]) -> Tally:
    """The tally that `as_json` kept."""
    leads, conversions, cut = kept["first"]
    return Tally(
        everything=_cells(kept["everything"]),
        still_open=_cells(kept["still_open"]),
        owners={owner: _cells(cells) for owner, cells in kept["owners"]},
        owners_left_out=kept["owners_left_out"],
        recent={days: dict(scores) for days, scores in kept["recent"]},
        first=FirstScores(dict(leads), dict(conversions), cut),
    )


def newest_tally() -> GradeTally | None:
    """The newest counts that were kept."""
    return GradeTally.objects.filter(state=WorkState.DONE).order_by("-taken_at", "-id").first()


def newest_weeks() -> GradeTally | None:
    """The newest counts that were kept, without those by score."""
    done = GradeTally.objects.filter(state=WorkState.DONE)
    return done.order_by("-taken_at", "-id").defer("counts").first()


def count_asked_for() -> GradeTally | None:
    """The count that was asked for last, whatever became of it, without what it found."""
    return GradeTally.objects.order_by("-id").defer("counts", "weeks").first()


def _flat(cells: Cells) -> list[list[Any]]:
    return [[grade, score, n] for (grade, score), n in cells.items()]


def _cells(rows: list[list[Any]]) -> Cells:
    return {(grade, score): n for grade, score, n in rows}
