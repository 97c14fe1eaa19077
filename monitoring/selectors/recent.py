"""The last minutes and hours: profiles for data quality, and arrivals beside those of past weeks."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from django.db.models import Q

from monitoring.models import Span, StoredProfile
from monitoring.selectors.profiles import EVERYONE, HOUR, Key, Watched, floor_hour
from monitoring.stats.comparison import segments_looked_at
from monitoring.stats.profiles import Layout, Profile
from monitoring.stats.surveillance import Stretch

WEEK = timedelta(weeks=1)
WEEKS = 8
SLICES = (5, 15, 60)
HOURS = (6, 24)


def stretches(layout: Layout, version_id: int, role: str, until: datetime) -> list[Stretch]:
    """The last 5, 15 and 60 minutes from slices, the last 6 and 24 hours (and what has begun) from hours: leads scored
    for the first time and again, shortest first."""
    rows = StoredProfile.objects.filter(version_id=version_id, role=role).defer("sketches", "moments")
    windows = [(minutes, Span.SLICE, until - timedelta(minutes=minutes)) for minutes in SLICES]
    windows += [(hours * 60, Span.HOUR, floor_hour(until) - hours * HOUR) for hours in HOURS]
    wanted = Q(span=Span.SLICE, start__gte=windows[len(SLICES) - 1][2]) | Q(
        span=Span.HOUR, start__gte=windows[-1][2]
    )
    found: list[dict[Key, Profile]] = [{EVERYONE: Profile.empty(layout)} for _ in windows]
    for row in rows.filter(wanted, start__lt=until).order_by("start"):
        profile = Profile.of_counts(layout, row.n, bytes(row.counts))
        key = (row.feature, row.bin)
        for place, (_, span, since) in enumerate(windows):
            if row.span == span and row.start >= since:
                mine = found[place]
                mine[key] = mine[key].merge(profile) if key in mine else profile
    return [Stretch(minutes, mine) for (minutes, _, _), mine in zip(windows, found, strict=True)]


def arrivals(
    seen: Watched, version_id: int, until: datetime
) -> dict[Key, list[tuple[int, int, list[float]]]]:
    """New leads in the last hour and in the last 6 and 24 full hours, of all and of each watched value: (minutes, how
    many came, how many in the same hours of each past week, oldest first).

    Only weeks since the first lead count. The last hour ends now: of past weeks the two clock hours it spans are taken
    in proportion.
    """
    end = floor_hour(until)
    hours = StoredProfile.objects.filter(span=Span.HOUR, first=True, role="champion")
    begun = hours.filter(feature="").order_by("start").values_list("start", flat=True).first()
    if begun is None:
        return {}
    weeks = [back for back in range(WEEKS, 0, -1) if end - back * WEEK - 24 * HOUR >= floor_hour(begun)]
    wanted = Q(start__gte=end - 24 * HOUR, start__lt=end)
    for back in weeks:
        wanted |= Q(start__gte=end - back * WEEK - 24 * HOUR, start__lte=end - back * WEEK)
    slices = StoredProfile.objects.filter(span=Span.SLICE, first=True, role="champion", start__lt=until)
    keys = {EVERYONE, *((one.feature, one.bin) for one in segments_looked_at(seen.reference))}
    fields = ("start", "version_id", "feature", "bin", "n")
    counts: dict[Key, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    now: dict[Key, int] = defaultdict(int)
    # Bins of another version may mean other values: sources are counted for the version that serves.
    for start, version, feature, place, n in hours.filter(wanted).values_list(*fields):
        if (feature, place) in keys and (not feature or version == version_id):
            counts[feature, place][(end - start) // HOUR - 1] += n
    for _, version, feature, place, n in slices.filter(start__gte=until - HOUR).values_list(*fields):
        if (feature, place) in keys and (not feature or version == version_id):
            now[feature, place] += n
    begun_share = (until - end) / HOUR
    found = {}
    for key in keys:
        mine = counts[key]
        last = [
            begun_share * mine.get(back * 168 - 1, 0) + (1 - begun_share) * mine.get(back * 168, 0)
            for back in weeks
        ]
        spans = [(60, now[key], last)]
        for size in HOURS:
            past = [float(sum(mine.get(back * 168 + hour, 0) for hour in range(size))) for back in weeks]
            spans.append((size * 60, sum(mine.get(hour, 0) for hour in range(size)), past))
        found[key] = spans
    return found
