"""The leak audit: for each column how well it tells the outcome alone, when it becomes known, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.ml import leakage_dates
from scoring.ml import leakage_evidence as evidence
from scoring.ml.estimates import Estimate
from scoring.ml.known_at import KnownAtGuess, guess_known_at
from scoring.ml.leakage_config import DEFAULT, LeakConfig
from scoring.ml.leakage_encoding import Bools, Coded, Floats, code_numbers, code_shapes, code_texts
from scoring.ml.leakage_rivals import rivals
from scoring.ml.leakage_text import word_scores
from scoring.ml.proportions import wilson
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, KnownAt, parse_column


@dataclass(frozen=True, slots=True)
class ColumnAudit:
    """What the audit found about one column.

    `auc` is the ROC-AUC of the column alone (its values turned into conversion rates on other rows), None
    when a class is absent; `filled_converted` and `filled_other` are the shares filled, None without rows.
    `held_out` says that the column stays out of training until a person decides otherwise.
    """

    name: str
    auc: Estimate | None
    filled_converted: Estimate | None
    filled_other: Estimate | None
    known_at: KnownAt
    reason: str
    held_out: bool
    evidence: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON object for pages and reports."""
        return {
            "name": self.name,
            "auc": None if self.auc is None else self.auc.to_json(),
            "filled_converted": None if self.filled_converted is None else self.filled_converted.to_json(),
            "filled_other": None if self.filled_other is None else self.filled_other.to_json(),
            "known_at": self.known_at.value,
            "reason": self.reason,
            "held_out": self.held_out,
            "evidence": list(self.evidence),
        }


@dataclass(slots=True)
class _Column:
    spec: FeatureSpec
    coded: Coded
    numbers: Floats | None
    score: Floats
    auc: Estimate | None
    guess: KnownAtGuess
    statistical: list[str]


def audit(
    frame_raw: pd.DataFrame,
    schema: FeatureSchema,
    target: NDArray[np.bool_],
    *,
    created: NDArray[np.float64] | None = None,
    converted_at: NDArray[np.float64] | None = None,
    config: LeakConfig = DEFAULT,
) -> tuple[ColumnAudit, ...]:
    """Audit every feature of the schema that the frame has, in the order of the schema.

    `frame_raw` holds raw values (n rows), `target` the outcomes; `created` and `converted_at` are days since
    1970 with NaN for unknown. Raises ValueError on unequal lengths.
    """
    for name, array in (("target", target), ("created", created), ("converted_at", converted_at)):
        if array is not None and len(array) != len(frame_raw):
            raise ValueError(f"{name} must have {len(frame_raw)} rows like the frame, got {len(array)}")
    specs = [spec for spec in schema.features if spec.name in frame_raw.columns]
    rows = _rows(len(frame_raw), config)
    note = "" if rows is None else f"Judged on {config.rows:,} of {len(frame_raw):,} rows, drawn at random."
    frame, y = (frame_raw, target) if rows is None else (frame_raw.iloc[rows], target[rows])
    born, won = _taken(created, rows), _taken(converted_at, rows)
    y = np.asarray(y, dtype=bool)
    fold = evidence.fold_of(y, config.folds)
    columns = [_read(spec, frame[spec.name], y, fold) for spec in specs]
    dates = {c.spec.name: c.numbers for c in columns if c.spec.kind is Kind.DATE and c.numbers is not None}
    creation = leakage_dates.find_creation(dates, born, config)
    if 0 < y.sum() < len(y):
        for column in columns:
            column.statistical += _statistical(column, y, fold, config)
            if creation is not None:
                column.statistical += _temporal(column, dates, creation, won, y, fold, config)
        _held_by_rivals(columns, y, fold, config)
    return tuple(_verdict(column, y, creation, config, note) for column in columns)


def apply_audit(schema: FeatureSchema, audits: Sequence[ColumnAudit]) -> FeatureSchema:
    """The schema with what the audit found: known-at and its reason, and held-out columns excluded."""
    found = {column.name: column for column in audits}
    return FeatureSchema(tuple(_applied(spec, found.get(spec.name)) for spec in schema.features))


def _applied(spec: FeatureSpec, column: ColumnAudit | None) -> FeatureSpec:
    if column is None:
        return spec
    known = replace(spec, known_at=column.known_at, known_at_reason=column.reason)
    if not column.held_out or spec.excluded:
        return known
    return replace(known, excluded=True, exclusion_reason=f"Held out: {column.reason}")


def _rows(n: int, config: LeakConfig) -> NDArray[np.int64] | None:
    if n <= config.rows:
        return None
    return np.sort(np.random.default_rng(0).choice(n, config.rows, replace=False))


def _taken(values: Floats | None, rows: NDArray[np.int64] | None) -> Floats | None:
    return values if values is None or rows is None else values[rows]


def _read(spec: FeatureSpec, raw: pd.Series[Any], y: Bools, fold: NDArray[np.int64]) -> _Column:
    parsed = parse_column(spec, raw)
    if parsed.dtype == object:
        numbers = None
        coded = code_texts(parsed)
        if spec.kind is Kind.TEXT:
            words = [np.nan if text is None else len(text.split()) for text in parsed]
            coded = code_numbers(np.array(words, dtype=np.float64))
        elif spec.kind is Kind.IDENTIFIER or len(coded.names) > 0.5 * max(int(coded.filled.sum()), 1):
            coded = code_shapes(parsed)
    else:
        numbers = parsed
        coded = code_numbers(parsed, dates=spec.kind is Kind.DATE)
    score = evidence.held_out_rates(coded, y, fold)
    if spec.kind is Kind.TEXT:
        score = word_scores(parsed, y, fold)
    values = (
        tuple({str(value) for value in parsed[:5000] if value is not None}) if parsed.dtype == object else ()
    )
    return _Column(spec, coded, numbers, score, evidence.auc_of(y, score), guess_known_at(spec, values), [])


def _statistical(column: _Column, y: Bools, fold: NDArray[np.int64], config: LeakConfig) -> list[str]:
    found = evidence.fill_evidence(column.coded, y, config)
    found += evidence.region_evidence(column.coded, y, fold, config)
    auc = column.auc
    if auc is None:
        return found
    if auc.value >= config.strong_auc and auc.low >= config.strong_low:
        found.append(
            f"alone it ranks {auc.value:.0%} of the pairs of leads right: no field known at creation does"
        )
    if column.numbers is not None and column.spec.kind is Kind.NUMBER:
        found += evidence.tail_evidence(column.numbers, y, config)
    return found


def _temporal(
    column: _Column,
    dates: Mapping[str, Floats],
    creation: leakage_dates.Creation,
    won: Floats | None,
    y: Bools,
    fold: NDArray[np.int64],
    config: LeakConfig,
) -> list[str]:
    if column.numbers is None or column.spec.name == creation.column:
        return []
    if column.spec.kind is Kind.NUMBER:
        return leakage_dates.elapsed_evidence(column.numbers, creation, dates, won, y)
    if column.spec.kind is not Kind.DATE:
        return []
    found = leakage_dates.later_evidence(column.numbers, creation, won, y, config)
    lag = code_numbers(column.numbers - creation.days)
    auc = evidence.auc_of(y, evidence.held_out_rates(lag, y, fold))
    if auc is not None and auc.value >= config.strong_auc and auc.low >= config.strong_low:
        found.append(f"counted from the creation it ranks {auc.value:.0%} of the pairs of leads right")
    return found


def _held_by_rivals(columns: list[_Column], y: Bools, fold: NDArray[np.int64], config: LeakConfig) -> None:
    open_columns = [c for c in columns if not c.statistical and c.auc is not None and c.auc.low > 0.5]
    scores = {c.spec.name: c.score for c in open_columns}
    for column in open_columns:
        if column.auc is None or column.auc.value < config.rival_auc:
            continue
        column.statistical += rivals(column.spec.name, scores, y, fold, config)


def _verdict(
    column: _Column, y: Bools, creation: leakage_dates.Creation | None, config: LeakConfig, note: str
) -> ColumnAudit:
    spec, guess, auc = column.spec, column.guess, column.auc
    filled = column.coded.filled
    statistical = list(dict.fromkeys(column.statistical))
    held = bool(statistical)
    lines = [*statistical]
    if creation is not None and spec.name == creation.column:
        guess = KnownAtGuess(
            KnownAt.CREATION, "no other date of the file comes before it: the creation of the lead"
        )
        held = False
    elif not held and auc is not None:
        if guess.known_at is KnownAt.OUTCOME:
            part = evidence.region(filled, y)
            lifted = max(part.lr(), part.inverse_lr()) >= config.named_fill_lr
            held = guess.certain and ((auc.value >= config.named_auc and auc.low > 0.5) or lifted)
        elif guess.known_at is KnownAt.CONTACT:
            held = auc.value >= config.contact_auc and auc.low >= config.contact_auc - 0.05
        if held:
            lines.append(f"and it ranks {auc.value:.0%} of the pairs of leads right")
    known_at, reason = guess.known_at, guess.reason
    if statistical:
        known_at = KnownAt.OUTCOME
        reason = f"{guess.reason}; " if guess.known_at is not KnownAt.CREATION else ""
        reason += "known only after the outcome, by its values: " + statistical[0]
    elif held:
        reason += ", and it tells the outcome"
    if guess.known_at is not KnownAt.CREATION:
        lines.append(guess.reason)
    if note:
        lines.append(note)
    return ColumnAudit(
        name=spec.name,
        auc=auc,
        filled_converted=_share(filled, y),
        filled_other=_share(filled, ~y),
        known_at=known_at,
        reason=reason[:1].upper() + reason[1:] + ".",
        held_out=held,
        evidence=tuple(lines),
    )


def _share(filled: Bools, side: Bools) -> Estimate | None:
    n = int(side.sum())
    return wilson(int((filled & side).sum()), n) if n else None
