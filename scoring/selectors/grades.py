"""What grade limits do: counted from the leads' scores, never lead by lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import TruncWeek

from scoring.contracts import GradeLimits, OutcomeKind, Role
from scoring.models import GradeBand, Lead, MaturityWindow, Outcome, Prediction, TrainingPolicy

GRADES = "ABCD"
OWNERS_SHOWN = 10
RIPE_READ = 10_000
WEEKS_SHOWN = 26
Moves = dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class OwnerMoves:
    """How many open leads of one owner would rise and fall."""

    owner: str
    up: int
    down: int


@dataclass(frozen=True, slots=True)
class LimitsPreview:
    """What new limits would change. Moves count open leads by the grade their row has and the one they would get;
    `closed` counts the leads with an outcome whose grade changes too. `shares` hold counts of leads by score."""

    open_moves: Moves
    closed_changed: int
    owners: tuple[OwnerMoves, ...]
    owners_more: int
    shares: Mapping[str, Mapping[int, int]]

    @property
    def open_leads(self) -> int:
        """Scored leads without an outcome."""
        return sum(self.open_moves.values())

    @property
    def open_changed(self) -> int:
        """Those of them that would get another grade."""
        return sum(n for (old, new), n in self.open_moves.items() if old != new)


def preview(limits: GradeLimits, *, as_of: datetime) -> LimitsPreview:
    """Count what `limits` would change; six queries whatever the number of leads."""
    scored = Lead.objects.filter(score__isnull=False, merged_into__isnull=True)
    closed = Outcome.objects.filter(lead=OuterRef("pk"), is_current=True)
    rows = scored.order_by().values("grade", "score")
    everything = _counted(rows)
    ended = _counted(
        Outcome.objects.filter(is_current=True, lead__score__isnull=False)
        .order_by()
        .values(grade=F("lead__grade"), score=F("lead__score"))
    )
    moves: Moves = {}
    by_score: dict[int, int] = {}
    closed_changed = 0
    for (grade, score), n in everything.items():
        new = limits.grade(score).value
        still_open = n - ended.get((grade, score), 0)
        closed_changed += n - still_open if grade != new else 0
        if still_open:
            moves[grade, new] = moves.get((grade, new), 0) + still_open
            by_score[score] = by_score.get(score, 0) + still_open
    changed = scored.filter(_rises(limits) | _falls(limits)).filter(~Exists(closed))
    owners = changed.order_by().values("owner").annotate(n=Count("pk"), up=Count("pk", filter=_rises(limits)))
    top = list(owners.order_by("-n", "owner")[: OWNERS_SHOWN + 1])
    shares = {f"Last {days} days": _by_score(_recent(scored, as_of, days)) for days in (30, 90)}
    return LimitsPreview(
        open_moves=moves,
        closed_changed=closed_changed,
        owners=tuple(OwnerMoves(row["owner"], row["up"], row["n"] - row["up"]) for row in top[:OWNERS_SHOWN]),
        owners_more=max(0, len(top) - OWNERS_SHOWN),
        shares={**shares, "All open leads": by_score},
    )


def _counted(rows: QuerySet[Any, Any]) -> dict[tuple[str, int], int]:
    return {(row["grade"], int(row["score"])): int(row["n"]) for row in rows.annotate(n=Count("pk"))}


def _recent(scored: QuerySet[Lead], as_of: datetime, days: int) -> QuerySet[Lead]:
    return scored.filter(created__gt=as_of - timedelta(days=days), created__lte=as_of)


def _by_score(leads: QuerySet[Lead]) -> dict[int, int]:
    return {
        int(score): int(n)
        for score, n in leads.order_by().values_list("score").annotate(n=Count("pk"))
        if score is not None
    }


def _rises(limits: GradeLimits) -> Q:
    return (
        Q(grade="D", score__gte=limits.c)
        | Q(grade="C", score__gte=limits.b)
        | Q(grade="B", score__gte=limits.a)
    )


def _falls(limits: GradeLimits) -> Q:
    return (
        Q(grade="A", score__lt=limits.a) | Q(grade="B", score__lt=limits.b) | Q(grade="C", score__lt=limits.c)
    )


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


def weekly_grades(*, as_of: datetime) -> list[tuple[datetime, dict[str, int]]]:
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


def limits_history() -> list[tuple[GradeBand, GradeBand | None]]:
    """The newest fifty limits, each with the ones it replaced."""
    bands = list(GradeBand.objects.select_related("set_by").order_by("-set_at", "-id")[:51])
    return list(zip(bands[:50], [*bands[1:51], None], strict=False))
