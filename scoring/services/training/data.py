"""Which leads train: ripe ones that fit the feature set, with their values as they were when scored."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from scoring.contracts import OutcomeKind, TrainingRefused
from scoring.ml.maturity import windows_by_source
from scoring.ml.schema import FeatureSchema, KnownAt, parse_column, parse_frame
from scoring.models import FeatureSet, Lead, MaturityWindow, Outcome, Prediction, TrainingPolicy

if TYPE_CHECKING:
    from scoring.ml.results import HeldOut, TrainingData

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BATCH = 5000
# Dates order the leads only when nearly all have one.
LEAST_DATED = 0.95


@dataclass(slots=True)
class Collected:
    """Training data and an account of what was left out and why."""

    data: TrainingData
    fingerprint: str
    rows: int
    conversions: int
    left_out: dict[str, int]
    windows: dict[str, dict[str, Any]]
    first: str | None
    last: str | None
    notes: list[str] = field(default_factory=list)

    def account(self) -> dict[str, Any]:
        """For the run's row and the version's page."""
        return {
            "rows": self.rows,
            "conversions": self.conversions,
            "left_out": self.left_out,
            "windows": self.windows,
            "dates": {"first": self.first, "last": self.last},
            "notes": self.notes,
        }


@dataclass(slots=True)
class _Row:
    attributes: dict[str, Any]
    now: dict[str, Any]
    created: float | None
    position: int | None
    converted: bool
    decided: bool
    occurred: float | None
    source: str
    import_run: int | None


def collect(feature_set: FeatureSet, *, as_of: datetime) -> Collected:
    """Read the leads that may train a model on this feature set.

    A lead trains when it is ripe: older than its source's maturity window, or, in a list without dates, finished.
    Converted leads younger than the window wait like the others, since counting only those that converted early
    would flatter the young ones.

    Raises:
        TrainingRefused: no lead is ripe, or all have the same outcome.
    """
    import pandas as pd

    from scoring.ml.results import TrainingData

    schema = feature_set.schema()
    names = [spec.name for spec in schema.trainable]
    if not names:
        raise TrainingRefused(f"{feature_set} holds every column out; nothing is left to learn from.")
    left_out: Counter[str] = Counter()
    rows = [row for row in _rows(as_of) if _fits(row, names, left_out)]
    now = (as_of - EPOCH).total_seconds() / 86400
    windows = _windows(rows, now, as_of)
    kept = [row for row in rows if _ripe(row, windows, now, left_out)]
    if not kept:
        raise TrainingRefused(_nothing(left_out))
    target = np.array([row.converted for row in kept], dtype=np.bool_)
    if target.all() or not target.any():
        kind = "converted" if target.all() else "did not convert"
        raise TrainingRefused(f"All {len(kept):,} ripe leads {kind}; expected both kinds.")
    kept, target, order, order_kind = _ordered(kept, target)
    raw = pd.DataFrame({name: _column([row.attributes for row in kept], name) for name in names})
    dates = [row.created for row in kept if row.created is not None]
    return Collected(
        data=TrainingData(
            frame=parse_frame(schema, raw),
            target=target,
            order=order,
            order_kind=order_kind,
            held_out=_held_out(schema, kept),
        ),
        fingerprint=_fingerprint(schema, kept),
        rows=len(kept),
        conversions=int(target.sum()),
        left_out=dict(left_out),
        windows=windows,
        first=_day(min(dates)) if dates else None,
        last=_day(max(dates)) if dates else None,
        notes=_notes(schema, kept, left_out),
    )


def _column(attributes: list[dict[str, Any]], name: str) -> np.ndarray[Any, np.dtype[np.object_]]:
    column = np.empty(len(attributes), dtype=object)
    column[:] = [one.get(name) for one in attributes]
    return column


def _held_out(schema: FeatureSchema, rows: list[_Row]) -> HeldOut:
    """The columns held out of training, as they stand now: what comes after scoring is only there now."""
    import pandas as pd

    from scoring.ml.results import HeldOut

    specs = tuple(spec for spec in schema.features if spec.excluded)
    now = [row.now for row in rows]
    columns = {}
    for spec in specs:
        parsed = parse_column(spec, pd.Series(_column(now, spec.name), dtype=object))
        columns[spec.name] = pd.Series(parsed, dtype=parsed.dtype)
    return HeldOut(specs, pd.DataFrame(columns, index=range(len(rows))))


def _rows(as_of: datetime) -> Iterator[_Row]:
    # A merged lead is told by the one that stands for it: it would count twice.
    leads = Lead.objects.filter(first_seen__lte=as_of, merged_into__isnull=True).order_by("id")
    fields = ("id", "attributes", "created", "file_position", "source_system", "import_run_id")
    last: UUID | None = None
    while True:
        # By key, not by offset: each batch costs the same, and writers meanwhile shift nothing.
        page = leads if last is None else leads.filter(id__gt=last)
        batch = list(page.values_list(*fields)[:BATCH])
        if not batch:
            return
        last = batch[-1][0]
        ids = [lead[0] for lead in batch]
        outcomes = {
            o.lead_id: o
            for o in Outcome.objects.filter(
                lead_id__gte=ids[0], lead_id__lte=ids[-1], is_current=True, recorded_at__lte=as_of
            )
        }
        scored = _first_values(ids[0], ids[-1])
        for pk, attributes, created, position, source, import_run in batch:
            outcome = outcomes.get(pk)
            yield _Row(
                # What was scored is what may be learned from: later facts were not known then.
                attributes=scored.get(pk, attributes),
                now=attributes,
                created=_days(created),
                position=position,
                converted=outcome is not None and outcome.kind == OutcomeKind.CONVERTED,
                decided=outcome is not None,
                occurred=_days(outcome.occurred_at) if outcome is not None else None,
                source=source,
                import_run=import_run,
            )


def _first_values(first: UUID, last: UUID) -> dict[UUID, dict[str, Any]]:
    found: dict[UUID, dict[str, Any]] = {}
    rows = Prediction.objects.filter(lead_id__gte=first, lead_id__lte=last).order_by(
        "lead_id", "scored_at", "id"
    )
    for lead_id, values in rows.values_list("lead_id", "values").iterator(chunk_size=BATCH):
        found.setdefault(lead_id, values)
    return found


def _fits(row: _Row, names: list[str], left_out: Counter[str]) -> bool:
    # Blank cells are not stored, so a lead is judged by what it could have: nothing in common is another list.
    if not any(name in row.attributes for name in names):
        left_out["other fields"] += 1
        return False
    return True


def _ripe(row: _Row, windows: dict[str, dict[str, Any]], now: float, left_out: Counter[str]) -> bool:
    if row.created is None:
        if not row.decided:
            left_out["open, without a date"] += 1
        return row.decided
    if now - row.created < windows[row.source]["days"]:
        left_out["not ripe"] += 1
        return False
    return True


def _windows(rows: list[_Row], now: float, as_of: datetime) -> dict[str, dict[str, Any]]:
    """The maturity window of each source that has dates: set by hand, else estimated, else the horizon."""
    policy = TrainingPolicy.objects.first() or TrainingPolicy()
    dated = [row for row in rows if row.created is not None]
    if not dated:
        return {}
    estimates = windows_by_source(
        np.array([row.source for row in dated], dtype=object),
        np.array([row.created for row in dated], dtype=np.float64),
        np.array([row.converted for row in dated], dtype=np.bool_),
        np.array([_conversion_day(row) for row in dated], dtype=np.float64),
        np.array([row.decided and not row.converted for row in dated], dtype=np.bool_),
        as_of=now,
        horizon=float(policy.horizon_days),
    )
    windows: dict[str, dict[str, Any]] = {}
    for source in sorted({row.source for row in dated}):
        estimate = estimates[source]
        window, _ = MaturityWindow.objects.update_or_create(
            source_system=source,
            defaults={
                "estimated_days": estimate.days,
                "estimate_note": estimate.reason,
                "estimated_at": as_of,
            },
        )
        by_hand = window.set_days is not None
        windows[source] = {
            "days": window.days,
            "note": "Set by hand." if by_hand else estimate.reason,
            "leads": estimate.n,
        }
    return windows


def _conversion_day(row: _Row) -> float:
    return row.occurred if row.converted and row.occurred is not None else np.nan


def _ordered(
    rows: list[_Row], target: np.ndarray[Any, np.dtype[np.bool_]]
) -> tuple[
    list[_Row], np.ndarray[Any, np.dtype[np.bool_]], np.ndarray[Any, np.dtype[np.float64]] | None, Any
]:
    """Rows oldest first where there is an order: dates, else the row numbers of one file."""
    dated = sum(row.created is not None for row in rows) / len(rows)
    if dated >= LEAST_DATED:
        keys = np.array([row.created if row.created is not None else -np.inf for row in rows])
        kind = "dates"
    elif all(row.position is not None for row in rows) and len({row.import_run for row in rows}) == 1:
        keys = np.array([row.position for row in rows], dtype=np.float64)
        kind = "file"
    else:
        return rows, target, None, "none"
    by_time = np.argsort(keys, kind="stable")
    order = keys[by_time]
    if kind == "dates":
        # The few without a date count as oldest.
        order = np.where(np.isfinite(order), order, order[np.isfinite(order)].min())
    return [rows[i] for i in by_time], target[by_time], order, kind


def _fingerprint(schema: FeatureSchema, rows: list[_Row]) -> str:
    """SHA-256 of the values and outcomes that trained, in their order."""
    digest = hashlib.sha256()
    names = [spec.name for spec in schema.trainable]
    digest.update(json.dumps(names, ensure_ascii=False).encode())
    for row in rows:
        digest.update(
            json.dumps(
                [[row.attributes.get(name) for name in names], row.converted, row.created], ensure_ascii=False
            ).encode()
        )
    return digest.hexdigest()


def _notes(schema: FeatureSchema, rows: list[_Row], left_out: Counter[str]) -> list[str]:
    notes = []
    later = [spec.label for spec in schema.trainable if spec.known_at is KnownAt.CONTACT]
    if later:
        notes.append(
            f"Known only during contact: {', '.join(later)}. A lead scored before contact is scored without them, "
            "and less surely than the metrics say; hold them out if leads are scored at creation only."
        )
    if any(row.created is None for row in rows):
        notes.append("Leads without a date of creation count as ripe once their outcome is known.")
    reasons = {
        "not ripe": "younger than their source's maturity window",
        "open, without a date": "open and without a date, so nobody can say whether they are ripe",
        "other fields": "from another list: they carry none of these features",
    }
    notes.extend(f"{n:,} leads were left out: {reasons[key]}." for key, n in left_out.items() if n)
    return notes


def _nothing(left_out: Counter[str]) -> str:
    if not left_out:
        return "There are no leads yet. Import a file first: in the admin under Imports, or by import_leads."
    counts = ", ".join(f"{n:,} {reason}" for reason, n in left_out.most_common())
    return f"No lead is ripe for training: {counts}."


def _days(at: datetime | None) -> float | None:
    return None if at is None else (at - EPOCH).total_seconds() / 86400


def _day(days: float) -> str:
    return datetime.fromtimestamp(days * 86400, tz=UTC).date().isoformat()
