"""Leads with the prediction that stood when a version first scored them, and what was known of them at a moment.

Read column by column into arrays: of a million leads about 60 MB are kept, and no lead as an object.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import F, Q, QuerySet, Window
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import RowNumber
from numpy.typing import NDArray

from monitoring.models import Exposure
from scoring.contracts import OutcomeKind, Role
from scoring.ml.schema import Kind
from scoring.models import Feature, Lead, LeadMerge, MaturityWindow, ModelVersion, Outcome, Prediction
from scoring.selectors.readiness import training_policy

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Keys = NDArray[np.bytes_]
Codes = NDArray[np.int32]

CHUNK = 20_000
DAY = 86_400.0
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


@dataclass(frozen=True, slots=True, eq=False)
class KnownOutcomes:
    """What was known of leads at a moment; arrays of shape n, `key` rising.

    `occurred` is NaN where the source told no time, `recorded` is when we learnt of it; both in days. `revenue` is NaN
    where unknown or not in `currency`, the most frequent one. `corrected` leads were said to be something else before,
    `withdrawn` ones have no outcome any more and are not among the rows.
    """

    key: Keys
    converted: Bools
    occurred: Floats
    recorded: Floats
    revenue: Floats
    currency: str
    other_currency: int
    corrected: int
    withdrawn: int

    @property
    def told(self) -> Floats:
        """When each outcome happened, at the latest: a date without a time may mean any hour of its day; where the
        source tells no time, when we learnt of it."""
        date_only = np.isclose(self.occurred, np.round(self.occurred), rtol=0.0, atol=1e-6)
        end_of_day = np.minimum(self.occurred + 1.0, np.maximum(self.recorded, self.occurred))
        latest = np.where(date_only, end_of_day, self.occurred)
        return np.asarray(np.where(np.isnan(latest), self.recorded, latest))

    def places(self, keys: Keys) -> tuple[NDArray[np.int64], Bools]:
        """Where each key stands, and whether it is there at all."""
        at = np.searchsorted(self.key, keys)
        if not len(self.key):
            return at, np.zeros(len(keys), dtype=np.bool_)
        at = np.minimum(at, len(self.key) - 1)
        return at, np.asarray(self.key[at] == keys)


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
    parts: list[tuple[Any, ...]] = []
    for columns in _chunks(first.values_list(*fields)):
        parts.append(
            (
                _keys(columns[0]),
                np.array(columns[1], dtype=np.float64),
                np.array(columns[2], dtype="U1"),
                _days(columns[3]),
                _days(columns[4]),
                _coded(columns[5], source_codes),
                *(
                    _coded([_value(feature, raw) for raw in columns[6 + at]], value_codes[at])
                    for at, feature in enumerate(features)
                ),
            )
        )
    kinds = (np.dtype("S16"), np.float64, np.dtype("U1"), np.float64, np.float64, np.int32)
    joined = [
        np.concatenate([part[at] for part in parts])
        if parts
        else np.zeros(0, dtype=kinds[at] if at < 6 else np.int32)
        for at in range(6 + len(features))
    ]
    return ScoredLeads(
        *joined[:6],
        tuple(source_codes),
        {one.name: (joined[6 + at], tuple(value_codes[at])) for at, one in enumerate(features)},
    )


def known_outcomes(*, since: datetime, as_of: datetime) -> KnownOutcomes:
    """The outcome of each lead that came since `since`, or has no date, as it was known at `as_of`.

    A correction adds a row and the older one stays, so what was known is the newest row recorded by then. A row that is
    not current although none followed it was withdrawn: when is kept only for those that an undone merge took back; for
    others they count as withdrawn at any time.
    """
    undone = list(LeadMerge.objects.filter(undone_at__isnull=False).values_list("undone_at", "before"))
    made = {(before.get("outcome") or {}).get("made"): at for at, before in undone if before.get("outcome")}
    rows = (
        Outcome.objects.filter(Q(lead__created__gte=since) | Q(lead__created__isnull=True))
        .order_by("lead_id", "recorded_at", "id")
        .values_list(
            "lead_id", "kind", "occurred_at", "recorded_at", "revenue", "currency", "is_current", "id"
        )
    )
    reader = _OutcomeReader(as_of, made)
    for chunk in _rows(rows):
        for row in chunk:
            reader.read(row)
        reader.fold()
    return reader.close()


class _OutcomeReader:
    """Folds rows in order of lead and time into the one that was known."""

    def __init__(self, as_of: datetime, made: dict[Any, datetime]) -> None:
        self.as_of, self.made = as_of, made
        self.lead: UUID | None = None
        self.known: tuple[Any, ...] | None = None
        self.before = False
        self.later = False
        self.open: list[tuple[Any, ...]] = []
        self.parts: list[tuple[Any, ...]] = []
        self.money: Counter[str] = Counter()
        self.codes: dict[str, int] = {}
        self.corrected = self.withdrawn = 0

    def read(self, row: tuple[Any, ...]) -> None:
        if row[0] != self.lead:
            self._end()
            self.lead = row[0]
        if row[3] > self.as_of:
            self.later = True
            return
        undone = self.made.get(row[7])
        if undone is not None and undone <= self.as_of:
            return
        if self.known is not None and self.known[1] != row[1]:
            self.before = True
        self.known = row

    def _end(self) -> None:
        row, known_then = self.known, self.later
        if row is not None:
            if row[6] or known_then or row[7] in self.made:
                self.open.append(row)
                self.corrected += self.before
            else:
                self.withdrawn += 1
        self.known, self.before, self.later = None, False, False

    def fold(self) -> None:
        """Turn what is complete into arrays."""
        if not self.open:
            return
        lead, kind, occurred, recorded, revenue, currency, _, _ = zip(*self.open, strict=True)
        self.money.update(word for word, amount in zip(currency, revenue, strict=True) if amount is not None)
        self.parts.append(
            (
                _keys(lead),
                np.array([one == OutcomeKind.CONVERTED.value for one in kind], dtype=np.bool_),
                _days(occurred),
                _days(recorded),
                np.array([np.nan if one is None else float(one) for one in revenue], dtype=np.float64),
                _coded(currency, self.codes),
            )
        )
        self.open = []

    def close(self) -> KnownOutcomes:
        self._end()
        self.fold()
        kinds = (np.dtype("S16"), np.bool_, np.float64, np.float64, np.float64, np.int32)
        key, converted, occurred, recorded, revenue, currency = (
            np.concatenate([part[at] for part in self.parts]) if self.parts else np.zeros(0, dtype=kinds[at])
            for at in range(6)
        )
        main = self.money.most_common(1)[0][0] if self.money else ""
        other = (currency != self.codes.get(main, -1)) & ~np.isnan(revenue)
        return KnownOutcomes(
            key,
            converted,
            occurred,
            recorded,
            np.where(other, np.nan, revenue),
            main,
            int(other.sum()),
            self.corrected,
            self.withdrawn,
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


def _rows(rows: QuerySet[Any, Any]) -> Iterator[list[tuple[Any, ...]]]:
    stream = rows.iterator(chunk_size=CHUNK)
    while chunk := list(islice(stream, CHUNK)):
        yield chunk


def _chunks(rows: QuerySet[Any, Any]) -> Iterator[list[tuple[Any, ...]]]:
    for chunk in _rows(rows):
        yield list(zip(*chunk, strict=True))


def _keys(ids: Sequence[UUID]) -> Keys:
    return np.array([one.bytes for one in ids], dtype="S16")


def _days(times: Sequence[datetime | None]) -> Floats:
    return np.array([np.nan if at is None else at.timestamp() / DAY for at in times], dtype=np.float64)


def _coded(values: Sequence[str], codes: dict[str, int]) -> Codes:
    return np.array([codes.setdefault(value, len(codes)) for value in values], dtype=np.int32)


def _value(feature: Feature, raw: str | None) -> str:
    text = " ".join(str(raw).split()) if raw is not None else ""
    gone = {str(token).strip().casefold() for token in feature.missing_tokens}
    return UNKNOWN if not text or text.casefold() in gone else text
