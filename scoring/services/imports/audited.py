"""The sample of a file, audited: how its mapped columns are written, and what its other columns are."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scoring.ml.draft_dates import date_format
from scoring.ml.draft_kinds import number_marks
from scoring.ml.schema import FeatureSpec, Kind, parse_column
from scoring.services.features import Audited, draft_audited
from scoring.services.imports.options import ImportOptions
from scoring.services.imports.target import Target

if TYPE_CHECKING:
    import pandas as pd


def audit_sample(
    sample: pd.DataFrame, options: ImportOptions, target: Target
) -> tuple[Audited, dict[str, FeatureSpec]]:
    """Draft and audit of the columns that describe leads, and how dates and money of the mapped ones are written.

    `sample` holds raw texts, one row a lead. Rows without an outcome say nothing about leaks and are left aside.
    """
    told = ~sample[options.converted].map(target.is_blank).to_numpy(dtype=np.bool_)
    frame = sample.loc[told].reset_index(drop=True)
    converted = frame[options.converted].map(target.is_converted).to_numpy(dtype=np.bool_)
    mapped = _mapped_specs(frame, options, converted)
    created = _days(frame, mapped.get(options.created_at or ""))
    converted_at = _days(frame, mapped.get(options.converted_at or ""))
    if converted_at is not None:
        converted_at = np.where(converted, converted_at, np.nan)
    features = frame[[name for name in frame.columns if name not in options.not_attributes()]]
    audited = draft_audited(
        features, converted, created=created, converted_at=converted_at, exclude=options.exclude
    )
    return audited, mapped


def _mapped_specs(
    frame: pd.DataFrame, options: ImportOptions, converted: NDArray[np.bool_]
) -> dict[str, FeatureSpec]:
    from scoring.ml.drafting import draft_features

    kinds = {options.created_at: Kind.DATE, options.converted_at: Kind.DATE, options.revenue: Kind.NUMBER}
    wanted = {name: kind for name, kind in kinds.items() if name is not None}
    drafted = draft_features(frame[list(wanted)], converted).schema.by_name
    # The option says what a column is; the draft only how it is written, where it came to the same.
    return {
        name: replace(drafted[name], excluded=False)
        if drafted[name].kind is kind
        else _as_told(name, kind, frame[name])
        for name, kind in wanted.items()
    }


def _as_told(name: str, kind: Kind, texts: pd.Series[str]) -> FeatureSpec:
    """A column that is of a kind because somebody says so: what can be read of it tells how it is written."""
    counts = Counter(texts.dropna().str.strip())
    if kind is Kind.DATE:
        return FeatureSpec(name=name, label=name, kind=kind, date_format=date_format(counts))
    decimal, thousands = number_marks(counts)
    return FeatureSpec(name=name, label=name, kind=kind, decimal=decimal, thousands=thousands)


def _days(frame: pd.DataFrame, spec: FeatureSpec | None) -> NDArray[np.float64] | None:
    return None if spec is None else parse_column(spec, frame[spec.name]).astype(np.float64)
