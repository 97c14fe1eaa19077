"""How many predictions were made, by version, role and grade, and how long they took: counted stretch by stretch."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, IntegerField, Sum, Value, When

from monitoring.models import PredictionTotal
from scoring.models import Prediction

LATENCY_BUCKETS_MS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0)
Series = tuple[str, str, str]


@dataclass(slots=True)
class Totals:
    """Counts by version, role and grade, and by latency bucket (the last is above all limits)."""

    predictions: dict[Series, int] = field(default_factory=lambda: defaultdict(int))
    buckets: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BUCKETS_MS) + 1))
    latency_ms: float = 0.0

    def add(self, other: Totals) -> None:
        """Take in the counts of another stretch."""
        for series, count in other.predictions.items():
            self.predictions[series] += count
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]
        self.latency_ms += other.latency_ms

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "predictions": [[*series, count] for series, count in sorted(self.predictions.items())],
            "buckets": self.buckets,
            "latency_ms": self.latency_ms,
        }


def totals_of(stored: dict[str, Any]) -> Totals:
    """What :meth:`Totals.as_json` gave."""
    found = Totals(buckets=list(stored["buckets"]), latency_ms=stored["latency_ms"])
    for number, role, grade, count in stored["predictions"]:
        found.predictions[number, role, grade] = count
    return found


def count_predictions(since: datetime | None, until: datetime | None) -> Totals:
    """Totals of the predictions with since ≤ scored_at < until."""
    rows = Prediction.objects.all()
    if since is not None:
        rows = rows.filter(scored_at__gte=since)
    if until is not None:
        rows = rows.filter(scored_at__lt=until)
    place = Case(
        *(When(latency_ms__lte=limit, then=Value(i)) for i, limit in enumerate(LATENCY_BUCKETS_MS)),
        default=Value(len(LATENCY_BUCKETS_MS)),
        output_field=IntegerField(),
    )
    totals = Totals()
    grouped = rows.annotate(bucket=place).values_list("version__number", "role", "grade", "bucket")
    for number, role, grade, bucket, count, spent in grouped.annotate(
        count=Count("pk"), spent=Sum("latency_ms")
    ).order_by():
        totals.predictions[str(number), role, grade] += count
        totals.buckets[bucket] += count
        totals.latency_ms += spent or 0.0
    return totals


def kept_totals() -> tuple[Totals, datetime | None]:
    """The totals that a worker keeps, and up to when they count; (nothing, None) before it did."""
    row = PredictionTotal.objects.first()
    return (Totals(), None) if row is None else (totals_of(row.totals), row.until)
