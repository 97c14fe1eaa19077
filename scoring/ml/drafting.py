"""Drawing up a feature set from a file: what each column is, how it is read, and every judgement in words."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.ml.draft_duplicates import find_duplicates
from scoring.ml.draft_kinds import guess_kind
from scoring.ml.draft_missing import MissingToken, missing_words
from scoring.ml.known_at import guess_known_at
from scoring.ml.labels import label_and_unit, words_of
from scoring.ml.parsing import shown
from scoring.ml.phrases import count, percent
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_column
from scoring.ml.words import SEGMENT_WORDS, SENSITIVE_WORDS

NEAR_CONSTANT = 0.995
_NAMELESS = re.compile(r"column \d+( \(\d+\))?")
"""What a column is called that has no name in the file."""
FEWEST_OTHERS = 5
"""Below so many rows that differ, a column cannot teach anything and is left out."""


@dataclass(frozen=True, slots=True)
class ColumnDraft:
    """One column of the draft: the feature, what counts as missing and how often, and notes for people."""

    spec: FeatureSpec
    missing: tuple[MissingToken, ...]
    blank: int
    distinct: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A feature set as drawn up from a file, to be read, edited and activated by a person."""

    columns: tuple[ColumnDraft, ...]
    rows: int
    notes: tuple[str, ...]

    @property
    def schema(self) -> FeatureSchema:
        """The features alone, ready for parsing."""
        return FeatureSchema(tuple(column.spec for column in self.columns))


def draft_features(
    frame: pd.DataFrame, target: NDArray[np.bool_], *, created: NDArray[np.float64] | None = None
) -> Draft:
    """Draw up a feature set from raw columns (texts or None, shape n × columns).

    `target` (shape n) and `created` (days since 1970, shape n) describe the same rows; the draft names how
    many leads and conversions it saw. Raises ValueError when their lengths differ or a header comes twice.
    """
    if len(target) != len(frame) or (created is not None and len(created) != len(frame)):
        raise ValueError(f"target and created must have {len(frame)} rows like the frame, got {len(target)}")
    if not frame.columns.is_unique:
        raise ValueError("every column name must be unique")
    drafts = [_column(str(name), frame[name]) for name in frame.columns]
    drafts = _without_copies(drafts, frame)
    notes = [f"Drawn up from {count(len(frame), 'row')}, of which {int(target.sum()):,} converted."]
    left_out = [
        f"{draft.spec.name} ({'names the lead' if draft.spec.kind is Kind.IDENTIFIER else 'held out'})"
        for draft in drafts
        if not draft.spec.trainable
    ]
    if left_out:
        notes.append(f"Not used for training: {', '.join(left_out[:20])}.")
    if created is not None:
        known = int(np.isfinite(created).sum())
        notes.append(f"Of these, {count(known, 'row has', 'rows have')} a date of creation.")
    return Draft(tuple(drafts), len(frame), tuple(notes))


def _column(name: str, column: pd.Series[Any]) -> ColumnDraft:
    texts = (
        column.astype("object")
        .where(column.notna(), "")
        .map(lambda raw: raw if isinstance(raw, str) else shown(raw))
    )
    stripped = texts.str.strip()
    counts: dict[str, int] = {str(k): int(v) for k, v in stripped.value_counts(sort=False).items()}
    blank = counts.pop("", 0)
    words = missing_words(counts)
    filled = {text: n for text, n in counts.items() if text not in {token.text for token in words}}
    label, unit = label_and_unit(name)
    guess = guess_kind(name, filled, [text for text in stripped.head(200) if text])
    tokens = sorted([*words, *guess.tokens], key=lambda token: -token.count)
    excluded, reason, notes = _spread(filled, guess.tokens, len(column), guess.notes)
    if tokens:
        listed = ", ".join(
            f"“{token.text}” ({count(token.count, 'row')}, {token.reason})" for token in tokens[:8]
        )
        notes = [f"Read as missing: {listed}.", *notes]
    if blank:
        notes = [*notes, f"{count(blank, 'row is', 'rows are')} blank."]
    sensitive = guess.sensitive or bool(set(words_of(name)) & SENSITIVE_WORDS)
    if sensitive and not guess.sensitive:
        notes = [*notes, "Marked as sensitive because of its name: watched for fairness."]
    segment = guess.kind is Kind.CATEGORY and not excluded and bool(set(words_of(name)) & SEGMENT_WORDS)
    if segment:
        notes = [*notes, "Watched value by value because of its name: each value may change on its own."]
    spec = FeatureSpec(
        name=name,
        label=label,
        kind=guess.kind,
        unit=unit or guess.unit,
        missing_tokens=tuple(dict.fromkeys(token.text for token in tokens)),
        excluded=excluded,
        exclusion_reason=reason,
        sensitive=sensitive,
        segment=segment,
        decimal=guess.decimal,
        thousands=guess.thousands,
        date_format=guess.date_format,
        true_values=guess.true_values,
        false_values=guess.false_values,
    )
    known = guess_known_at(spec, tuple(filled)[:500])
    spec = replace(spec, known_at=known.known_at, known_at_reason=known.reason)
    return ColumnDraft(spec, tuple(tokens), blank, len(filled), tuple(notes))


def _spread(
    filled: dict[str, int], special: list[MissingToken], rows: int, notes: list[str]
) -> tuple[bool, str, list[str]]:
    """Whether the column is empty or constant, and the notes with that said."""
    special_texts = {token.text for token in special}
    values = {text: n for text, n in filled.items() if text not in special_texts}
    if not values:
        return True, "The column is empty.", notes
    top, n = max(values.items(), key=lambda item: item[1])
    others = rows - n
    if others == 0:
        return True, f"The same value in every row: “{shown(top)}”.", notes
    if others < FEWEST_OTHERS:
        return True, f"All rows but {others} hold “{shown(top)}”.", notes
    if n >= NEAR_CONSTANT * rows:
        notes = [*notes, f"Nearly constant: all rows but {others} hold “{shown(top)}”."]
    return False, "", notes


def _without_copies(drafts: list[ColumnDraft], frame: pd.DataFrame) -> list[ColumnDraft]:
    """Name columns that repeat another; the later one is left out when it repeats it in every row."""
    values: dict[str, NDArray[np.float64]] = {}
    categorical = set()
    for draft in drafts:
        spec = draft.spec
        if not spec.trainable or spec.kind is Kind.TEXT:
            continue
        parsed = parse_column(spec, frame[spec.name])
        if parsed.dtype == object:
            codes, _ = pd.factorize(pd.Series(parsed, dtype=object))
            values[spec.name] = np.where(codes < 0, np.nan, codes.astype(np.float64))
            categorical.add(spec.name)
        else:
            values[spec.name] = parsed
            if spec.kind is Kind.YES_NO:
                categorical.add(spec.name)
    by_name = {draft.spec.name: draft for draft in drafts}
    for copy in find_duplicates(values, frozenset(categorical)):
        kept, other = by_name[copy.first], by_name[copy.second]
        if not kept.spec.trainable or not other.spec.trainable:
            continue
        if _NAMELESS.fullmatch(kept.spec.name) and not _NAMELESS.fullmatch(other.spec.name):
            kept, other = other, kept
        if copy.share >= 1.0:
            reason = f"{_repeats(frame[kept.spec.name], frame[other.spec.name], kept.spec)} One of the two is enough."
            repeated = replace(other.spec, excluded=True, exclusion_reason=reason)
            by_name[other.spec.name] = replace(other, spec=repeated)
        else:
            note = (
                f"Tells nearly nothing that “{kept.spec.label}” does not: in {percent(copy.share)} of the rows one can "
                "be read off the other."
            )
            by_name[other.spec.name] = replace(other, notes=(*other.notes, note))
    return list(by_name.values())


def _repeats(kept: pd.Series[Any], other: pd.Series[Any], spec: FeatureSpec) -> str:
    """How a column repeats another, of which it is known that each can be read off the other."""
    name = f"“{spec.label}”"
    if _NAMELESS.fullmatch(spec.name):
        name = f"{name.lower()}, which has no name in the file,"
    if kept.fillna("").equals(other.fillna("")):
        return f"Holds the same values as {name} in every row."
    return (
        f"Tells nothing that {name} does not: each of its values always stands beside the same value there."
    )
