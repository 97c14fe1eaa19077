"""The audit of a feature set as a table: each column's single-feature AUC on one common axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from leadscoring.common.admin.words import estimate_words
from leadscoring.common.charts import IntervalBar, interval_bars, share_bar
from scoring.models import Feature

LEAST_AUC, MOST_AUC, GUESSING = 0.5, 1.0, 0.5


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One column as people read it."""

    feature: Feature
    tokens: tuple[str, ...]
    auc_bar: SafeString | None
    auc_words: str
    filled: tuple[FilledShare, ...]
    evidence: tuple[str, ...]
    notes: tuple[str, ...]
    overruled: bool


@dataclass(frozen=True, slots=True)
class FilledShare:
    """How often the column is filled in one group."""

    group: str
    bar: SafeString
    words: str


@dataclass(frozen=True, slots=True)
class AuditTable:
    """Rows and the head of the AUC column."""

    rows: tuple[AuditRow, ...]
    axis: SafeString | None


def audit_table(features: Sequence[Feature]) -> AuditTable:
    """The table of these features, in their order."""
    bars = {f.pk: bar for f in features if (bar := _auc(f.audit.get("auc"))) is not None}
    axis = interval_bars(list(bars.values()), low=LEAST_AUC, high=MOST_AUC, reference=GUESSING)
    rows = tuple(
        AuditRow(
            feature=f,
            tokens=tuple(str(t) for t in f.missing_tokens),
            auc_bar=axis.draw(bars[f.pk]) if f.pk in bars else None,
            auc_words=estimate_words(f.audit.get("auc")) if f.pk in bars else "",
            filled=_filled(f.audit),
            evidence=tuple(str(e) for e in f.audit.get("evidence") or ()),
            notes=tuple(str(n) for n in f.notes),
            overruled=bool(f.audit.get("held_out")) and not f.excluded,
        )
        for f in features
    )
    return AuditTable(rows, axis.header() if bars else None)


def _auc(found: object) -> IntervalBar | None:
    if not isinstance(found, Mapping):
        return None
    value, low, high, n = (found.get(key) for key in ("value", "low", "high", "n"))
    if not all(isinstance(x, int | float) for x in (value, low, high, n)):
        return None
    return IntervalBar(float(value or 0), float(low or 0), float(high or 0), int(n or 0))


def _filled(audit: Mapping[str, Any]) -> tuple[FilledShare, ...]:
    groups = (("converted", audit.get("filled_converted")), ("others", audit.get("filled_other")))
    found = []
    for group, share in groups:
        value, n = _share(share)
        if value is None:
            continue
        of = f" of {n:,}" if n is not None else ""
        found.append(FilledShare(group, share_bar(value), f"{value:.1%}{of} {group}".replace("%", " %")))
    return tuple(found)


def _share(found: object) -> tuple[float | None, int | None]:
    if isinstance(found, Mapping):
        value, n = found.get("value"), found.get("n")
        return (float(value) if isinstance(value, int | float) else None, n if isinstance(n, int) else None)
    return (float(found), None) if isinstance(found, int | float) else (None, None)
