"""Data quality as it happens: shares of missing, unseen, unreadable and out-of-range values over several stretches.

A field that breaks altogether shows in a few leads; a source that loses one value in ten shows in hundreds. So the
last minutes, the last hour, the last six and twenty-four are looked at together, and share the error of a week.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitoring.stats.levels import CRITICAL_Q, WARNING_Q
from monitoring.stats.mixture import LEAST_IN_PART
from monitoring.stats.profiles import Counts, Layout, Profile
from monitoring.stats.quality import LEAST_RISE, ShareRise, share_rise
from scoring.ml.feature_bins import FeatureBins
from scoring.ml.multiplicity import benjamini_hochberg
from scoring.ml.reference import ReferenceProfile, Segment

Floats = NDArray[np.float64]
Key = tuple[str, int]
EVERYONE: Key = ("", 0)
Rises = list[tuple[ShareRise, int]]
"""A share in each stretch that holds leads, with the stretch's minutes, shortest first."""

LOOKS_PER_WEEK = 2016.0
"""One every five minutes."""
CONTRADICTION = 0.01
"""So unlikely must the newest leads be, were half of a rise still there, for it to be over."""

BEYOND_DOUBT = 1e-15


class Defect(StrEnum):
    """What may be wrong with values."""

    MISSING = "missing"
    UNSEEN = "unseen"
    UNREADABLE = "unreadable"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Leads of the last `minutes`, by (watched feature, bin), all under ("", 0)."""

    minutes: int
    profiles: Mapping[Key, Profile]


@dataclass(frozen=True, slots=True)
class Defective:
    """A share of bad values: in the stretch that speaks loudest, beside the reference.

    `rise` None: no lead came in any stretch, or the reference does not know the share. `q` is corrected over all that
    was looked at; `warning` and `critical` say whether it is below the error one look may spend.
    """

    feature: str
    segment: Key | None
    defect: Defect
    rise: ShareRise | None
    minutes: int
    q: float

    @property
    def warning(self) -> bool:
        return self.q <= WARNING_Q / LOOKS_PER_WEEK

    @property
    def critical(self) -> bool:
        return self.q <= CRITICAL_Q / LOOKS_PER_WEEK


def defects(
    reference: ReferenceProfile,
    layout: Layout,
    stretches: Sequence[Stretch],
    segments: Sequence[Segment],
    *,
    skip: Collection[str] = (),
) -> list[Defective]:
    """Every share of bad values: of all leads always, of a watched value where it rose by five points or more.

    stretches: shortest first, each holding the leads of the one before. Features of `skip` are left out.
    """
    everyone: list[tuple[Segment | None, Key]] = [(None, EVERYONE)]
    groups = everyone + [(one, (one.feature, one.bin)) for one in segments]
    found: list[tuple[str, Key | None, Defect, ShareRise | None, int]] = []
    everywhere: dict[tuple[int, Defect], Rises] = {}
    mix = _Mix(reference, layout)
    tests = 0
    for segment, key in groups:
        for place, profile in enumerate(layout.features):
            if profile.name in skip:
                continue
            for defect in Defect:
                before = _before(reference, layout, segment, place, defect)
                if before is None or (segment is not None and profile.name == segment.feature):
                    continue
                rises: Rises = list(_rises(stretches, key, place, defect, before, mix))
                tests += len(stretches)
                if segment is None:
                    everywhere[place, defect] = rises
                    standing = [one for one in rises if not _passed(one, rises)]
                    rise, minutes = _loudest(standing)
                    found.append((profile.name, None, defect, rise, minutes))
                    continue
                standing = _standing(rises, everywhere[place, defect])
                if any(rise.rise >= LEAST_RISE for rise, _ in standing):
                    rise, minutes = _loudest(standing)
                    found.append((profile.name, key, defect, rise, minutes))
    p = np.ones(max(tests, len(found), 1))
    p[: len(found)] = [1.0 if rise is None else rise.p for *_, rise, _ in found]
    q = benjamini_hochberg(p)[: len(found)].tolist()
    judged = [
        Defective(name, segment, defect, rise, minutes, one)
        for (name, segment, defect, rise, minutes), one in zip(found, q, strict=True)
    ]
    # Where all leads tell it, the single values tell nothing new, unless it is much worse among them than among all.
    told = {
        (one.feature, one.defect): one.rise.rise
        for one in judged
        if one.segment is None and one.warning and one.rise is not None
    }
    return [
        one
        for one in judged
        if one.segment is None
        or one.rise is None
        or one.rise.rise > 2 * told.get((one.feature, one.defect), 0.0)
    ]


def _before(
    reference: ReferenceProfile, layout: Layout, segment: Segment | None, place: int, defect: Defect
) -> tuple[int, int] | None:
    """Hits and rows of the reference; None where it does not know."""
    profile, where = layout.features[place], layout.bins[place]
    counts = profile.counts if segment is None else segment.counts[where.start : where.stop]
    n = int(counts.sum())
    if not n:
        return None
    if defect in (Defect.MISSING, Defect.UNREADABLE):
        # What could not be read was missing to the model: at most so many were unreadable.
        return int(counts[profile.bins.missing]), n
    if defect is Defect.UNSEEN:
        return None if profile.bins.unseen is None else (_seen_once(profile.bins, counts), n)
    if profile.outside is None or profile.bins.edges is None:
        return None
    return (profile.outside if segment is None else min(profile.outside, n)), n


def _seen_once(bins: FeatureBins, counts: Counts) -> int:
    """At most so many rows held a level that no other row held: new levels come about as often (Good 1953, Biometrika
    40:237-264). How many there were is not kept; they are among the rare levels."""
    other = int(counts[bins.size - 3])
    return min(len(bins.rare), other)


def _hits(profile: Profile, place: int, defect: Defect) -> int:
    if defect is Defect.UNREADABLE:
        return int(profile.part("unreadable")[place])
    if defect is Defect.OUTSIDE:
        return int(profile.part("outside")[place])
    bins = profile.layout.features[place].bins
    which = bins.missing if defect is Defect.MISSING else bins.unseen
    return int(profile.bins(place)[which or 0])


def _rises(
    stretches: Sequence[Stretch],
    key: Key,
    place: int,
    defect: Defect,
    before: tuple[int, int],
    mix: _Mix,
) -> Iterator[tuple[ShareRise, int]]:
    for stretch in stretches:
        hits_before, m = before
        profile = stretch.profiles.get(key)
        if profile is None or not profile.n:
            continue
        hits, n = _hits(profile, place, defect), profile.n
        if defect is Defect.MISSING:
            # A day at a fair brings leads of one source, and that source never had the field: no breakage.
            mine = hits_before / m + mix.rise(stretch.profiles[EVERYONE], place, but=key[0])
            hits_before = max(hits_before, min(round(mine * m), m))
        if hits / n - hits_before / m >= LEAST_RISE:
            yield share_rise(hits, n, hits_before, m), stretch.minutes
        else:
            yield ShareRise(hits_before / m, hits / n, n, m, 1.0), stretch.minutes


class _Mix:
    """By how much the share of missing values rises because of which leads come: each value of a watched feature as
    in the reference, only more or fewer of it."""

    def __init__(self, reference: ReferenceProfile, layout: Layout) -> None:
        self._usual = np.array([profile.missing / max(profile.n, 1) for profile in layout.features])
        missing = np.array(
            [part.start + one.bins.missing for part, one in zip(layout.bins, layout.features, strict=True)]
        )
        self._rates: dict[str, tuple[int, Floats]] = {}
        for segment in reference.segments:
            if segment.n < LEAST_IN_PART:
                continue
            place = layout.places[segment.feature]
            rates = self._rates.setdefault(
                segment.feature,
                (place, np.repeat(self._usual[:, None], layout.features[place].bins.size, axis=1)),
            )[1]
            rates[:, segment.bin] = segment.counts[missing] / segment.n

    def rise(self, everyone: Profile, place: int, *, but: str) -> float:
        """The largest rise that the mix of one watched feature explains, 0 or more; of leads that share a value of
        one (`but`), what the others explain."""
        rises = [0.0]
        for name, (watched, rates) in self._rates.items():
            if name == but or watched == place or not everyone.n:
                continue
            weights = everyone.bins(watched) / everyone.n
            rises.append(float(rates[place] @ weights) - float(self._usual[place]))
        return max(rises)


def _passed(one: tuple[ShareRise, int], rises: Rises) -> bool:
    """Whether the leads of a shorter stretch say that what this one shows is over."""
    rise, minutes = one
    limit = min(rise.before + rise.rise / 2, 1.0)
    return rise.rise >= LEAST_RISE and any(
        # The chance of so few bad values among the newest leads, were half of the rise still there.
        special.bdtr(round(short.now * short.n), short.n, limit) <= CONTRADICTION
        for short, less in rises
        if less < minutes
    )


def _standing(rises: Rises, everywhere: Rises) -> Rises:
    """What the leads of one value show that is not over. Few of them may have come since; then, of what broke for all
    leads and is over for all, it is over for them too unless their own say otherwise."""
    standing: Rises = []
    for rise, minutes in rises:
        over = rise.rise >= LEAST_RISE and any(
            least == minutes and other.rise >= rise.rise / 2 and _passed((other, least), everywhere)
            for other, least in everywhere
        )
        still = any(short.rise >= rise.rise / 2 for short, _ in standing)
        if not _passed((rise, minutes), rises) and (still or not over):
            standing.append((rise, minutes))
    return standing


def _loudest(standing: Rises) -> tuple[ShareRise | None, int]:
    """The least likely rise, of several beyond doubt the newest; the longest stretch where nothing rose."""
    if not standing:
        return None, 0
    certain = [one for one in standing if one[0].p <= BEYOND_DOUBT]
    if certain:
        return min(certain, key=lambda one: one[1])
    return min(standing, key=lambda one: (one[0].p, -one[1]))
