"""Leads with the prediction that stood when a version first scored them, and what was known of them at a moment.

Read column by column into arrays: of a million leads about 60 MB are kept, and no lead as an object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
from django.db.models import F, Q, QuerySet, Window
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import RowNumber
from numpy.typing import NDArray

from monitoring.models import Exposure
from monitoring.selectors.columns import Bools, Codes, Floats, Keys, coded, column_chunks, days_of, keys_of
from scoring.contracts import Role
from scoring.ml.schema import Kind
from scoring.models import Feature, Lead, LeadMerge, MaturityWindow, ModelVersion, Prediction
from scoring.selectors.readiness import training_policy

SKEW = timedelta(days=1)
"""Clocks of sources may be so far ahead of ours: a prediction may seem older than its lead."""
UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class WindowInForce:
    """How many days leads of a source are waited for, and whether a person set that."""

    days: float
    by_hand: bool
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class ScoredLeads:
    """Leads first scored by one version; arrays of shape n, times in days since 1970-01-01 UTC, NaN where unknown.

    `key` is the lead's id as 16 bytes, rising. `source` and the columns of `features` are codes into their names.
    """

    key: Keys
    probability: Floats
    grade: NDArray[np.str_]
    scored: Floats
    created: Floats
    source: Codes
    sources: tuple[str, ...]
    features: dict[str, tuple[Codes, tuple[str, ...]]]

    def __len__(self) -> int:
        return len(self.key)

    def part(self, mask: Bools) -> ScoredLeads:
        """Some of them."""
        return ScoredLeads(
            self.key[mask],
            self.probability[mask],
            self.grade[mask],
            self.scored[mask],
            self.created[mask],
            self.source[mask],
            self.sources,
            {name: (codes[mask], names) for name, (codes, names) in self.features.items()},
        )

    def joined(self, other: ScoredLeads) -> ScoredLeads:
        """These and others, none of them in both, by rising key; features are left behind."""
        names = tuple(dict.fromkeys([*self.sources, *other.sources]))
        code = np.array([names.index(name) for name in other.sources] or [0], dtype=np.int32)
        order = np.argsort(np.concatenate([self.key, other.key]), kind="stable")

        def both(one: Any, two: Any) -> Any:
            return np.concatenate([one, two])[order]

        return ScoredLeads(
            both(self.key, other.key),
            both(self.probability, other.probability),
            both(self.grade, other.grade),
            both(self.scored, other.scored),
            both(self.created, other.created),
            both(self.source, code[other.source] if len(other) else other.source),
            names,
            {},
        )


def windows_in_force(sources: Sequence[str]) -> dict[str, WindowInForce]:
    """The maturity window of each source; where none is known yet, the horizon."""
    horizon = float(training_policy().horizon_days)
    rows = {row.source_system: row for row in MaturityWindow.objects.all()}
    found = {}
    for name in sources:
        row = rows.get(name)
        if row is None or row.days is None:
            found[name] = WindowInForce(horizon, False, "Not estimated yet: the horizon.")
        else:
            by_hand = row.set_days is not None
            found[name] = WindowInForce(row.days, by_hand, "Set by hand." if by_hand else row.estimate_note)
    return found


def versions_to_judge(*, since: datetime, as_of: datetime) -> list[tuple[ModelVersion, Exposure]]:
    """Every version that scored in the time, newest first, once for each kind of prediction it made."""
    found = []
    for version in ModelVersion.objects.select_related("feature_set").defer("report", "reference_profile"):
        for exposure in Exposure:
            rows = _predictions(version, exposure, since=since, as_of=as_of)
            if rows.exists():
                found.append((version, exposure))
    return found


def sensitive_features(version: ModelVersion) -> list[Feature]:
    """Features that a person marked as sensitive, held out ones too: what a model may not see it can still follow."""
    kinds = (Kind.CATEGORY.value, Kind.YES_NO.value)
    return list(
        Feature.objects.filter(feature_set=version.feature_set_id, sensitive=True, kind__in=kinds).order_by(
            "position"
        )
    )


def scored_leads(
    version: ModelVersion,
    exposure: Exposure,
    *,
    since: datetime,
    as_of: datetime,
    features: Sequence[Feature] = (),
) -> ScoredLeads:
    """Leads that stood at `as_of`, came since `since` and were first scored by the version by then.

    A lead merged into another is not among them: the one that stands for it is. Leads without a date of creation have
    NaN; they are counted by who asks, since nobody can say when they are ripe.
    """
    first = (
        _predictions(version, exposure, since=since - SKEW, as_of=as_of)
        .filter(Q(lead__created__gte=since) | Q(lead__created__isnull=True))
        .exclude(lead_id__in=merged_at(as_of))
        .annotate(
            place=Window(
                RowNumber(),
                partition_by=[F("lead_id")],
                order_by=[F("scored_at").asc(), F("id").asc()],
            ),
            # An alias of its own: a feature may be called like a column.
            **{
                f"sensitive_{at}": KeyTextTransform(one.name, "lead__attributes")
                for at, one in enumerate(features)
            },
        )
        .filter(place=1)
        .order_by("lead_id")
    )
    fields = ["lead_id", "probability", "grade", "scored_at", "lead__created", "lead__source_system"]
    fields += [f"sensitive_{at}" for at in range(len(features))]
    source_codes: dict[str, int] = {}
    value_codes: list[dict[str, int]] = [{} for _ in features]
    readers = [_reader(one) for one in features]
    parts = [
        (
            keys_of(columns[0]),
            np.array(columns[1], dtype=np.float64),
            np.array(columns[2], dtype="U1"),
            days_of(columns[3]),
            days_of(columns[4]),
            coded(columns[5], source_codes),
            *(
                coded([read(raw) for raw in columns[6 + at]], value_codes[at])
                for at, read in enumerate(readers)
            ),
        )
        for columns in column_chunks(first.values_list(*fields))
    ]
    kinds = (np.dtype("S16"), np.float64, np.dtype("U1"), np.float64, np.float64, np.int32)
    joined = [
        np.concatenate([part[at] for part in parts])
        if parts
        else np.zeros(0, dtype=kinds[at] if at < 6 else np.int32)
        for at in range(6 + len(features))
    ]
    key, probability, grade, scored, created, source = joined[:6]
    return ScoredLeads(
        key,
        probability,
        grade,
        scored,
        created,
        source,
        tuple(source_codes),
        {one.name: (joined[6 + at], tuple(value_codes[at])) for at, one in enumerate(features)},
    )


def never_scored(windows: dict[str, WindowInForce], *, since: datetime, as_of: datetime) -> int:
    """Ripe leads that came since and have no score by any version to this day."""
    ripe = Q(pk__in=[])
    for name, window in windows.items():
        ripe |= Q(source_system=name, created__lte=as_of - timedelta(days=window.days))
    rows = Lead.objects.filter(ripe, created__gte=since, scored_at__isnull=True)
    return int(rows.exclude(pk__in=merged_at(as_of)).order_by().count())


def sources_since(*, since: datetime, as_of: datetime) -> list[str]:
    """Sources of leads that came in the time."""
    rows = Lead.objects.filter(created__gte=since, created__lte=as_of).order_by("source_system")
    return list(rows.values_list("source_system", flat=True).distinct())


def merged_at(as_of: datetime) -> QuerySet[LeadMerge, Any]:
    """Ids of leads that another one stood for at the time."""
    standing = Q(undone_at__isnull=True) | Q(undone_at__gt=as_of)
    return LeadMerge.objects.filter(standing, merged_at__lte=as_of).values("merged_id")


def _predictions(
    version: ModelVersion, exposure: Exposure, *, since: datetime, as_of: datetime
) -> QuerySet[Prediction]:
    roles = (
        [Role.SHADOW.value] if exposure is Exposure.SHADOW else [Role.CHAMPION.value, Role.CHALLENGER.value]
    )
    return Prediction.objects.filter(
        version=version, role__in=roles, scored_at__gte=since, scored_at__lte=as_of
    )


def _reader(feature: Feature) -> Callable[[str | None], str]:
    """How a value of the feature is read: blanks put in order, and what means "not known" called that."""
    gone = {str(token).strip().casefold() for token in feature.missing_tokens}

    @cache
    def read(raw: str | None) -> str:
        text = " ".join(str(raw).split()) if raw is not None else ""
        return UNKNOWN if not text or text.casefold() in gone else text

    return read
