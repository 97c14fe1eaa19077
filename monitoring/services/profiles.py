"""Counting predictions into profiles: by closed stretches of time, once each, whoever asks.

A prediction carries the time of its request and is committed within seconds, so a stretch of five minutes is closed a
minute after its end. What still comes later (a transaction that hung) is found by comparing counts, and the hour is
counted anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from operator import itemgetter
from typing import Any

import numpy as np
import structlog
from django.db import transaction
from django.db.models import Count, Min, Sum, TextField
from django.db.models.functions import Cast, Coalesce, TruncHour
from django.utils import timezone

from monitoring.models import FoldState, Span, StoredProfile
from monitoring.selectors.profiles import (
    DAY,
    HOUR,
    Key,
    NoReference,
    Watched,
    floor_day,
    floor_hour,
    watched,
)
from monitoring.stats.folding import Folder, Scored
from monitoring.stats.profiles import Profile
from scoring.contracts import Cause
from scoring.models import Prediction

log = structlog.get_logger(__name__)

SLICE = timedelta(minutes=5)
#: How long after its end a slice is closed.
GRACE = timedelta(minutes=1)
CHUNK = 5_000
#: Rows taken apart at once: few enough to be still in the processor's cache.
BLOCK = 200
#: Scorings of leads already known, in bulk: nothing new from outside.
NOT_COUNTED = (Cause.RESCORE.value, Cause.RELEASE.value)
KEEP_SLICES = timedelta(hours=3)
KEEP_HOURS = timedelta(days=63)

Group = tuple[int, str, bool]
Found = dict[tuple[Group, Key], Profile]


@dataclass(frozen=True, slots=True)
class Folded:
    """What a call did: predictions counted, and until when all are."""

    predictions: int
    until: datetime | None


def floor_slice(at: datetime) -> datetime:
    """The start of the slice of a moment."""
    return floor_hour(at) + (at - floor_hour(at)) // SLICE * SLICE


def fold(*, as_of: datetime, tick: Callable[[datetime], None] = lambda at: None) -> Folded:
    """Count every closed slice before `as_of` that is not counted yet. Another worker at the same time does no harm:
    who comes second finds the stretch counted and goes on behind it."""
    limit = floor_slice(as_of - GRACE)
    state = _state(limit)
    if state is None:
        return Folded(0, None)
    done = 0
    while state.folded_until < limit:
        start = _next_slice(state.folded_until, limit)
        end = min(floor_hour(start) + HOUR, limit)
        with transaction.atomic():
            taken = FoldState.objects.filter(pk=state.pk, folded_until=state.folded_until).update(
                folded_until=end, updated_at=timezone.now()
            )
            if taken and start < limit:
                done += _count(start, end, keep_since=limit - KEEP_SLICES)
        state.refresh_from_db()
        tick(state.folded_until)
    StoredProfile.objects.filter(span=Span.SLICE, start__lt=limit - KEEP_SLICES).delete()
    _roll(state)
    return Folded(done, state.folded_until)


def _state(limit: datetime) -> FoldState | None:
    state = FoldState.objects.first()
    if state is None:
        oldest = Prediction.objects.aggregate(at=Min("scored_at"))["at"]
        if oldest is None:
            return None
        begin = floor_slice(min(oldest, limit))
        FoldState.objects.bulk_create(
            [FoldState(folded_until=begin, rolled_until=floor_day(begin), updated_at=timezone.now())],
            ignore_conflicts=True,
        )
        state = FoldState.objects.get()
    return state


def _next_slice(since: datetime, limit: datetime) -> datetime:
    """Where the next prediction lies: hours without any are passed over."""
    ahead = Prediction.objects.filter(scored_at__gte=since, scored_at__lt=limit)
    at = ahead.order_by("scored_at").values_list("scored_at", flat=True).first()
    return limit if at is None else max(floor_slice(at), since)


def _count(start: datetime, end: datetime, *, keep_since: datetime | None = None) -> int:
    """Count a closed stretch within one hour and add it to the hour's rows; inside the caller's transaction."""
    hour = floor_hour(start)
    total = _known(hour)
    touched: set[tuple[Group, Key]] = set()
    done = 0
    at = start
    while at < end:
        # Slice by slice onto what is there, so that an hour counted at once is the same, to the byte, as one counted
        # as time went by.
        mine, rows = _slice(at, min(at + SLICE, end))
        if keep_since is not None and at >= keep_since:
            _write(Span.SLICE, at, {place: one.without_sketches() for place, one in mine.items()})
        for place, profile in mine.items():
            total[place] = total[place].merge(profile) if place in total else profile
        touched |= mine.keys()
        done += rows
        at += SLICE
    _write(Span.HOUR, hour, {place: total[place] for place in touched})
    return done


def _slice(start: datetime, end: datetime) -> tuple[Found, int]:
    found: Found = {}
    done = 0
    for group, scored in _batches(start, end):
        done += len(scored)
        try:
            folder = _folder(group[0])
        except NoReference as why:
            log.warning("profiles.not_counted", version=group[0], predictions=len(scored), why=str(why))
            continue
        for key, profile in folder.fold(scored).items():
            place = (group, key)
            found[place] = found[place].merge(profile) if place in found else profile
    return found, done


_folders: dict[int, tuple[Watched, Folder]] = {}


def _folder(version_id: int) -> Folder:
    seen = watched(version_id)
    known = _folders.get(version_id)
    if known is None or known[0] is not seen:
        known = _folders[version_id] = (seen, Folder(seen.layout, seen.schema))
    return known[1]


def _batches(start: datetime, end: datetime) -> Iterator[tuple[Group, Scored]]:
    """The predictions of a stretch in batches of one version, role and kind, in one and the same order always."""
    rows = (
        Prediction.objects.filter(scored_at__gte=start, scored_at__lt=end)
        .exclude(cause__in=NOT_COUNTED)
        .annotate(text=Cast("values", TextField()))
        .order_by("scored_at", "id")
        .values_list(
            "version_id",
            "role",
            Coalesce("first", True),
            "text",
            "probability",
            "score",
            "grade",
            "latency_ms",
        )
    )
    waiting: dict[Group, _Waiting] = defaultdict(_Waiting)
    answers = rows.iterator(chunk_size=CHUNK)
    while block := list(islice(answers, BLOCK)):
        places = list(dict.fromkeys(row[:3] for row in block))
        for place in places:
            mine = waiting[place]
            mine.add(block if len(places) == 1 else [row for row in block if row[:3] == place])
            if len(mine.texts) >= CHUNK:
                yield place, waiting.pop(place).scored()
    for place in sorted(waiting):
        yield place, waiting[place].scored()


class _Waiting:
    """Predictions of one group until they are enough for a batch."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._probability: list[float] = []
        self._score: list[int] = []
        self._grade: list[str] = []
        self._latency: list[float] = []

    def add(self, rows: list[Any]) -> None:
        _, _, _, texts, probability, score, grade, latency = zip(*rows, strict=True)
        self.texts.extend(texts)
        self._probability.extend(probability)
        self._score.extend(score)
        self._grade.extend(grade)
        self._latency.extend(latency)

    def scored(self) -> Scored:
        return Scored(
            self.texts,
            np.array(self._probability, dtype=np.float64),
            np.array(self._score, dtype=np.int64),
            self._grade,
            np.array(self._latency, dtype=np.float64),
        )


def _known(hour: datetime) -> Found:
    """What is counted of an hour so far."""
    return {
        ((row.version_id, row.role, row.first), (row.feature, row.bin)): _profile(row)
        for row in StoredProfile.objects.filter(span=Span.HOUR, start=hour)
    }


def _profile(row: StoredProfile) -> Profile:
    return Profile.from_bytes(
        watched(row.version_id).layout,
        row.n,
        bytes(row.counts),
        bytes(row.moments),
        bytes(row.sketches or b""),
    )


def _write(span: Span, start: datetime, profiles: Found) -> None:
    rows = [
        StoredProfile(
            version_id=version_id,
            role=role,
            first=first,
            span=span,
            start=start,
            feature=feature,
            bin=place,
            layout=profile.layout.digest,
            n=profile.n,
            counts=profile.counts_bytes(),
            moments=profile.moments_bytes(),
            sketches=profile.sketches_bytes(),
        )
        for ((version_id, role, first), (feature, place)), profile in sorted(
            profiles.items(), key=itemgetter(0)
        )
    ]
    StoredProfile.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["version", "role", "span", "start", "first", "feature", "bin"],
        update_fields=["layout", "n", "counts", "moments", "sketches"],
        batch_size=100,
    )


def _roll(state: FoldState) -> None:
    """Sum the hours of every day that is over."""
    today = floor_day(state.folded_until)
    while state.rolled_until < today:
        begun = StoredProfile.objects.filter(span=Span.HOUR, start__gte=state.rolled_until, start__lt=today)
        first = begun.order_by("start").values_list("start", flat=True).first()
        day = today - DAY if first is None else floor_day(first)
        with transaction.atomic():
            taken = FoldState.objects.filter(pk=state.pk, rolled_until=state.rolled_until).update(
                rolled_until=day + DAY
            )
            if taken and first is not None:
                _sum_day(day)
        state.refresh_from_db()


def _sum_day(day: datetime) -> None:
    StoredProfile.objects.filter(span=Span.DAY, start=day).delete()
    total: Found = {}
    hours = StoredProfile.objects.filter(span=Span.HOUR, start__gte=day, start__lt=day + DAY)
    for row in hours.order_by("start").iterator(chunk_size=200):
        place = ((row.version_id, row.role, row.first), (row.feature, row.bin))
        total[place] = total[place].merge(_profile(row)) if place in total else _profile(row)
    _write(Span.DAY, day, total)


def rebuild(
    *, since: datetime, until: datetime, tick: Callable[[datetime], None] = lambda at: None
) -> list[datetime]:
    """Count the hours of a stretch anew from the predictions; returns the hours. What is not counted yet stays so."""
    state = FoldState.objects.first()
    if state is None:
        return []
    hours = []
    at = floor_hour(since)
    while at < min(until, floor_hour(state.folded_until)):
        _recount(at)
        hours.append(at)
        at += HOUR
        tick(at)
    return hours


def _recount(hour: datetime) -> None:
    with transaction.atomic():
        # Writing the one row of the state first makes all who count wait for each other.
        FoldState.objects.update(updated_at=timezone.now())
        state = FoldState.objects.get()
        if hour + HOUR > state.folded_until:
            return
        day = floor_day(hour)
        rolled = day < state.rolled_until
        # A day whose hours are forgotten can only be summed again from all of them.
        whole = rolled and _hours_forgotten(day)
        for at in [day + back * HOUR for back in range(24)] if whole else [hour]:
            StoredProfile.objects.filter(span=Span.HOUR, start=at).delete()
            _count(at, at + HOUR)
        if rolled:
            _sum_day(day)


def _hours_forgotten(day: datetime) -> bool:
    rows = StoredProfile.objects.filter(feature="", start__gte=day, start__lt=day + DAY)
    n = dict(rows.values_list("span").annotate(n=Sum("n")).order_by())
    return int(n.get(Span.HOUR.value, 0)) < int(n.get(Span.DAY.value, 0))


def reconcile(*, as_of: datetime, days: int = 2) -> list[datetime]:
    """Find hours whose predictions and profiles differ in number, and count them anew; returns these hours."""
    state = FoldState.objects.first()
    if state is None:
        return []
    since, until = floor_hour(as_of) - timedelta(days=days), floor_hour(state.folded_until)
    made = (
        Prediction.objects.filter(scored_at__gte=since, scored_at__lt=until)
        .exclude(cause__in=NOT_COUNTED)
        .values_list(TruncHour("scored_at"), "version_id", "role", Coalesce("first", True))
        .annotate(n=Count("pk"))
        .order_by()
    )
    there = {row[:4]: row[4] for row in made if _has_reference(row[1])}
    kept = StoredProfile.objects.filter(span=Span.HOUR, feature="", start__gte=since, start__lt=until)
    known = {row[:4]: row[4] for row in kept.values_list("start", "version_id", "role", "first", "n")}
    hours = sorted(
        {place[0] for place in there.keys() | known.keys() if there.get(place) != known.get(place)}
    )
    for hour in hours:
        log.info("profiles.recounted", hour=hour.isoformat())
        _recount(hour)
    return hours


def _has_reference(version_id: int) -> bool:
    try:
        watched(version_id)
    except NoReference:
        return False
    return True


def forget(*, as_of: datetime) -> int:
    """Remove hours that their day stands for; returns how many rows."""
    state = FoldState.objects.first()
    if state is None:
        return 0
    # Whole days: the hours of a day are there all or none.
    until = floor_day(min(as_of - KEEP_HOURS, state.rolled_until))
    return StoredProfile.objects.filter(span=Span.HOUR, start__lt=until).delete()[0]
