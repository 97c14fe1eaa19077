"""What the leads of a model version looked like: the yardstick that later windows are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from scoring.ml.feature_bins import FeatureBins, bins_of_categories, bins_of_numbers, date_bin_names
from scoring.ml.moments import Moments
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind
from scoring.ml.sketches import QuantileSketch

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

PROBABILITY_BINS = 50
SCORES = 99
FORMAT_VERSION = 1


class ProfileError(ValueError):
    """A stored reference profile cannot be read; the message names what is wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureProfile:
    """One feature in the reference: its bins, the rows in each, and for numbers moments and quantiles.

    ``counts`` (shape ``bins.size``) follows ``bin_names``; ``missing`` is the count of the missing bin; ``outside`` how
    many values lay outside the allowed range, None in profiles made before this was counted.
    Free texts are profiled by their length in characters: their words may be personal data. ``moments`` and
    ``sketch`` are None for categories.
    """

    name: str
    label: str
    kind: Kind
    unit: str
    bins: FeatureBins
    counts: Counts
    moments: Moments | None
    sketch: QuantileSketch | None
    outside: int | None = None

    @property
    def missing(self) -> int:
        """How many rows had no value."""
        return int(self.counts[self.bins.missing])

    @property
    def n(self) -> int:
        """How many rows the profile counts."""
        return int(self.counts.sum())

    @property
    def bin_names(self) -> tuple[str, ...]:
        """What each bin holds, for people, in order."""
        if self.kind is Kind.YES_NO:
            return ("no", "yes", "missing")
        if self.kind is Kind.DATE and self.bins.edges:
            return date_bin_names(self.bins.edges)
        return self.bins.names

    def count(self, column: pd.Series[Any]) -> Counts:
        """Return how many parsed values of a later window fall into each bin (shape ``bins.size``)."""
        return self.bins.count(measured(self.kind, column))

    def to_json(self) -> dict[str, object]:
        """Return a JSON object: counts throughout, no shares."""
        return {
            "name": self.name,
            "label": self.label,
            "kind": self.kind.value,
            "unit": self.unit,
            "bins": self.bins.to_json(),
            "counts": self.counts.tolist(),
            "moments": None if self.moments is None else self.moments.to_json(),
            "sketch": None if self.sketch is None else self.sketch.to_json(),
            "outside": self.outside,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote; raises ``ValueError`` or ``KeyError`` on anything else."""
        bins = FeatureBins.from_json(data["bins"])
        counts = _counts(data["counts"], bins.size)
        moments, sketch = data["moments"], data["sketch"]
        return cls(
            str(data["name"]),
            str(data["label"]),
            Kind(data["kind"]),
            str(data["unit"]),
            bins,
            counts,
            None if moments is None else Moments.from_json(moments),
            None if sketch is None else QuantileSketch.from_json(sketch),
            None if data.get("outside") is None else int(data["outside"]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """The reference leads with one value of a feature that is watched value by value.

    ``bin`` is the value's place among the bins of ``feature``; ``counts`` (shape: all bins of all features, one
    feature after the other) are of these ``n`` leads; ``probability`` are the moments of their probabilities.
    """

    feature: str
    bin: int
    n: int
    counts: Counts
    probability: Moments

    def to_json(self) -> dict[str, object]:
        """Return a JSON object."""
        return {
            "feature": self.feature,
            "bin": self.bin,
            "n": self.n,
            "counts": self.counts.tolist(),
            "probability": self.probability.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], bins: int) -> Self:
        """Read what ``to_json`` wrote, of a profile with so many bins; raises ``ValueError`` or ``KeyError``."""
        return cls(
            str(data["feature"]),
            int(data["bin"]),
            int(data["n"]),
            _counts(data["counts"], bins),
            Moments.from_json(data["probability"]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceProfile:
    """The leads a model version was judged against, as counts that a later window can be set beside.

    ``n`` rows; ``probability_counts`` has 50 bins of .02 from 0 to 1, ``score_counts`` one bin per score 1 to
    99; ``probability`` and ``score`` are their sketches. ``created_from`` and ``created_to`` are days since
    1970-01-01 (UTC), None when creation dates are unknown. ``segments`` holds the leads of each value of each feature
    that is watched value by value; none in profiles made before there were any.
    """

    n: int
    features: tuple[FeatureProfile, ...]
    probability_counts: Counts
    score_counts: Counts
    probability: QuantileSketch
    probability_moments: Moments
    created_from: float | None
    created_to: float | None
    segments: tuple[Segment, ...] = ()

    @property
    def size(self) -> int:
        """All bins of all features together."""
        return sum(profile.bins.size for profile in self.features)

    def feature(self, name: str) -> FeatureProfile:
        """Return the profile of one feature. Raises ``KeyError`` when it has none."""
        for profile in self.features:
            if profile.name == name:
                return profile
        raise KeyError(f"the reference has no feature {name!r}")

    def to_json(self) -> dict[str, object]:
        """Return a JSON object (no NaN, no infinities)."""
        return {
            "format_version": FORMAT_VERSION,
            "n": self.n,
            "features": [profile.to_json() for profile in self.features],
            "probability_counts": self.probability_counts.tolist(),
            "score_counts": self.score_counts.tolist(),
            "probability": self.probability.to_json(),
            "probability_moments": self.probability_moments.to_json(),
            "created_from": self.created_from,
            "created_to": self.created_to,
            "segments": [segment.to_json() for segment in self.segments],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote. Raises ``ProfileError`` in words on anything else."""
        try:
            if data["format_version"] != FORMAT_VERSION:
                raise ProfileError(
                    f"reference.format_version: expected {FORMAT_VERSION}, got {data['format_version']!r}"
                )
            features = tuple(FeatureProfile.from_json(item) for item in data["features"])
            size = sum(profile.bins.size for profile in features)
            return cls(
                int(data["n"]),
                features,
                _counts(data["probability_counts"], PROBABILITY_BINS),
                _counts(data["score_counts"], SCORES),
                QuantileSketch.from_json(data["probability"]),
                Moments.from_json(data["probability_moments"]),
                _day(data["created_from"]),
                _day(data["created_to"]),
                tuple(Segment.from_json(item, size) for item in data.get("segments", ())),
            )
        except ProfileError:
            raise
        except KeyError as error:
            raise ProfileError(f"reference: the key {error} is missing") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise ProfileError(f"reference: {error}") from None


def reference_profile(
    frame: pd.DataFrame,
    schema: FeatureSchema,
    probabilities: NDArray[np.float64],
    scores: NDArray[np.int64],
    *,
    created: NDArray[np.float64] | None = None,
) -> ReferenceProfile:
    """Profile the parsed leads of ``frame`` (one column per trainable feature, n rows).

    ``probabilities`` are calibrated (0 to 1), ``scores`` whole numbers 1 to 99, ``created`` days since
    1970-01-01 (UTC; NaN where unknown); all of length n. Raises ``ValueError`` when there are no rows, a
    column is absent, the lengths differ or a value is out of range. Bins as in the drift rules: deciles of
    numbers with tied edges merged, categories of at least 0.5 %, and missing, other and unseen beside them.
    """
    n = len(frame)
    probability, score = np.asarray(probabilities, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if n == 0:
        raise ValueError("a reference needs at least 1 lead, got 0")
    if probability.shape != (n,) or score.shape != (n,):
        raise ValueError(f"expected {n} probabilities and scores, got {probability.shape} and {score.shape}")
    if not bool(((probability >= 0) & (probability <= 1)).all()):
        raise ValueError("every probability must lie between 0 and 1")
    if not bool(((score >= 1) & (score <= SCORES) & (score % 1 == 0)).all()):
        raise ValueError(f"every score must be a whole number from 1 to {SCORES}")
    absent = [spec.name for spec in schema.trainable if spec.name not in frame.columns]
    if absent:
        raise ValueError(f"the frame lacks the column {absent[0]!r} ({len(absent)} in all)")
    first, last = _span(created, n)
    features = tuple(_profile(spec, frame[spec.name]) for spec in schema.trainable)
    return ReferenceProfile(
        n,
        features,
        probability_histogram(probability),
        score_histogram(score),
        QuantileSketch.of(probability),
        Moments.of(probability),
        first,
        last,
        _segments(schema, frame, features, probability),
    )


def _segments(
    schema: FeatureSchema, frame: pd.DataFrame, features: tuple[FeatureProfile, ...], probability: Floats
) -> tuple[Segment, ...]:
    watched = [spec.name for spec in schema.trainable if spec.segment and spec.kind is Kind.CATEGORY]
    if not watched:
        return ()
    codes = {one.name: one.bins.assign(measured(one.kind, frame[one.name])) for one in features}
    found = []
    for name in watched:
        for place in np.unique(codes[name]).tolist():
            mine = codes[name] == place
            counts = [np.bincount(codes[one.name][mine], minlength=one.bins.size) for one in features]
            found.append(
                Segment(
                    name,
                    place,
                    int(mine.sum()),
                    np.concatenate(counts).astype(np.int64),
                    Moments.of(probability[mine]),
                )
            )
    return tuple(found)


def probability_histogram(probabilities: NDArray[np.float64]) -> Counts:
    """Count probabilities in 50 bins of .02; 1 falls into the last."""
    place = (np.asarray(probabilities) * PROBABILITY_BINS).astype(np.int64)
    return np.bincount(np.minimum(place, PROBABILITY_BINS - 1), minlength=PROBABILITY_BINS).astype(np.int64)


def score_histogram(scores: NDArray[Any]) -> Counts:
    """Count scores 1 to 99, one bin each."""
    return np.bincount(np.asarray(scores).astype(np.int64) - 1, minlength=SCORES).astype(np.int64)


def measured(kind: Kind, column: pd.Series[Any]) -> NDArray[Any]:
    """Return what is profiled of a parsed column: numbers as they are, texts by length, categories as such.

    Raises ``ValueError`` on an infinite number.
    """
    if kind is Kind.CATEGORY:
        return np.asarray(column.to_numpy(dtype=object))
    if kind is Kind.TEXT:
        texts = column.to_numpy(dtype=object)
        return np.array([len(text) if isinstance(text, str) else np.nan for text in texts], dtype=np.float64)
    values = np.asarray(column.to_numpy(dtype=np.float64))
    if bool(np.isinf(values).any()):
        raise ValueError(f"the column {column.name!r} holds infinite values")
    return values


def _profile(spec: FeatureSpec, column: pd.Series[Any]) -> FeatureProfile:
    values = measured(spec.kind, column)
    moments, sketch = None, None
    if spec.kind is Kind.CATEGORY:
        bins = bins_of_categories(values)
    else:
        bins = FeatureBins(edges=(0.5,)) if spec.kind is Kind.YES_NO else bins_of_numbers(values)
        moments, sketch = Moments.of(values), QuantileSketch.of(values)
    return FeatureProfile(
        spec.name,
        spec.label,
        spec.kind,
        spec.unit,
        bins,
        bins.count(values),
        moments,
        sketch,
        outside_range(spec, values),
    )


def outside_range(spec: FeatureSpec, values: NDArray[Any]) -> int:
    """Count the parsed values that lie outside the allowed range; only numbers and dates have one."""
    if spec.kind not in (Kind.NUMBER, Kind.DATE):
        return 0
    low = -np.inf if spec.minimum is None else spec.minimum
    high = np.inf if spec.maximum is None else spec.maximum
    return int(((values < low) | (values > high)).sum())


def _span(created: NDArray[np.float64] | None, n: int) -> tuple[float | None, float | None]:
    if created is None:
        return None, None
    days = np.asarray(created, dtype=np.float64)
    if days.shape != (n,):
        raise ValueError(f"expected {n} creation dates, got shape {days.shape}")
    known = days[np.isfinite(days)]
    return (float(known.min()), float(known.max())) if len(known) else (None, None)


def _counts(raw: object, size: int) -> Counts:
    counts = np.asarray(raw, dtype=np.float64)
    if counts.shape != (size,) or not bool(((counts >= 0) & (counts % 1 == 0)).all()):
        raise ValueError(f"expected {size} counts of 0 or more")
    return counts.astype(np.int64)


def _day(raw: object) -> float | None:
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not np.isfinite(raw):
        raise ValueError(f"expected a day number or null, got {raw!r}")
    return float(raw)
