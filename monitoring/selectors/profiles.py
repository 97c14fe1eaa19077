"""Reading profiles: the layout of a version, and any window as a sum of rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from django.db.models import Q, QuerySet

from monitoring.models import FoldState, Span, StoredProfile
from monitoring.stats.profiles import Layout, Profile
from scoring.ml.reference import ProfileError, ReferenceProfile
from scoring.ml.schema import FeatureSchema, KnownAt
from scoring.models import ModelVersion

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Key = tuple[str, int]
EVERYONE: Key = ("", 0)


class NoReference(LookupError):
    """A version has no reference profile, or one that cannot be read: its leads cannot be counted or compared."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is needed to count and compare the leads of one version."""

    version_id: int
    number: int
    reference: ReferenceProfile
    layout: Layout
    schema: FeatureSchema

    @property
    def late(self) -> frozenset[str]:
        """Features known only during contact: the reference holds what they became, a lead that comes has none yet,
        so the two cannot be compared."""
        return frozenset(spec.name for spec in self.schema.trainable if spec.known_at is not KnownAt.CREATION)


@lru_cache(maxsize=16)
def watched(version_id: int) -> Watched:
    """The reference of a version; it never changes, so a process keeps what it has read.

    Raises:
        NoReference: it has none, or one that cannot be read; the sentence says which.
    """
    version = ModelVersion.objects.select_related("feature_set").get(pk=version_id)
    if not version.reference_profile:
        raise NoReference(f"Version {version.number} has no reference profile.")
    try:
        reference = ReferenceProfile.from_json(version.reference_profile)
    except ProfileError as error:
        raise NoReference(
            f"The reference profile of version {version.number} cannot be read: {error}"
        ) from error
    return Watched(version_id, version.number, reference, Layout.of(reference), version.feature_set.schema())


def floor_hour(at: datetime) -> datetime:
    """The full hour at or before."""
    return at.replace(minute=0, second=0, microsecond=0)


def floor_day(at: datetime) -> datetime:
    """The midnight (UTC) at or before."""
    return floor_hour(at).replace(hour=0)


def fold_state() -> FoldState | None:
    """How far predictions are counted; None before the first count."""
    return FoldState.objects.first()


def rows_of_window(
    version_id: int, role: str, since: datetime, until: datetime, *, first: bool | None = True
) -> QuerySet[StoredProfile]:
    """The fewest rows that cover a window: whole days from days, the rest from hours.

    The window is widened to full hours. `first`: leads scored for the first time, again, or both (None).
    """
    state = fold_state()
    rolled = floor_day(since) if state is None else state.rolled_until
    start, end = floor_hour(since), until
    first_day = start if start == floor_day(start) else floor_day(start) + DAY
    last_day = max(min(floor_day(end), rolled), first_day)
    rows = StoredProfile.objects.filter(version_id=version_id, role=role)
    if first is not None:
        rows = rows.filter(first=first)
    days = Q(span=Span.DAY, start__gte=first_day, start__lt=last_day)
    hours = Q(span=Span.HOUR, start__gte=start, start__lt=end) & ~Q(start__gte=first_day, start__lt=last_day)
    return rows.filter(days | hours).order_by("start", "-first")


def window(
    layout: Layout,
    version_id: int,
    role: str,
    since: datetime,
    until: datetime,
    *,
    first: bool | None = True,
    segments: bool = True,
    sketches: bool = True,
) -> dict[Key, Profile]:
    """Profiles of a window by (watched feature, bin); all leads under ("", 0), there even when none came."""
    rows = rows_of_window(version_id, role, since, until, first=first)
    if not segments:
        rows = rows.filter(feature="")
    if not sketches:
        rows = rows.defer("sketches")
    found: dict[Key, Profile] = {EVERYONE: Profile.empty(layout)}
    for row in rows:
        key = (row.feature, row.bin)
        blob = bytes(row.sketches or b"") if sketches else b""
        profile = Profile.from_bytes(layout, row.n, bytes(row.counts), bytes(row.moments), blob)
        found[key] = found[key].merge(profile) if key in found else profile
    return found


def without_hours(
    layout: Layout,
    version_id: int,
    role: str,
    found: dict[Key, Profile],
    hours: Mapping[datetime, Collection[str]],
) -> dict[Key, Profile]:
    """The counts of a window of first scores without those of some features in some hours of it.

    Moments and sketches stay those of the whole window.
    """
    rows = StoredProfile.objects.filter(
        version_id=version_id, role=role, first=True, span=Span.HOUR, start__in=list(hours)
    ).defer("moments", "sketches")
    counts = {key: profile.counts.copy() for key, profile in found.items()}
    for row in rows:
        key = (row.feature, row.bin)
        if key not in counts:
            continue
        mine = Profile.of_counts(layout, row.n, bytes(row.counts))
        for name in hours[row.start]:
            place = layout.places.get(name)
            if place is not None:
                where = layout.bins[place]
                counts[key][where.start : where.stop] -= mine.bins(place)
    return {key: replace(profile, counts=counts[key]) for key, profile in found.items()}


def series(
    layout: Layout, version_id: int, role: str, since: datetime, until: datetime, step: timedelta
) -> list[tuple[datetime, Profile]]:
    """First scores of all leads in steps of whole days, oldest first, steps without leads included."""
    rows = StoredProfile.objects.filter(
        version_id=version_id, role=role, first=True, feature="", span=Span.DAY,
        start__gte=floor_day(since), start__lt=until,
    ).defer("sketches").order_by("start")  # fmt: skip
    steps: list[tuple[datetime, Profile]] = []
    at = floor_day(since)
    while at < until:
        steps.append((at, Profile.empty(layout)))
        at += step
    for row in rows:
        place = (row.start - floor_day(since)) // step
        start, so_far = steps[place]
        mine = Profile.from_bytes(layout, row.n, bytes(row.counts), bytes(row.moments))
        steps[place] = (start, so_far.merge(mine))
    return steps
